"""Words about the plan: over its picture, and about the bar under the cursor.

Pure: `now` is an argument. Lines are pieces with the role of their colour. Must not know what draws them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rcq_tui.viewmodel.formats import duration, moment
from rcq_tui.viewmodel.lanes import Told
from rcq_tui.viewmodel.planbars import Viewer
from rcq_tui.viewmodel.planlook import Look
from rcq_tui.viewmodel.slots import whose
from rcq_tui.viewmodel.text import clean, cut, width
from rcq_tui.viewmodel.words import sentence

Line = list[tuple[str, str]]
_STARTS = ("promised", "forecast")


def about(seconds: float) -> str:
    """A duration that does not change each second: whole minutes once there are any."""
    return f"{int(seconds // 60)}m" if 60 <= seconds < 3600 else duration(seconds) if seconds >= 60 else "under 1m"


def soon(at: float, now: float) -> str:
    """How far ahead, to the minute."""
    return "now" if at <= now else f"in {about(at - now)}"


def own_starts(planned: Told, viewer: Viewer) -> list[Told]:
    """Jobs of the viewer that are to start, the next one first."""
    return sorted(
        (item for item in planned["items"] if item["kind"] in _STARTS and viewer.owns(item)),
        key=lambda item: (item["start"], item["id"] or 0),
    )


def title(planned: Told, look: Look, viewer: Viewer, cells: int) -> Line:
    """What the picture shows, and when the viewer's next job starts."""
    now = planned["now"]
    begin = look.begin(now)
    shown = f"{look.name} from {moment(begin, now)}"
    line: Line = [("Plan ", "title"), (f"{shown}   ", "quiet")]
    starts = [item for item in own_starts(planned, viewer) if item["start"] > now]
    if starts:
        first = starts[0]
        word = "" if first["kind"] == "promised" else ", as foreseen"
        line += [
            (f"{viewer.star} ", "ok"),
            (f"{first['id']} starts {soon(first['start'], now)}", "ok"),
            (word, "quiet"),
        ]
        if len(starts) > 1:
            line.append((f", then {len(starts) - 1} more of yours", "quiet"))
    else:
        line.append((_counts(planned), "quiet"))
    return fitted(line, cells)


def _counts(planned: Told) -> str:
    kinds = [item["kind"] for item in planned["items"]]
    counts = {"running": "running", "promised": "promised", "forecast": "foreseen", "slot": "booked"}
    said = [f"{kinds.count(kind)} {word}" for kind, word in counts.items() if kind in kinds]
    return ", ".join(said) or "nothing runs and nothing is to start"


def nothing_chosen(planned: Told) -> list[Line]:
    """Where no bar is under the cursor."""
    said = "No bar is in sight: g goes to now, - shows more time." if planned["items"] else ""
    return [[(said or "All cards are free: s submits a job, b books cards for a time.", "quiet")]]


def detail(
    item: Told,
    now: float,
    viewer: Viewer,
    cells: int,
    *,
    names: Mapping[int, str],
    reasons: Sequence[Mapping[str, Any]] = (),
) -> list[Line]:
    """What a bar is: job and owner, from when to when and what that rests on, why it does not start now.

    names: what each card is called, by its index.
    """
    lines: list[Line] = [_who(item, viewer, names), *folded(_span(item, now), cells)]
    if item["kind"] in _STARTS:
        lines += [
            [("- " if viewer.ascii_only else "• ", "quiet"), (sentence(reason, now), "quiet")] for reason in reasons
        ]
    return lines


def _who(item: Told, viewer: Viewer, names: Mapping[int, str]) -> Line:
    cards = ",".join(names.get(index, str(index)) for index in item["gpus"])
    noun = "GPU" if len(item["gpus"]) == 1 else "GPUs"
    line: Line = [(f"{viewer.star} ", "ok")] if viewer.owns(item) else []
    if item["kind"] == "slot":
        line.append(("booked by ", "quiet"))
    elif item["id"] is not None:
        line.append((f"{item['id']} ", "title"))
    elif item["redacted"]:
        line.append(("a job ", "text"))
    if item["name"]:
        line.append((f"{clean(item['name'])}  ", "title"))
    owner = whose(item["account"], item["group"])
    group = f" ({clean(item['group'])})" if item["account"] and item["group"] else ""
    return [*line, (f"{owner}{group}", "text"), (f"  {noun} {cards}", "text")]


def _span(item: Told, now: float) -> list[str]:
    start, end = moment(item["start"], now), moment(item["end"], now)
    long = duration(item["end"] - item["start"])
    if item["kind"] == "running":
        rests = "at the latest, its time limit" if item["basis"] == "time limit" else "as equal jobs ran"
        return [f"runs since {start}", f"until {end} ({rests})", f"{about(item['end'] - now)} left"]
    if item["kind"] == "slot":
        state = "on since" if item["start"] <= now else "from"
        return [f"{state} {start} until {end}", long, "no other account's job may be on these cards"]
    word = "promised: cards are kept for it" if item["kind"] == "promised" else "foreseen: if runs end as expected"
    rests = "its time limit" if item["basis"] == "time limit" else "as equal jobs ran"
    return [f"starts {start}", f"{soon(item['start'], now)} ({word})", f"runs until {end} ({long}, {rests})"]


def folded(phrases: Sequence[str], cells: int) -> list[Line]:
    """Phrases with commas between them, in as few lines of so many cells as they need."""
    lines: list[str] = []
    for phrase in phrases:
        if lines and width(lines[-1]) + 2 + width(phrase) <= cells:
            lines[-1] += ", " + phrase
        else:
            lines.append(phrase)
    return [[(cut(line, cells), "text")] for line in lines]


def fitted(line: Line, cells: int) -> Line:
    """The line in at most so many cells."""
    kept: Line = []
    for text, role in line:
        room = cells - sum(width(one) for one, _ in kept)
        if room <= 0:
            break
        kept.append((cut(text, room), role))
    return kept
