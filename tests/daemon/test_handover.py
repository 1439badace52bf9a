"""Attempts are handed to a cluster in the order of their release, whoever is ready first."""

import asyncio
from typing import Any

from engine.daemon.handover import Handover


class Attempt:
    """What `Handover` knows of one: that it is another than the others."""

    def __init__(self, number: int) -> None:
        self.number = number


def released(handover: Handover, count: int) -> list[Any]:
    lives = [Attempt(number) for number in range(count)]
    for live in lives:
        handover.draw(live)  # type: ignore[arg-type]
    return lives


async def handed(handover: Handover, live: Any, ready: asyncio.Event, order: list[int]) -> None:
    await ready.wait()
    await handover.comes(live)
    handover.over(live)
    order.append(live.number)


async def test_who_is_ready_first_waits_for_those_before() -> None:
    handover, order = Handover(), []  # type: ignore[var-annotated]
    lives = released(handover, 3)
    ready = [asyncio.Event() for _ in lives]
    tasks = [asyncio.create_task(handed(handover, live, at, order)) for live, at in zip(lives, ready, strict=True)]
    for event in reversed(ready):
        event.set()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2]


async def test_one_that_will_not_be_handed_over_keeps_nobody() -> None:
    handover = Handover()
    first, second = released(handover, 2)
    handover.over(first)
    handover.over(first)
    await asyncio.wait_for(handover.comes(second), 1.0)


async def test_nobody_waits_for_ever() -> None:
    handover = Handover(patience_s=0.01)
    _, second = released(handover, 2)
    await asyncio.wait_for(handover.comes(second), 1.0)


async def test_who_stays_on_this_host_waits_for_nobody() -> None:
    handover = Handover()
    released(handover, 2)
    await asyncio.wait_for(handover.comes(Attempt(9)), 1.0)  # type: ignore[arg-type]
