"""Turns at work that takes a core for a while, fair between those who ask: no one keeps the others waiting.

Who asks is known by its origin. Must not know what the work is.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.protocol.errors import Refused


class Turns:
    """At most `at_once` at work. Those who wait are let in one of each origin after the other.

    waiting: so many of one origin may wait; a further one is refused. There is no bound on all of them, or it would
    be a way to keep others out: there are only as many origins as Unix users.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = at_once
        self._most = waiting
        self._queues: OrderedDict[int | None, deque[asyncio.Future[None]]] = OrderedDict()
        self._took_s = 0.0

    @asynccontextmanager
    async def one(self, origin: int | None) -> AsyncIterator[None]:
        """A turn of that origin. Raises Refused (RATE_LIMITED) where too many of it wait already."""
        await self._enter(origin)
        begun = time.monotonic()
        try:
            yield
        finally:
            self._took_s = time.monotonic() - begun
            self._leave()

    async def _enter(self, origin: int | None) -> None:
        if self._free:
            self._free -= 1
            return
        queue = self._queues.setdefault(origin, deque())
        if len(queue) >= self._most:
            wait_s = max(1.0, len(queue) * self._took_s)
            told = f"Too many log-ins at once from your Unix user. Try again in {wait_s:.0f} s."
            raise Refused("RATE_LIMITED", told, retry_after_s=wait_s)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given in the same step: somebody else can have it
                self._leave()
            raise

    def _leave(self) -> None:
        while self._queues:
            origin, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[origin] = queue  # behind the others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
