"""How fast the terminal UI asks and listens. Must not know what is asked."""

import asyncio
from dataclasses import dataclass


@dataclass(slots=True, frozen=True, kw_only=True)
class Pace:
    """Seconds. between_fetches: at least so long between two fetches of the queue. idle_fetch: fetch it at least so
    often, because promised starts move without an event. typing: after a letter, before the filter is asked for. log:
    between two looks at a running job's log. retry: pauses before trying to connect again, the last one for ever.
    """

    between_fetches: float = 0.5
    idle_fetch: float = 10.0
    typing: float = 0.1
    log: float = 1.0
    retry: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 5.0)


async def happens(event: asyncio.Event, within_s: float) -> bool:
    """Wait for the event, but no longer than so many seconds; whether it came."""
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
