"""In which order attempts are handed to a cluster: that in which they were released, whatever each needs before.

Must not know what is done to get one ready, nor what the cluster does with it.
"""

import asyncio
from contextlib import suppress

from engine.daemon.live import Live

PATIENCE_S = 10.0
"""Nobody waits longer for those before: one may have a hundred gigabytes of files to be copied."""


class Handover:
    """Who is on the way, in order. patience_s: how long one waits for all before it."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._drawn: dict[Live, asyncio.Event] = {}

    def draw(self, live: Live) -> None:
        """It was released now: behind all that were and are still on the way."""
        self._drawn[live] = asyncio.Event()

    async def comes(self, live: Live) -> None:
        """Returns when all that drew before are over, or have been waited for long enough."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                for event in self._before(live):
                    await event.wait()

    def over(self, live: Live) -> None:
        """Nobody waits for it any more: it was handed over, or will not be now."""
        if (event := self._drawn.pop(live, None)) is not None:
            event.set()

    def _before(self, live: Live) -> list[asyncio.Event]:
        before: list[asyncio.Event] = []
        if live not in self._drawn:
            return before  # it is not for the cluster
        for one, event in self._drawn.items():
            if one is live:
                break
            before.append(event)
        return before
