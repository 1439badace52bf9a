"""What would become of a job that is not submitted yet, in lines: when it would start, why not now, what would help.

Pure: `now` and widths are arguments. Must not know a form or what draws the lines.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.protocol.responses import Preview
from rcq_tui.viewmodel.cards import Line
from rcq_tui.viewmodel.formats import moment, until
from rcq_tui.viewmodel.helps import help_sentence
from rcq_tui.viewmodel.text import clean, cut
from rcq_tui.viewmodel.words import sentence

MOST_REASONS = 3


def headline(preview: Preview, now: float, *, ascii_only: bool = False) -> Line:
    """When it would start: `Would start at 14:50 (in 45m10s), number 3 of 8 that wait`."""
    if preview.starts_now:
        return [(("* " if ascii_only else "● ") + f"Would {'go to Slurm' if preview.place else 'start'} now", "ok")]
    sign = "~ " if ascii_only else "◷ "
    place: Line = [(f", number {preview.position} of {preview.pending} that wait", "quiet")]
    if preview.expected_start is not None:
        when = f"{sign}Would start{_where(preview)} at {_about(preview)}{moment(preview.expected_start, now)}"
        return [(when, "busy"), (f" ({until(preview.expected_start, now)})", "busy"), *place]
    if preview.later_than is not None:
        return [(f"{sign}Would not start before {moment(preview.later_than, now)}", "warn"), *place]
    return [(f"{sign}Would wait; when it starts is not known yet", "warn"), *place]


def _where(preview: Preview) -> str:
    return " on Slurm" if preview.place else ""


def _about(preview: Preview) -> str:
    return "about " if preview.basis == "forecast" else ""


def reason_lines(preview: Preview, now: float, *, most: int = MOST_REASONS, ascii_only: bool = False) -> list[Line]:
    """Why it would not start now, the first few."""
    dot = "- " if ascii_only else "· "
    told = [sentence(reason, now) for reason in preview.reasons]
    lines: list[Line] = [[(dot + one, "text")] for one in told[:most]]
    return lines if len(told) <= most else [*lines, [(f"{dot}and {len(told) - most} more reasons", "quiet")]]


def help_lines(helps: Sequence[Mapping[str, Any]], usable: Sequence[bool], now: float) -> list[Line]:
    """What would help; what the form can do by itself is marked with its key."""
    return [
        [("^l ", "info") if can else ("   ", "quiet"), (help_sentence(one, now), "ok" if can else "quiet")]
        for one, can in zip(helps, usable, strict=True)
    ]


def spoken(preview: Preview, now: float) -> str:
    """The same in a few words, for a note that passes."""
    if preview.starts_now:
        return "It goes to Slurm now." if preview.place else "It starts now."
    if preview.expected_start is None:
        return "It waits; the queue tells why."
    when = f"{_about(preview)}{moment(preview.expected_start, now)} ({until(preview.expected_start, now)})"
    return f"It starts{_where(preview)} at {when}."


def preview_lines(preview: Preview, usable: Sequence[bool], now: float, *, ascii_only: bool = False) -> list[Line]:
    """When, why not now, and what would help. usable: of each help whether the form can follow it by itself."""
    head = headline(preview, now, ascii_only=ascii_only)
    helps = help_lines(preview.helps, usable, now)
    return [head, *helps, *reason_lines(preview, now, ascii_only=ascii_only)]


def refused_lines(message: str, *, ascii_only: bool = False) -> list[Line]:
    """That it would not be taken, and why."""
    return [[("x " if ascii_only else "✗ ", "bad"), (f"It would be refused: {clean(message)}", "bad")]]


def lost_lines(why: str) -> list[Line]:
    """That nobody can say: no engine answers."""
    return [[(clean(why), "warn")], [("What you write is kept; it is asked again when the engine answers.", "quiet")]]


def unread_lines(wrong: Mapping[str, str], *, empty: bool) -> list[Line]:
    """That there is no job yet to foretell anything of."""
    if empty:
        return [[("Type a command: here stands when it would start, as you type.", "quiet")]]
    return [[(f"First mend what is marked: {len(wrong)} of the fields cannot be read.", "warn")]]


def edit_lines(before: Mapping[str, str], after: Mapping[str, str]) -> list[Line]:
    """What an edited form changes, field by field."""
    changed = [field for field, text in after.items() if text.strip() != before.get(field, "").strip()]
    if not changed:
        return [[("Nothing yet. What you change is judged as a submission is; the job keeps its place.", "quiet")]]
    return [
        [
            (f"{field}: ", "info"),
            (_short(before.get(field, "")), "quiet"),
            (" -> ", "quiet"),
            (_short(after[field]), "text"),
        ]
        for field in changed
    ]


def _short(text: str) -> str:
    return cut(clean(text.strip()), 40) or "(none)"
