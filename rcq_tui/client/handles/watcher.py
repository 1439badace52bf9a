"""Waits for the ends of jobs: one event stream and few listings for all that wait, also over a restart of the engine.

Events say whom to look at; a listing says what is true. Must not know handles.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Iterable, Iterator

from engine.protocol.errors import RcqError, Refused, Unreachable
from engine.protocol.responses import JobRow
from rcq_tui.client.calls import Calls, Event
from rcq_tui.client.calls.jobs import JobsWanted
from rcq_tui.client.handles.patience import PASSING, PATIENCE_S
from rcq_tui.viewmodel.states import FINISHED

MOST_IDS = 1000
"""That one listing is asked for."""
_FIRST_S, _MOST_S = 0.03, 1.0
"""Between two looks at everybody while no event stream is heard."""
_HEARD_S = 15.0
"""The same while one is: it tells of every end, and this is for what it might have missed."""
_LINGER_S = 1.0
"""So long an event stream outlives the last who waited."""
_TOGETHER_S = 0.02
"""Ends that come so close are looked at together."""


class Watcher:
    """For one event loop. patience_s: so long may the engine be away until whoever waits gets Unreachable."""

    def __init__(self, calls: Calls, patience_s: float = PATIENCE_S) -> None:
        self._calls = calls
        self._patience_s = patience_s
        self._waiting: dict[int, set[asyncio.Future[JobRow]]] = {}
        self._asked: set[int] = set()
        self._wake = asyncio.Event()
        self._heard = False
        self._pause_s = _FIRST_S
        self._everybody_at = 0.0
        self._lost_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def ended(self, job: int) -> JobRow:
        """The job's row once it has ended. Raises Refused (no such job, no log-in any more), Unreachable."""
        future: asyncio.Future[JobRow] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job, set()).add(future)
        self._asked.add(job)
        self._wake.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._over)
        try:
            return await future
        finally:
            self._forget(job, future)

    async def close(self) -> None:
        """Whoever waits gets CancelledError."""
        if (task := self._task) is not None:
            task.cancel()
            await asyncio.wait({task})
        for futures in self._waiting.values():
            for future in futures:
                future.cancel()

    def _over(self, task: asyncio.Task[None]) -> None:
        """A defect must not leave anybody waiting for ever."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(self._waiting.keys(), error)

    def _forget(self, job: int, future: asyncio.Future[JobRow]) -> None:
        waiting = self._waiting.get(job)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._waiting[job]
                self._wake.set()

    async def _run(self) -> None:
        listener: asyncio.Task[None] | None = None
        self._pause_s, self._lost_at, self._everybody_at = _FIRST_S, None, time.monotonic() + _FIRST_S
        try:
            while await self._is_asked(listener is not None):
                await self._look()
                if self._waiting:  # who asks for what is over needs no stream
                    listener = listener or asyncio.create_task(self._listen())
                    await self._rest()
        finally:
            self._task = None  # before anything is awaited: whoever asks from here on starts anew
            self._heard = False
            if listener is not None:
                listener.cancel()
                await asyncio.wait({listener})

    async def _is_asked(self, listens: bool) -> bool:
        """Whether anybody waits. A stream is kept for a moment, for those who wait for one job after the other."""
        if listens and not self._waiting:
            self._wake.clear()
            await _at_most(self._wake.wait(), _LINGER_S)
        return bool(self._waiting)

    async def _look(self) -> None:
        if time.monotonic() >= self._everybody_at:
            self._asked.update(self._waiting)
            self._everybody_at = math.inf
        asked = sorted(self._asked & self._waiting.keys())
        try:
            for some in portions(asked, MOST_IDS):
                self._settle(some, (await self._calls.jobs(JobsWanted(ids=some, limit=len(some)))).items)
                self._asked.difference_update(some)
            self._asked &= self._waiting.keys()
            self._lost_at = None
        except Unreachable as lost:
            self._away(lost)
        except Refused as refused:
            if refused.code in PASSING:
                self._away(refused)
            else:
                self._fail(self._waiting.keys(), refused)

    def _settle(self, asked: Iterable[int], rows: Iterable[JobRow]) -> None:
        found = {row.id: row for row in rows}
        for job in asked:
            row = found.get(job)
            if row is None:
                self._fail([job], Refused("JOB_NOT_FOUND", f"There is no job {job}. List jobs: rcq queue"))
            elif row.state in FINISHED:
                for future in self._waiting.get(job, ()):
                    if not future.done():
                        future.set_result(row)
                self._waiting.pop(job, None)

    def _fail(self, jobs: Iterable[int], error: BaseException) -> None:
        for job in list(jobs):
            for future in self._waiting.pop(job, ()):
                if not future.done():
                    future.set_exception(error)

    def _away(self, error: RcqError) -> None:
        now = time.monotonic()
        self._lost_at = self._lost_at or now
        if now - self._lost_at >= self._patience_s:
            self._fail(self._waiting.keys(), error)

    async def _rest(self) -> None:
        """Until there is somebody to look at."""
        self._pause_s = min(_MOST_S, self._pause_s * 1.3)
        is_away = self._lost_at is not None
        if is_away:
            await asyncio.sleep(self._pause_s)
            return
        self._everybody_at = min(self._everybody_at, time.monotonic() + (_HEARD_S if self._heard else self._pause_s))
        await _at_most(self._wake.wait(), self._everybody_at - time.monotonic())
        if self._wake.is_set():
            self._wake.clear()
            await asyncio.sleep(_TOGETHER_S)

    async def _listen(self) -> None:
        """Follow events for as long as anybody waits; where there is no stream to be had, looks come often instead."""
        while True:
            try:
                async for event in self._calls.events():
                    self._hear(event)
            except RcqError:
                self._heard = False
            self._pause_s = _FIRST_S
            self._wake.set()
            await asyncio.sleep(_MOST_S)

    def _hear(self, event: Event) -> None:
        if not self._heard or (event.kind == "queue" and event.data.get("refresh")):
            self._heard = True  # from here on nothing is missed: what was before has to be looked at
            self._asked.update(self._waiting)
            self._wake.set()
        job = event.data.get("id")
        if event.kind == "job" and job in self._waiting and event.data.get("state") in FINISHED:
            self._asked.add(job)
            self._wake.set()


def portions(items: list[int], most: int) -> Iterator[list[int]]:
    """The same in order, so many at once."""
    for at in range(0, len(items), most):
        yield items[at : at + most]


async def _at_most(work: Awaitable[object], seconds: float) -> None:
    try:
        await asyncio.wait_for(work, max(0.0, seconds))
    except TimeoutError:
        return
