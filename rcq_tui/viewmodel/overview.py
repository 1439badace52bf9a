"""A job on one page: what its owner should know, its way, why it waits, what it used of what it asked for, its facts.

Pure: `now` and widths are arguments. Must not know what draws it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.protocol.arrays import parse_array
from engine.protocol.responses import JobDetail, JobRow, Why
from rcq_tui.viewmodel import notices
from rcq_tui.viewmodel.details import fact_lines, facts, places, why_lines
from rcq_tui.viewmodel.efficiency import efficiency_lines
from rcq_tui.viewmodel.folding import folded
from rcq_tui.viewmodel.formats import exact
from rcq_tui.viewmodel.states import JOB_STATES, colour, symbol
from rcq_tui.viewmodel.text import clean
from rcq_tui.viewmodel.timeline import attempt_lines, picture

Line = list[tuple[str, str]]
_LABEL = 12
_SIGN = 6
"""Cells of a sign before a sentence, at most."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Around:
    """What is known of jobs around it. awaited: the states of jobs that it waits for, `None` where that is not known.
    siblings: of its array, folded rows among them.
    """

    awaited: Mapping[int, str | None] = field(default_factory=dict)
    siblings: Sequence[JobRow] = ()


def overview_lines(
    job: JobDetail, why: Why | None, now: float, cells: int, *, around: Around, ascii_only: bool = False
) -> list[Line]:
    """The whole page in lines of at most so many cells."""
    parts = [
        _told(job, cells),
        picture(job, now, cells, ascii_only=ascii_only),
        _under("Attempts", _all_folded(attempt_lines(job, now, ascii_only=ascii_only), cells)),
        [] if why is None else _under("Why it waits", _all_folded(why_lines(why, now), cells)),
        _under("Waits for", _all_folded(_awaited(job, around, ascii_only), cells)),
        _under("What it used", efficiency_lines(job, now, cells, ascii_only=ascii_only)),
        _under("What it asked for", fact_lines(facts(job, now), cells)),
        _under("Array", _all_folded(_array(job, around, ascii_only), cells)),
        _places(job, now, cells),
    ]
    lines: list[Line] = []
    for part in parts:
        lines += [[], *part] if lines and part else part
    return lines


def _under(title: str, lines: list[Line]) -> list[Line]:
    return [[(title, "title")], *lines] if lines else []


def _told(job: JobDetail, cells: int) -> list[Line]:
    told = [folded(("! ", "warn"), [(notices.sentence(one), "warn")], cells) for one in job.notices]
    if job.message:
        told.append(folded(("  ", "quiet"), [(clean(job.message), "text")], cells))
    return [line for one in told for line in one]


def _all_folded(lines: Sequence[Line], cells: int) -> list[Line]:
    """Lines that are too long go on below, set in by their first piece where that is a sign."""
    found: list[Line] = []
    for line in lines:
        lead, rest = (line[0], line[1:]) if len(line[0][0]) <= _SIGN else (("", "text"), line)
        found += folded(lead, rest, cells)
    return found


def _awaited(job: JobDetail, around: Around, ascii_only: bool) -> list[Line]:
    says = {"ok": "until it has completed", "failed": "until it has failed", "any": "until it has ended"}
    lines: list[Line] = []
    for one in job.after:
        number = int(one["id"])
        state = around.awaited.get(number)
        sign = symbol(state or "", ascii_only=ascii_only) if state else " "
        known = clean(state) if state else ""
        words = says.get(str(one.get("when")), clean(one.get("when")))
        said = f"job {number}, {known}: {words}" if known else f"job {number}: {words}"
        lines.append([(f"{sign} ", colour(state or "")), (said, "text")])
    if job.begin is not None and job.started_at is None:
        lines.append([("  ", "quiet"), (f"{exact(job.begin)}, when it was asked to begin", "text")])
    return lines


def _array(job: JobDetail, around: Around, ascii_only: bool) -> list[Line]:
    if job.array_parent is None or job.array_index is None or job.array is None:
        return []
    lines: list[Line] = [[(_which(job, job.array, job.array_index), "text")]]
    counts: Counter[str] = Counter()
    for row in around.siblings:
        counts[row.state] += row.folded or 1
    known = [state for state in JOB_STATES if counts[state]]
    if known:
        told = [f"{symbol(state, ascii_only=ascii_only)} {counts[state]} {state}" for state in known]
        lines.append([("   ".join(told), "quiet")])
    return lines


def _which(job: JobDetail, array: str, index: int) -> str:
    """`Element 3 of 7[0-9%2]: the 4th of 10, at most 2 at once.`"""
    named = f"Element {index} of {job.array_parent}[{clean(array)}]"
    try:
        spec = parse_array(array)
        at = spec.indices.index(index) + 1
    except ValueError:
        return f"{named}."
    most = f", at most {spec.most} at once" if spec.most else ""
    return f"{named}: number {at} of {spec.size}{most}."


def _places(job: JobDetail, now: float, cells: int) -> list[Line]:
    lines: list[Line] = []
    for label, value in places(job, now):
        if label not in {"message", "array"}:
            lines += folded((label.ljust(_LABEL), "quiet"), [(value, "text")], cells)
    return lines
