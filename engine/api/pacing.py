"""Lines that come faster than their limit a minute: held back, and sent again when they may come.

What is held back is not read any faster either, so a file of any length goes in at the pace of its limit. Must not
know HTTP, nor whose limit it is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields

STEP_S = 5.0
"""Seconds between two tries: whoever waits hears of it so often, and one who has left is noticed."""
MINUTE_S = 60.0

Outcome = int | Refused | None
Submit = Callable[[list[JobFields]], Awaitable[Sequence[Outcome]]]
Waiting = Callable[[int, float], Awaitable[bool]]
"""Given how many lines are held back and for how many seconds: waits so long; whether to go on."""


async def paced(submit: Submit, jobs: list[JobFields], waiting: Waiting) -> list[Outcome]:
    """What became of each job; those that were too fast are submitted again until none is, or `waiting` says stop."""
    outcomes = list(await submit(jobs))
    while late := [at for at, outcome in enumerate(outcomes) if _too_fast(outcome)]:
        if not await waiting(len(late), min(STEP_S, _time_for(outcomes[late[0]], len(late)))):
            break
        try:
            again = await submit([jobs[at] for at in late])
        except Refused as refused:  # all that is left, for one reason
            again = [refused] * len(late)
        for at, outcome in zip(late, again, strict=True):
            outcomes[at] = outcome
    return outcomes


async def until_gone(gone: asyncio.Event, seconds: float) -> bool:
    """Wait so long; false at once if the client has left meanwhile."""
    try:
        await asyncio.wait_for(gone.wait(), seconds)
    except TimeoutError:
        return True
    return False


def _too_fast(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.code == "RATE_LIMITED"


def _time_for(first: Outcome, lines: int) -> float:
    """Seconds in which so many lines may come: the wait of the first, then the limit's pace."""
    assert isinstance(first, Refused)  # noqa: S101  the caller looked
    limit = next((one["limit"] for one in first.details if "limit" in one), MINUTE_S)
    return (first.retry_after_s or 1.0) + (lines - 1) * MINUTE_S / limit
