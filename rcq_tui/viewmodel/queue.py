"""A job as one row of the queue: which columns fit, and what stands in each.

Pure: `now` is an argument, widths are arguments. Must not know colours' values or what draws the row.
"""

import signal
from collections.abc import Sequence
from typing import NamedTuple

from engine.protocol.responses import JobRow
from rcq_tui.viewmodel import notices
from rcq_tui.viewmodel.arrays import title
from rcq_tui.viewmodel.formats import duration, moment
from rcq_tui.viewmodel.states import FINISHED, shown, symbol
from rcq_tui.viewmodel.text import clean, pad
from rcq_tui.viewmodel.words import summary

_NARROW = 104
"""Below it the state's word gives way to its symbol, and a card's type to its count."""


_SOON_S = 600
"""What is nearer than this is told in seconds from now, not as a time of day."""


class Column(NamedTuple):
    """One column: its key, its title, its cells, and whether it is aligned to the right."""

    key: str
    title: str
    cells: int
    right: bool = False


def gap(total: int) -> int:
    """Blank cells between columns of a table of so many cells."""
    return 1 if total < _NARROW else 2


def columns(total: int) -> tuple[Column, ...]:
    """The columns of a table of so many cells; together with the gaps between them they fill it."""
    narrow = total < _NARROW
    fixed = (
        Column("state", "" if narrow else "state", 1 if narrow else 11),
        Column("position", "pos", 4 if narrow else 5, True),
        Column("id", "id", 6 if narrow else 7, True),
        Column("who", "who", 8 if narrow else 12),
        Column("gpus", "GPUs" if narrow else "GPUs (cards)", 4 if narrow else 14, narrow),
        Column("spent", "time" if narrow else "waited/ran", 6 if narrow else 10, True),
    )
    room = max(20, total - sum(column.cells for column in fixed) - gap(total) * (len(fixed) + 1))
    why = room * 3 // 5
    what = Column("what", "what", room - why)
    return (*fixed[:4], what, *fixed[4:], Column("why", "why / when", why))


def cells(job: JobRow, now: float, *, narrow: bool = False, ascii_only: bool = False) -> dict[str, str]:
    """What stands in each column, clean but not yet fitted."""
    state = shown(job.state, job.paused_since)
    sign = symbol(state, ascii_only=ascii_only)
    return {
        "state": sign if narrow else f"{sign} {clean(state)}",
        "position": "" if job.position is None else str(job.position),
        "id": str(job.id),
        "who": who(job),
        "what": what(job),
        "gpus": gpus(job, narrow=narrow),
        "spent": duration(spent(job, now)),
        "why": why_or_when(job, now),
    }


def fitted(job: JobRow, now: float, layout: Sequence[Column], *, ascii_only: bool = False) -> list[str]:
    """The row's cells in the widths of their columns."""
    shown = cells(job, now, narrow=layout[0].cells == 1, ascii_only=ascii_only)
    return [pad(shown[column.key], column.cells, right=column.right) for column in layout]


def who(job: JobRow) -> str:
    """The account, or the group in brackets where the account may not be known."""
    return clean(job.account) if job.account is not None else f"({clean(job.group)})"


def what(job: JobRow) -> str:
    """The name, else the command; of an array's element with its index."""
    if job.redacted:
        return "(private)"
    return clean(title(job.name, job.command_line, job.array_index)) or "-"


def gpus(job: JobRow, *, narrow: bool = False) -> str:
    """How many cards and of which type, or which ones it has; a share of one card is `part`."""
    if job.gpus == 0:
        return "-"
    count = "part" if job.gpu_share else str(job.gpus)
    if narrow:
        return count
    if job.gpu_indices:
        return f"{count} ({','.join(map(str, job.gpu_indices))})"
    return f"{count} {clean(job.gpu_type)}" if job.gpu_type else count


def spent(job: JobRow, now: float) -> float:
    """Seconds it has run, or has waited if it never started."""
    if job.started_at is not None:
        return (job.ended_at or now) - job.started_at
    return (job.ended_at or now) - job.submitted_at


def why_or_when(job: JobRow, now: float) -> str:
    """Waiting: when it is expected and why not now. Running: what is told of it, else its limit. Ended: how."""
    if job.state == "pending":
        why = summary(job.reasons) or "waits for the next pass"
        return why if job.expected_start is None else f"{_when(job.expected_start, now)} {why}"
    if job.state == "running" and job.started_at is not None:
        return _told_or_limit(job, job.started_at, now)
    if job.state == "scheduled":
        return f"! {notices.summary(job.notices)}" if job.notices else "starting"
    if job.state == "held":
        return "on hold until released"
    return ending(job) if job.state in FINISHED else ""


def _told_or_limit(job: JobRow, started_at: float, now: float) -> str:
    if job.notices:
        return f"! {notices.summary(job.notices)}"
    if job.paused_since is not None:
        return f"paused for {duration(now - job.paused_since)}"
    ends = started_at + job.time_limit_s + job.paused_s
    return f"ends by {moment(ends, now)}" if ends - now >= _SOON_S else f"ends within {duration(ends - now)}"


def _when(start: float, now: float) -> str:
    return f"~{moment(start, now)}" if start - now >= _SOON_S else f"in {duration(start - now)}:"


def ending(job: JobRow) -> str:
    """How a job ended: `exit 0`, `killed by SIGKILL`, `hit its time limit of 2h00m`."""
    if job.cause == "exit" or (job.cause is None and job.exit_code is not None):
        return f"exit {job.exit_code}"
    if job.cause == "signal":
        return f"killed by {_signal_name(job.signal)}"
    if job.cause == "time-limit":
        return f"hit its time limit of {duration(job.time_limit_s)}"
    return "" if job.cause is None else clean(job.cause).replace("-", " ")


def _signal_name(number: int | None) -> str:
    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return f"signal {number}"


def matches(job: JobRow, needle: str) -> bool:
    """Whether every word of the filter is in what the row shows: id, who, group, what, service, state or type.

    An element of a job array is found by `7[`, and by `7[3]`.
    """
    texts = (
        job.id,
        job.job_id,
        job.account,
        job.group,
        job.service,
        job.name,
        job.command_line,
        job.state,
        job.gpu_type,
        None if job.array_parent is None else f"{job.array_parent}[{job.array_index}]",
    )
    hay = " ".join(clean(text) for text in texts if text is not None).lower()
    return all(word in hay for word in needle.lower().split())
