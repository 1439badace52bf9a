"""Asking an engine that may be away for a while: it restarts, starts, or has too much to do.

Must not know what is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.protocol.errors import Refused, Unreachable

T = TypeVar("T")
PATIENCE_S = 60.0
"""So long may the engine be away."""
PASSING = frozenset({"RATE_LIMITED", "SERVICE_NOT_READY"})
"""Refusals that another time may not come."""
_FIRST_S, _MOST_S = 0.1, 2.0
_BRIEFLY_S = 2.0


async def patiently(ask: Callable[[], Awaitable[T]], patience_s: float, lost: Callable[[], object] = bool) -> T:
    """What it answers in the end. lost: called when an answer was lost: what was asked may have been done.

    Raises Unreachable, Refused: what it said last, when the time is up; what will not pass at once.
    """
    loop = asyncio.get_running_loop()
    until, pause_s = loop.time() + patience_s, _FIRST_S
    while True:
        try:
            return await ask()
        except Unreachable:
            lost()
            if loop.time() >= until:
                raise
        except Refused as refused:
            if refused.code not in PASSING or loop.time() >= until:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(_MOST_S, pause_s * 1.5)


async def briefly(ask: Awaitable[object]) -> None:
    """A last look before it is said that a wait's time is up: an engine that does not answer at once tells nothing."""
    try:
        async with asyncio.timeout(_BRIEFLY_S):
            await ask
    except (Unreachable, TimeoutError):
        return
