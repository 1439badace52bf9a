"""What the TUI and Python programs ask of an engine: the calls that the real client and its scripted fake both offer.

Every call raises `Refused` (the engine said no) or `Unreachable` (nobody answers). Must not know how a call travels.
"""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Protocol

from rcq_tui.client.calls.box import BoxCalls
from rcq_tui.client.calls.bulk import BulkCalls
from rcq_tui.client.calls.figures import FigureCalls
from rcq_tui.client.calls.jobs import JobCalls, JobsWanted
from rcq_tui.client.calls.people import PeopleCalls

__all__ = ["BoxCalls", "BulkCalls", "Calls", "Event", "FigureCalls", "JobCalls", "JobsWanted", "PeopleCalls"]


class Event(NamedTuple):
    """Something that happened. kind: `gpus`, `job`, `queue`, `reservations` or `stats`; data as the engine sent it."""

    id: int | None
    kind: str
    data: dict[str, Any]


class Calls(JobCalls, BulkCalls, BoxCalls, FigureCalls, PeopleCalls, Protocol):
    """An engine, as they see it."""

    @property
    def where(self) -> str:
        """The socket, for messages."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...

    def events(self, after: int | None = None) -> AsyncIterator[Event]:
        """What happens from now on, or after event `after`; ends by raising Unreachable."""
        ...
