"""Who is on a card and for how long, or why nobody is, in the words that fit.

Pure: `now` is an argument. Must not know where the words stand.
"""

from engine.protocol.cards import GpuUser, GpuView
from rcq_tui.viewmodel.cardnotes import strangers, too_much
from rcq_tui.viewmodel.faults import short_fault
from rcq_tui.viewmodel.formats import degrees, duration, memory
from rcq_tui.viewmodel.pieces import Line, fitted, spread
from rcq_tui.viewmodel.slots import on_card, whose
from rcq_tui.viewmodel.states import symbol
from rcq_tui.viewmodel.text import clean

_WITH_TIME = 24
"""Cells below which the time that a job has left is left out."""


def use_line(card: GpuView, cells: int, now: float, *, ascii_only: bool, with_names: bool = True) -> Line:
    """All of it in one line of exactly so many cells."""
    others = _others(card)
    if not card.jobs:
        words = ", ".join([*_idle(card), *others])
        return fitted([(words, "warn" if too_much(card) else "quiet")], cells)
    lead = symbol("running", ascii_only=ascii_only) + " "
    named = [job_words(job, with_name=with_names and len(card.jobs) == 1) for job in card.jobs]
    line = [(lead + ", ".join([*named, *others]), "warn" if too_much(card) else "text")]
    left = time_left(card.jobs[0], now) if len(card.jobs) == 1 and cells >= _WITH_TIME else ""
    return _ended(line, left, cells)


def use_lines(card: GpuView, cells: int, rows: int, now: float, *, ascii_only: bool) -> list[Line]:
    """All of it in exactly so many lines: a job each, what does not fit in the last one."""
    others = _others(card)
    wanted = len(card.jobs) + bool(others)
    if rows == 1 or wanted < 2 or wanted > rows:
        first = use_line(card, cells, now, ascii_only=ascii_only)
        return [first, *_blank(rows - 1, cells)]
    lead = symbol("running", ascii_only=ascii_only) + " "
    jobs = [_ended([(lead + job_words(job, with_name=True), "text")], time_left(job, now), cells) for job in card.jobs]
    if others:
        jobs.append(fitted([("  " + ", ".join(others), "warn" if too_much(card) else "quiet")], cells))
    return [*jobs, *_blank(rows - len(jobs), cells)]


def job_words(job: GpuUser, *, with_name: bool) -> str:
    """`141 ada resnet`, or whose group it is."""
    if job.id is None:
        return whose(None, job.group)
    name = f" {clean(job.name)}" if with_name and job.name else ""
    return f"{job.id} {clean(job.account)}{name}"


def time_left(job: GpuUser, now: float) -> str:
    """`1h12m left` of its time limit; empty where it has none or one may not know."""
    return "" if job.until is None else f"{_coarse(job.until - now)} left"


def _coarse(seconds: float) -> str:
    """Whole minutes above ten of them: a time that changes every second is sent every second."""
    return f"{int(seconds // 60)}m" if 600 <= seconds < 3600 else duration(seconds)


def _ended(line: Line, left: str, cells: int) -> Line:
    """With the time at the right end; a name gives way to it down to half of the line."""
    if not left:
        return fitted(line, cells)
    room = cells - len(left) - 1
    return [*fitted(line, room), (" " + left, "quiet")] if room >= cells // 2 else spread(line, [], cells)


def _blank(rows: int, cells: int) -> list[Line]:
    return [[(" " * cells, "text")]] * rows


def _others(card: GpuView) -> list[str]:
    """Foreign processes that keep jobs off, and what is booked."""
    parts = [f"{memory(card.foreign_mb)} {_foreigners(card)}"] if too_much(card) else []
    return parts if card.slot is None else [*parts, on_card(card.slot)]


def _foreigners(card: GpuView) -> str:
    users = dict.fromkeys(clean(process.user) for process in strangers(card) if process.user)
    return f"of {', '.join(users)}, not of rcq" if users else "not of rcq"


def _idle(card: GpuView) -> list[str]:
    if card.state == "hot":
        return [f"hot until below {degrees(card.resume_c)}"]
    if card.state in {"quarantined", "missing"} and card.why:
        return [f"{card.state}: {short_fault(card.why)}"]
    if card.state != "ok":
        return [clean(card.state) + (f": {clean(card.why)}" if card.why else "")]
    if too_much(card) or (card.slot is not None and card.slot.starts_in_s == 0):
        return []
    return ["settling" if card.settling else "free"]
