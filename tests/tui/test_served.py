"""The program behind one browser: how long it stays, and that it is at nobody's home."""

import asyncio
import os
from typing import Any

import pytest
from textual.pilot import Pilot

from rcq_tui.web import served
from rcq_tui.web.served import LOGIN_S, ServedApp


class Clock:
    """Seconds, as they are set."""

    now = 1_772_373_900.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_LOOK_S", 0.01)


async def looked_around(pilot: Pilot[int], app: ServedApp, times: int = 3) -> None:
    """Wait until it has looked so often whether to stay."""
    looks, look = asyncio.Semaphore(0), app._look_around

    def counted() -> None:
        look()
        looks.release()

    app.set_interval(0.01, counted)
    async with asyncio.timeout(10):
        for _ in range(times):
            await looks.acquire()
    await pilot.pause()


async def test_a_page_where_nobody_logs_in_gives_its_place_back(box: Any, clock: Clock, until: Any) -> None:
    app = ServedApp(box.busy(None), ticks=clock, at_home=False)
    async with app.run_test() as pilot:
        clock.now += LOGIN_S - 1
        await looked_around(pilot, app)
        assert app.return_value is None, "there is time yet"
        clock.now += 2
        await until(pilot, lambda: app.return_value == 0)


async def test_who_is_logged_in_stays(box: Any, clock: Clock, until: Any) -> None:
    app = ServedApp(box.busy(), ticks=clock, at_home=False)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.me is not None)
        clock.now += 100 * LOGIN_S
        await looked_around(pilot, app)
        assert app.return_value is None


async def test_it_ends_with_the_server(box: Any, clock: Clock, until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app = ServedApp(box.busy(None), ticks=clock, at_home=False)
    async with app.run_test() as pilot:
        monkeypatch.setattr(os, "getppid", lambda: 1)
        await until(pilot, lambda: app.return_value == 0)


async def test_it_is_at_nobodys_home(box: Any, clock: Clock) -> None:
    app = ServedApp(box.busy(None), ticks=clock, at_home=False)
    assert app.workdir == "", "the server's folder is not a visitor's"
