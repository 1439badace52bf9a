"""How late the event loop is: whoever waits for the engine waits at least as long. Must not know what keeps it."""

import asyncio
import time
from collections import deque

LOOK_S = 0.5
KEPT = 120
"""A minute of looks."""


class LoopLag:
    """Looks twice a second, at its own cost alone. worst_s: by how many seconds a look was late in the last minute."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=KEPT)

    @property
    def worst_s(self) -> float:
        """0 before the first look."""
        return max(self._late, default=0.0)

    async def run(self) -> None:
        """Look again and again, until this is cancelled."""
        while True:
            due = time.monotonic() + LOOK_S
            await asyncio.sleep(LOOK_S)
            self._late.append(max(0.0, time.monotonic() - due))
