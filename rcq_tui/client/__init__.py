"""The engine for Python programs: `from rcq_tui.client import Rcq, AsyncRcq, grid` (docs/python.md).

Beside that typed calls over the socket: a raw one for everyday commands, httpx for the terminal UI; a scripted fake.
Names are imported when they are asked for, as everyday commands load this package and must stay quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.protocol.errors import RcqError, Refused, Unreachable
    from rcq_tui.client.handles.asyncjob import AsyncJob
    from rcq_tui.client.handles.asyncrcq import AsyncRcq
    from rcq_tui.client.handles.asyncsweep import AsyncSweep
    from rcq_tui.client.handles.job import Job
    from rcq_tui.client.handles.outcome import JobFailed, NotOver, Outcome, Refusal
    from rcq_tui.client.handles.rcq import Rcq
    from rcq_tui.client.handles.sweep import Sweep
    from rcq_tui.client.handles.template import grid

_PLACES = {
    "AsyncJob": "rcq_tui.client.handles.asyncjob",
    "AsyncRcq": "rcq_tui.client.handles.asyncrcq",
    "AsyncSweep": "rcq_tui.client.handles.asyncsweep",
    "Job": "rcq_tui.client.handles.job",
    "JobFailed": "rcq_tui.client.handles.outcome",
    "NotOver": "rcq_tui.client.handles.outcome",
    "Outcome": "rcq_tui.client.handles.outcome",
    "Rcq": "rcq_tui.client.handles.rcq",
    "RcqError": "engine.protocol.errors",
    "Refusal": "rcq_tui.client.handles.outcome",
    "Refused": "engine.protocol.errors",
    "Sweep": "rcq_tui.client.handles.sweep",
    "Unreachable": "engine.protocol.errors",
    "grid": "rcq_tui.client.handles.template",
}

__all__ = [
    "AsyncJob",
    "AsyncRcq",
    "AsyncSweep",
    "Job",
    "JobFailed",
    "NotOver",
    "Outcome",
    "Rcq",
    "RcqError",
    "Refusal",
    "Refused",
    "Sweep",
    "Unreachable",
    "grid",
]


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(place), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
