"""A job as a program of `asyncio` holds it. Must not know how it came to be."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.protocol.errors import Refused
from engine.protocol.responses import JobDetail, JobRow
from rcq_tui.client.handles import joblog, results
from rcq_tui.client.handles.joblog import LAST_BYTES, Stream
from rcq_tui.client.handles.link import Link
from rcq_tui.client.handles.outcome import NotOver, Outcome, outcome_of
from rcq_tui.client.handles.patience import briefly
from rcq_tui.client.handles.pictures import job_html, job_text


class AsyncJob:
    """One job of the engine. Every method that asks raises Refused or Unreachable.

    id: the engine's. parameters: what a sweep gave it. name, state, and outcome once it has ended: as of the last
    answer about it; `refresh` asks.
    """

    def __init__(
        self,
        link: Link,
        job: int,
        *,
        row: JobRow | None = None,
        name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self._link = link
        self.id = job
        self.parameters: Mapping[str, Any] = dict(parameters or {})
        self.name = name
        self.state = "pending"
        self.outcome: Outcome | None = None
        if row is not None:
            self.seen(row)

    def seen(self, row: JobRow) -> None:
        """Take over what an answer told."""
        self.name, self.state = row.name, row.state
        self.outcome = outcome_of(row, self.parameters)

    async def refresh(self) -> JobDetail:
        """Everything that one may see of it now."""
        detail = await self._link.calls.job(self.id)
        self.seen(detail)
        return detail

    async def done(self) -> bool:
        """Whether it has ended."""
        await self.refresh()
        return self.outcome is not None

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> Outcome:  # noqa: ASYNC109  as of concurrent.futures
        """How it ended, once it has; it outlasts a restart of the engine. timeout: seconds; 0: one look.

        What is known of its end is not asked for again. Raises NotOver when the time is up (the job goes on), and if
        check JobFailed where it has not completed.
        """
        outcome = self.outcome or await self._ended(timeout)
        return outcome.check() if check else outcome

    async def _ended(self, timeout: float | None) -> Outcome:  # noqa: ASYNC109  as above
        try:
            async with asyncio.timeout(timeout):
                self.seen(await self._link.watcher.ended(self.id))
        except TimeoutError:
            await briefly(self.refresh())
        if self.outcome is None:
            raise NotOver((self.id,), timeout or 0.0)
        return self.outcome

    async def result(self, timeout: float | None = None) -> Outcome:  # noqa: ASYNC109  as of concurrent.futures
        """As `wait`, and a job that has not completed raises JobFailed."""
        return await self.wait(timeout, check=True)

    async def why(self) -> str:
        """Why it is where it is, in sentences, as `rcq why` says it."""
        from rcq_tui.viewmodel.explained import explained  # noqa: PLC0415  only who asks pays for the words

        return "\n".join(explained(asdict(await self._link.calls.why(self.id)), time.time()))

    async def log(self, stream: Stream = "stdout", *, last_bytes: int = LAST_BYTES) -> str:
        """What it wrote so far; of a longer log its end. It is as the job wrote it: control characters, too."""
        return await joblog.read(self._link.calls, self.id, stream, last_bytes)

    def follow(self, stream: Stream = "stdout") -> AsyncGenerator[str, None]:
        """Its lines without their ends, from the first on, as they come, until it has ended."""
        return joblog.lines(self._link.calls, self.id, stream, self._link.patience_s)

    async def results(self, to: str | Path) -> Path:
        """Fetch what it left as a ZIP: the file's path. to: its name, or the folder where it becomes `job-ID.zip`.

        Raises FileExistsError where there is one, and other OSErrors; then nothing is left there.
        """
        return await results.archive(self._link.calls, self.id, Path(to))

    async def unpack(self, to: str | Path) -> Path:
        """Fetch what it left as a new folder: its path. Raises FileExistsError where there is one, other OSErrors."""
        return await results.folder(self._link.calls, self.id, Path(to))

    async def cancel(self) -> bool:
        """End it; whether there was anything to end."""
        try:
            self.seen(await self._link.calls.cancel(self.id))
        except Refused as refused:
            if refused.code != "INVALID_STATE":
                raise
            return False
        return True

    async def hold(self) -> None:
        """Keep it from starting."""
        self.seen(await self._link.calls.hold(self.id))

    async def release(self) -> None:
        """Let it go on."""
        self.seen(await self._link.calls.release(self.id))

    async def requeue(self) -> None:
        """Run it again as its next attempt, under the same id."""
        self.seen(await self._link.calls.requeue(self.id))

    def __repr__(self) -> str:
        return job_text(type(self).__name__, self.id, self.name, self.state)

    def _repr_html_(self) -> str:
        return job_html(self.id, self.name, self.state, self.parameters)
