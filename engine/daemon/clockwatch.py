"""Notices that the machine's clock was set, and tells everybody who remembers a time.

Until then the engine's time goes on as before, so that nobody meets a new time and old memories together: no lease is
charged for an hour that never passed, no reading is suddenly an hour old. Must not know who remembers what.
"""

import asyncio
import logging
from collections.abc import Callable

from engine.daemon.host import SystemClock

log = logging.getLogger(__name__)

LOOK_S = 1.0


class ClockWatch:
    """Looks at the clock each second. steps: each is called with the seconds by which time jumped, back if negative."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self.steps: list[Callable[[float], None]] = []

    async def run(self) -> None:
        """Look again and again, until this is cancelled. It counts seconds that pass, not the clock's."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Follow the clock; where it jumped, everybody moves what they remember by as much, in this one step."""
        if not (by_s := self._clock.follow()):
            return
        log.warning(
            "The machine's clock was set %s by %.1f s. Running jobs, their bills and time limits go on as if it had "
            "always been so.",
            "forward" if by_s > 0 else "back",
            abs(by_s),
        )
        for tell in self.steps:
            tell(by_s)
