"""An archive on its way to whoever asked: who reads the files, who packs them, who ends both. And how many at once.

Must not know whose files they are, nor where they go.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from engine.executor.archive import Archive, Bounds, Broken, Extra, Found
from engine.protocol.errors import Refused

T = TypeVar("T")
AGAIN_S = 10.0
LAST_WORDS_S = 5.0


class Turns:
    """So many at once, and of one account half of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of_one = max(1, most // 2)
        self._under_way: Counter[str] = Counter()

    def take(self, account: str) -> Callable[[], None]:
        """What gives the turn back. RATE_LIMITED if there is none."""
        mine = self._under_way[account]
        if mine >= self._of_one or self._under_way.total() >= self._most:
            whose = f"{mine} of yours" if mine >= self._of_one else f"{self._under_way.total()}"
            told = f"{whose} are under way already: wait for one of them to end, then ask again."
            raise Refused("RATE_LIMITED", f"Of downloads of results {told}", retry_after_s=AGAIN_S)
        self._under_way[account] += 1
        held = [account]

        def leave() -> None:
            self._under_way.subtract(held)
            held.clear()  # given back twice is given back once: else there would be a turn more than there are

        return leave


class Download:
    """name: of the archive's file. It holds a turn, a process and a pipe until it is closed, wherever it stands.

    read: writes what there is to a descriptor. taken: called when all of it was handed out and nothing was missing.
    leave: gives the turn back.
    """

    def __init__(
        self,
        *,
        name: str,
        read: Callable[[int], Awaitable[None]],
        bounds: Bounds,
        extra: Extra,
        threads: ThreadPoolExecutor,
        leave: Callable[[], None],
        taken: Callable[[], Awaitable[None]],
    ) -> None:
        source, into = os.pipe()
        self.name = name
        self._archive = Archive(source, bounds, extra)
        self._reader = asyncio.create_task(_read(read, into), name="results-reader")
        self._threads = threads
        self._leave = leave
        self._taken = taken
        self._busy: asyncio.Future[Any] | None = None

    async def found(self) -> Found:
        """What is there. SERVICE_NOT_READY where nobody could read it."""
        try:
            return await self._in_thread(self._archive.found)
        except Broken as broken:
            raise await self._unread(broken) from broken

    async def pieces(self) -> AsyncIterator[bytes]:
        """The archive. Raises Broken where it cannot be ended as it should."""
        pieces = self._archive.pieces()
        while (piece := await self._in_thread(lambda: next(pieces, None))) is not None:
            yield piece

    async def delivered(self) -> None:
        """Everything was handed to whoever asked."""
        if self._archive.whole:
            await self._taken()

    async def close(self) -> None:
        """End what is under way, and let go of everything."""
        self._archive.stop()
        self._reader.cancel()
        under_way = [self._reader, *([self._busy] if self._busy else [])]
        await asyncio.gather(*under_way, return_exceptions=True)  # nobody asks any more how they ended
        self._archive.close()
        self._leave()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """One at a time; whoever stops waiting leaves it to `close`."""
        self._busy = busy = asyncio.get_running_loop().run_in_executor(self._threads, work)
        return await asyncio.shield(busy)

    async def _unread(self, broken: Broken) -> Refused:
        """Why nothing came: of whoever should have begun to read, or of what was read."""
        await asyncio.wait({self._reader}, timeout=LAST_WORDS_S)
        why: object = broken
        if self._reader.done() and not self._reader.cancelled():
            why = self._reader.exception() or broken
        return Refused("SERVICE_NOT_READY", f"The files could not be read: {why}. Try again.")


async def _read(read: Callable[[int], Awaitable[None]], into: int) -> None:
    try:
        await read(into)
    finally:
        os.close(into)
