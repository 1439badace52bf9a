"""What the TUI asks of an engine: the calls that the real client and its scripted fake both offer.

Every call raises `Refused` (the engine said no) or `Unreachable` (nobody answers). Must not know how a call travels.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from engine.protocol.cards import GpuView
from engine.protocol.fields import JobFields
from engine.protocol.people import AccountView, GroupView, Me, Session
from engine.protocol.responses import Health, JobDetail, JobPage, LogChunk, ReservationView, Stats, Why


class Event(NamedTuple):
    """Something that happened. kind: `gpus`, `job`, `queue`, `reservations` or `stats`; data as the engine sent it."""

    id: int | None
    kind: str
    data: dict[str, Any]


@dataclass(slots=True, frozen=True, kw_only=True)
class JobsWanted:
    """Filters of a listing. mine: only those of whoever asks. limit: 1 to 1000 rows."""

    states: Sequence[str] = ()
    account: str | None = None
    group: str | None = None
    mine: bool = False
    limit: int = 50
    cursor: str | None = None


class Calls(Protocol):
    """An engine, as the TUI sees it."""

    @property
    def where(self) -> str:
        """The socket, for messages."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...

    async def health(self) -> Health:
        """Whether the engine is fit; no log-in needed. Answers also while it starts or stalls."""
        ...

    async def login(self, name: str, password: str) -> Session:
        """Log in; further calls use the session."""
        ...

    async def logout(self) -> None:
        """End the session; the token is forgotten whatever the engine says."""
        ...

    async def change_password(self, old: str, new: str) -> None:
        """Set one's own password; one's other sessions end."""
        ...

    async def me(self) -> Me:
        """Who the caller is to the engine."""
        ...

    async def submit(self, job: JobFields) -> int:
        """Submit one job: its id."""
        ...

    async def jobs(self, wanted: JobsWanted) -> JobPage:
        """A page of jobs."""
        ...

    async def job(self, job: int) -> JobDetail:
        """One job."""
        ...

    async def why(self, job: int) -> Why:
        """Why it is where it is."""
        ...

    async def cancel(self, job: int) -> JobDetail:
        """End it."""
        ...

    async def hold(self, job: int) -> JobDetail:
        """Keep it from starting."""
        ...

    async def release(self, job: int) -> JobDetail:
        """Let it go on."""
        ...

    async def log(self, job: int, stream: str, offset: int, limit: int) -> LogChunk:
        """A piece of `stdout` or `stderr`; a negative offset counts from the end."""
        ...

    async def results(self, job: int, to: Path) -> int:
        """Fetch what it left, as a ZIP that is `to` once all of it is there: its bytes.

        FileExistsError where there is one, other OSErrors where it cannot be written; then nothing is left there.
        """
        ...

    async def gpus(self) -> list[GpuView]:
        """Every card, by index."""
        ...

    async def drain(self, gpu: str, why: str | None) -> GpuView:
        """Take a card out of use."""
        ...

    async def resume(self, gpu: str) -> GpuView:
        """Put a drained or quarantined card back into use."""
        ...

    async def reservations(self) -> list[ReservationView]:
        """Booked cards that stand, the earliest first."""
        ...

    async def reserve(
        self, what: int | Sequence[str], duration_s: int, start_at: float | None = None
    ) -> ReservationView:
        """Book so many cards, or these (index, UUID or its beginning), from `start_at` (Unix seconds) or now."""
        ...

    async def unreserve(self, reservation: int) -> ReservationView:
        """Take a booking back."""
        ...

    async def stats(self) -> Stats:
        """The engine's own state."""
        ...

    async def groups(self) -> list[GroupView]:
        """Groups that the caller may see."""
        ...

    async def accounts(self) -> list[AccountView]:
        """Accounts that the caller may see."""
        ...

    def events(self, after: int | None = None) -> AsyncIterator[Event]:
        """What happens from now on, or after event `after`; ends by raising Unreachable."""
        ...
