"""Calls about jobs. Must not know how a call travels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.protocol.fields import JobFields
from engine.protocol.responses import ArrayChanged, JobDetail, JobPage, LogChunk, Preview, Why


@dataclass(slots=True, frozen=True, kw_only=True)
class JobsWanted:
    """Filters of a listing. mine: only those of whoever asks. limit: 1 to 1000 rows.

    search: words that all have to match, and typed ones (`engine.protocol.search`). sort: one of its `SORTS`; order:
    one of its `ORDERS`. fold: elements of one array in one state as one row. ids: just these jobs, whatever their
    state; all else but the limit has to be left as it is. A page may be short or empty and yet have a cursor: the
    engine looked long enough.
    """

    states: Sequence[str] = ()
    account: str | None = None
    group: str | None = None
    mine: bool = False
    limit: int = 50
    cursor: str | None = None
    search: str | None = None
    sort: str = "queue"
    order: str = "asc"
    fold: bool = False
    ids: Sequence[int] = ()


class JobCalls(Protocol):
    """Jobs: submit, look, change."""

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

    async def preview(self, job: JobFields) -> Preview:
        """What would become of a job if it were submitted now; nothing is taken."""
        ...

    async def requeue(self, job: int) -> JobDetail:
        """Run it again as its next attempt."""
        ...

    async def edit(self, job: int, changes: Mapping[str, Any]) -> JobDetail:
        """Change fields of its request before it starts; `None` is back to the default."""
        ...

    async def redo(self, job: int) -> int:
        """Submit the same request with the same files and code again: the new job's id."""
        ...

    async def diff(self, job: int) -> str:
        """What its captured code had that its commit has not."""
        ...

    async def change_array(self, job: int, step: str, elements: str) -> ArrayChanged:
        """Cancel, hold or release (`step`) elements of its array, such as `0-9,12`."""
        ...
