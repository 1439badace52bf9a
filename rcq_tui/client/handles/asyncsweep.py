"""Many jobs that were submitted together, as a program of `asyncio` holds them. Must not know how they came to be."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, overload

from engine.protocol.responses import JobRow
from rcq_tui.client.calls.jobs import JobsWanted
from rcq_tui.client.handles.asyncjob import AsyncJob
from rcq_tui.client.handles.link import Link
from rcq_tui.client.handles.outcome import NotOver, Outcome, Refusal
from rcq_tui.client.handles.patience import briefly
from rcq_tui.client.handles.pictures import counted, sweep_html, sweep_text
from rcq_tui.client.handles.watcher import MOST_IDS, portions

_AT_ONCE = 16
"""Requests for single jobs that are under way together."""
ROW_FIELDS = (
    "id",
    "name",
    "state",
    "cause",
    "exit_code",
    "signal",
    "attempt",
    "submitted_at",
    "started_at",
    "ended_at",
    "gpus",
    "gpu_indices",
)
"""What `to_dicts` tells of a job beside its parameters."""
TAKEN = frozenset({*ROW_FIELDS, "run_s"})


class AsyncSweep(Sequence[AsyncJob]):
    """Jobs in the order in which they were asked for.

    name: what they are called together. refusals: what was asked for and not taken in.
    """

    def __init__(self, link: Link, name: str, jobs: Sequence[AsyncJob], refusals: Sequence[Refusal] = ()) -> None:
        self._link = link
        self.name = name
        self.jobs = tuple(jobs)
        self.refusals = tuple(refusals)

    def __len__(self) -> int:
        return len(self.jobs)

    def __iter__(self) -> Iterator[AsyncJob]:
        return iter(self.jobs)

    @overload
    def __getitem__(self, at: int) -> AsyncJob: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[AsyncJob]: ...
    def __getitem__(self, at: int | slice) -> AsyncJob | Sequence[AsyncJob]:
        return self.jobs[at]

    def check_taken(self) -> None:
        """Raises Refused for the first that was not taken in, if there is one."""
        for refusal in self.refusals:
            raise refusal.error()

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> list[Outcome]:  # noqa: ASYNC109
        """How each ended, in order, once all have. timeout: seconds.

        Raises NotOver when the time is up (jobs go on), and if check Refused for the first that was not taken in, or
        JobFailed for the first that has not completed.
        """
        async for _ in self.as_completed(timeout):
            pass
        outcomes = [job.outcome for job in self.jobs if job.outcome is not None]
        if check:
            self.check_taken()
            for outcome in outcomes:
                outcome.check()
        return outcomes

    async def as_completed(self, timeout: float | None = None) -> AsyncGenerator[AsyncJob, None]:  # noqa: ASYNC109
        """Each as it ends, however it does: `outcome` of it says how. Raises NotOver when the time is up."""
        until = None if timeout is None else asyncio.get_running_loop().time() + timeout
        ended: asyncio.Queue[asyncio.Task[Outcome]] = asyncio.Queue()
        waits = {asyncio.create_task(job.wait()): job for job in self.jobs}
        for wait in waits:
            wait.add_done_callback(ended.put_nowait)
        try:
            while waits:
                try:
                    async with asyncio.timeout_at(until):
                        wait = await ended.get()
                except TimeoutError:
                    break
                job = waits.pop(wait)
                wait.result()
                yield job
        finally:
            for wait in waits:
                wait.cancel()
        async for job in self._late(list(waits.values()), timeout or 0.0):
            yield job

    async def _late(self, jobs: Sequence[AsyncJob], timeout_s: float) -> AsyncGenerator[AsyncJob, None]:
        """Those that have ended when the time is up, though nobody has told so yet. Raises NotOver for the others."""
        if jobs:
            await briefly(self.refresh())
        for job in jobs:
            if job.outcome is not None:
                yield job
        left = tuple(job.id for job in jobs if job.outcome is None)
        if left:
            raise NotOver(left, timeout_s)

    async def refresh(self) -> list[JobRow]:
        """The row of each as it is now, in order, with a request for each thousand; `state` of each is true then."""
        rows: dict[int, JobRow] = {}
        for some in portions([job.id for job in self.jobs], MOST_IDS):
            page = await self._link.calls.jobs(JobsWanted(ids=some, limit=len(some)))
            rows |= {row.id: row for row in page.items}
        for job in self.jobs:
            if job.id in rows:
                job.seen(rows[job.id])
        return [rows[job.id] for job in self.jobs if job.id in rows]

    async def states(self) -> dict[str, int]:
        """How many are in each state now."""
        await self.refresh()
        return counted(job.state for job in self.jobs)

    async def failed(self) -> list[AsyncJob]:
        """Those that have ended and not completed, as of now."""
        await self.refresh()
        return [job for job in self.jobs if job.outcome is not None and not job.outcome.ok]

    async def cancel(self) -> int:
        """End all that have not ended; how many those were."""
        await self.refresh()
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(job: AsyncJob) -> bool:
            async with turns:
                return await job.cancel()

        return sum(await asyncio.gather(*(one(job) for job in self.jobs if job.outcome is None)))

    async def to_dicts(self) -> list[dict[str, Any]]:
        """A row for each, as `pandas.DataFrame` takes them: its parameters, then what became of it so far.

        A parameter with the name of one of ROW_FIELDS is `parameter_NAME`. Times are Unix seconds, run_s is seconds.
        """
        rows = {row.id: row for row in await self.refresh()}
        return [_row_of(job, rows[job.id]) for job in self.jobs if job.id in rows]

    def __repr__(self) -> str:
        return sweep_text(type(self).__name__, self.name, counted(job.state for job in self.jobs), len(self.refusals))

    def _repr_html_(self) -> str:
        jobs = [(job.id, job.state, job.parameters) for job in self.jobs]
        return sweep_html(self.name, jobs, counted(state for _, state, _ in jobs), len(self.refusals))


def _row_of(job: AsyncJob, row: JobRow) -> dict[str, Any]:
    given = {f"parameter_{name}" if name in TAKEN else name: value for name, value in job.parameters.items()}
    known = {name: getattr(row, name) for name in ROW_FIELDS}
    return given | known | {"run_s": None if job.outcome is None else job.outcome.run_s}
