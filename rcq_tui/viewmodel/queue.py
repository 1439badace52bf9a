"""A job as one row of the queue: what stands in each column.

Pure: `now` is an argument. Must not know colours' values, which columns there is room for, or what draws the row.
"""

import signal
from collections.abc import Callable, Sequence

from engine.protocol.responses import JobRow
from rcq_tui.viewmodel import notices
from rcq_tui.viewmodel.arrays import folded_title, title
from rcq_tui.viewmodel.formats import duration, memory, moment
from rcq_tui.viewmodel.queuecolumns import Column
from rcq_tui.viewmodel.states import FINISHED, shown, symbol
from rcq_tui.viewmodel.text import clean, pad
from rcq_tui.viewmodel.words import summary

_SOON_S = 600
"""What is nearer than this is told in seconds from now, not as a time of day."""


def fitted(job: JobRow, now: float, layout: Sequence[Column], *, narrow: bool, ascii_only: bool = False) -> list[str]:
    """The row's cells in the widths of their columns."""
    return [
        pad(_CELLS[column.key](job, now, narrow, ascii_only), column.cells, right=column.right) for column in layout
    ]


def who(job: JobRow) -> str:
    """The account, or the group in brackets where the account may not be known."""
    return clean(job.account) if job.account is not None else f"({clean(job.group)})"


def what(job: JobRow) -> str:
    """The name, else the command; of an array's element with its index, of several with their number."""
    if job.folded:
        name = "(private)" if job.redacted else clean(job.name or job.command_line) or "-"
        return folded_title(name, job.folded, clean(job.elements))
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
    if job.gpu_indices and not job.place:
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
        return f"! {notices.summary(job.notices)}" if job.notices else _handed_over(job, now) or "starting"
    if job.state == "held":
        return "on hold until released"
    return ending(job) if job.state in FINISHED else ""


def _handed_over(job: JobRow, now: float) -> str:
    """Why it waits in the cluster's queue, and when it is expected to start; empty where nothing is told."""
    why = summary(job.reasons)
    return why if job.expected_start is None else f"{_when(job.expected_start, now)} {why}"


def node(job: JobRow) -> str:
    """The machine of the cluster that it is on; `-` elsewhere, `slurm` while it waits there."""
    return clean(job.node) or job.place or "-"


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


def _state(job: JobRow, narrow: bool, ascii_only: bool) -> str:
    state = shown(job.state, job.paused_since)
    sign = symbol(state, ascii_only=ascii_only)
    return sign if narrow else f"{sign} {clean(state)}"


def _array(job: JobRow) -> str:
    """`7[3]` of an element, `7[0-5]` of a row that stands for several."""
    if job.array_parent is None:
        return ""
    return f"{job.array_parent}[{clean(job.elements) if job.folded else job.array_index}]"


_CELLS: dict[str, Callable[[JobRow, float, bool, bool], str]] = {
    "state": lambda job, _now, narrow, ascii_only: _state(job, narrow, ascii_only),
    "position": lambda job, *_: "" if job.position is None else str(job.position),
    "id": lambda job, *_: str(job.id),
    "who": lambda job, *_: who(job),
    "group": lambda job, *_: clean(job.group),
    "what": lambda job, *_: what(job),
    "service": lambda job, *_: clean(job.service) or "-",
    "gpus": lambda job, _now, narrow, _ascii: gpus(job, narrow=narrow),
    "cards": lambda job, *_: "-" if job.place else ",".join(map(str, job.gpu_indices)) or "-",
    "node": lambda job, *_: node(job),
    "type": lambda job, *_: clean(job.gpu_type) or "any",
    "memory": lambda job, *_: memory(job.memory_mb) if job.memory_mb else "-",
    "cores": lambda job, *_: str(job.cpu_cores),
    "spent": lambda job, now, *_: duration(spent(job, now)),
    "limit": lambda job, *_: duration(job.time_limit_s),
    "priority": lambda job, *_: str(job.priority),
    "submitted": lambda job, now, *_: moment(job.submitted_at, now),
    "started": lambda job, now, *_: moment(job.started_at, now),
    "ended": lambda job, now, *_: moment(job.ended_at, now),
    "why": lambda job, now, *_: why_or_when(job, now),
    "attempts": lambda job, *_: str(job.attempt),
    "array": lambda job, *_: _array(job),
    "exit": lambda job, *_: (ending(job) or "-") if job.state in FINISHED else "-",
}
"""What stands in each column: of a job, at a time, with little room, without signs beyond ASCII."""
