"""Jobs that stand still: told to by whoever minds the cards, and let go on again.

Owned by the event loop. What could not be told now is asked for again by who looks at the cards next. Must not know
why a job is paused, nor how a process is stopped.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from engine.core.model import JobId
from engine.daemon.books import Books, Live
from engine.daemon.feed import Feed
from engine.ports import Clock, Executor
from engine.protocol.errors import RcqError

log = logging.getLogger(__name__)


class Pauses:
    """Pauses attempts and lets them go on, one word to each at a time."""

    def __init__(self, *, books: Books, executor: Executor, feed: Feed, clock: Clock) -> None:
        self._books = books
        self._executor = executor
        self._feed = feed
        self._clock = clock
        self._under_way: dict[JobId, asyncio.Task[None]] = {}
        self._refused: set[tuple[JobId, int]] = set()

    def pause(self, live: Live) -> None:
        """Have a running attempt stand still; its clock does from now on."""
        if live.paused_since is None and self._is_free(live):
            live.paused_since = self._clock.now()
            self._say(live, self._pause(live))

    def go_on(self, live: Live) -> None:
        """Have a paused attempt go on."""
        if live.paused_since is not None and self._is_free(live):
            self._say(live, self._go_on(live))

    def _is_free(self, live: Live) -> bool:
        """Whether it may be told something now: who is on the way out goes, paused or not."""
        here = self._books.live.get(live.job) is live
        return here and live.stopping is None and live.job not in self._under_way

    def _say(self, live: Live, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"pause-{live.job}")
        self._under_way[live.job] = task
        task.add_done_callback(lambda done: self._said(live, done))

    async def _pause(self, live: Live) -> None:
        try:
            await self._executor.pause(live.job)
        except RcqError:
            live.paused_since = None
            raise

    async def _go_on(self, live: Live) -> None:
        await self._executor.go_on(live.job)
        live.go_on(self._clock.now())

    def _said(self, live: Live, done: "asyncio.Task[None]") -> None:
        del self._under_way[live.job]
        if done.cancelled():
            return
        key = (live.job, live.attempt)
        if (error := done.exception()) is None:
            self._refused.discard(key)
            log.info("Job %s %s.", live.job, "goes on" if live.paused_since is None else "is paused")
            self._feed.job_changed(live.job, live.lease.key.owner.account, live.state.value)
        elif key not in self._refused:
            self._refused = {one for one in self._refused if one[0] in self._books.live} | {key}
            log.error("Job %s could be neither paused nor let go on: %s", live.job, error)
