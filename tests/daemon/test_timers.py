"""One-shot timers: at their time, at once if that is over, the latest of a name alone."""

import asyncio
import time

import pytest

from engine.daemon.timers import Timers


@pytest.fixture
async def timers():
    made = Timers()
    yield made
    made.stop()


async def test_a_shot_comes_at_its_time_and_once(timers, until):
    shots = []

    async def shoot():
        shots.append(time.time())

    at = time.time() + 0.2
    timers.at(at, "shot", shoot)
    timers.start()
    await until(lambda: shots)
    assert shots[0] >= at
    assert timers._scheduler.get_jobs() == []


async def test_one_whose_time_is_over_comes_at_once_however_late(timers, until):
    shots = []

    async def shoot():
        shots.append("past")

    timers.start()
    timers.at(time.time() - 100_000.0, "shot", shoot)
    await until(lambda: shots)


async def test_a_later_shot_of_the_same_name_replaces_the_one_before(timers, until):
    shots = []

    def shooting(name):
        async def shoot():
            shots.append(name)

        return shoot

    timers.start()
    timers.at(time.time() + 1e9, "shot", shooting("first"))
    timers.at(time.time() + 5e10, "other", shooting("other"))
    timers.at(time.time() + 0.05, "shot", shooting("second"))
    await until(lambda: shots)
    assert shots == ["second"]
    assert [job.id for job in timers._scheduler.get_jobs()] == ["other"]


async def test_what_is_under_way_at_the_stop_is_cancelled_and_no_error(timers, until, caplog):
    seen = []

    async def last():
        seen.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("over")

    timers.at(time.time(), "last", last)
    timers.start()
    await until(lambda: seen)
    timers.stop()
    await until(lambda: len(seen) == 2)
    await asyncio.sleep(0)  # what the library does with the end
    assert caplog.records == []
