"""A clock that is set by an hour, either way: nobody pays for it, nothing counts as an hour old or waits for it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from config.settings import AuthSettings, QuotaSettings
from engine.core.model import JobId
from engine.daemon.host import SystemClock
from engine.daemon.timers import Timers
from engine.protocol.errors import Refused

STEPS = pytest.mark.parametrize("by_s", [3600.0, -3600.0])


def steps(world, by_s):
    """Somebody sets the clock, and the engine notices."""
    world.clock.set_by += by_s
    world.engine.clock_watch.look()


def now(world):
    return world.engine.clock.now()


def test_time_goes_on_evenly_until_it_is_told_to_follow(clock):
    machine = SystemClock(wall=clock.wall, steady=clock.now)
    clock.time += 5.0
    clock.set_by = -3600.0
    assert machine.now() == clock.time
    assert machine.follow() == -3600.0
    assert machine.now() == clock.wall()
    assert (machine.steady_only.now(), machine.corrected_s) == (clock.time, -3600.0)
    assert machine.follow() == 0.0
    clock.set_by += 0.3  # a clock that is hurried on
    assert machine.follow() == 0.0
    assert machine.now() == clock.wall()


@STEPS
async def test_a_running_job_has_run_and_has_left_what_it_had(world, by_s):
    job = await world.submit(gpus=1, time_limit_s=7200)
    await world.one_pass()
    world.clock.time += 100.0
    steps(world, by_s)
    (lease,) = world.books.snapshot(now(world)).leases
    assert now(world) - lease.started_at == pytest.approx(100.0)
    assert lease.limit_end - now(world) == pytest.approx(7100.0)
    assert not lease.ending
    shown = await world.jobs.show(world.ann, job)
    assert now(world) - shown.started_at == pytest.approx(100.0)


@STEPS
async def test_nobody_is_charged_for_it_nor_given_anything_back(world, by_s, ending):
    job = await world.submit(gpus=1, cpu_cores=1, time_limit_s=600)
    await world.one_pass()
    before = world.books.usage.of("bio", now(world))
    world.clock.time += 10.0
    steps(world, by_s)
    await world.one_pass()
    assert world.books.usage.of("bio", now(world)) == pytest.approx(before, rel=1e-4)
    world.executor.end(job, started_at=now(world) - 10.0, ended_at=now(world))
    await world.one_pass()
    assert world.books.usage.of("bio", now(world)) == pytest.approx(before * 10 / 600, rel=1e-3)
    assert world.books.usage.month(now(world)).groups["bio"] == pytest.approx(10.0, rel=1e-3)


@STEPS
async def test_what_is_on_disk_goes_by_the_new_time(world, make, by_s):
    await world.submit(gpus=1, time_limit_s=600)
    await world.one_pass()
    steps(world, by_s)
    await world.one_pass()
    bills = await world.store.usage.open_bills()
    (bill,) = bills.values()
    assert bill.since == pytest.approx(now(world))


@STEPS
async def test_no_reading_is_out_of_date(world, by_s):
    world.clock.time += 1.0
    steps(world, by_s)
    cards = world.books.cards
    assert [cards.state(card, now(world)) for card in cards.all()] == ["ok", "ok"]
    assert [now(world) - card.reading.read_at for card in cards.all()] == [1.0, 1.0]
    await world.engine.sampler.sample()
    assert [now(world) - card.reading.read_at for card in cards.all()] == [0.0, 0.0]


@STEPS
async def test_a_simulated_card_does_not_cool_nor_count_an_hour(world, by_s):
    await world.engine.sampler.sample()
    before = [card.reading.energy_j for card in world.books.cards.all()]
    steps(world, by_s)
    await world.engine.sampler.sample()
    assert [card.reading.energy_j for card in world.books.cards.all()] == before


@STEPS
async def test_what_a_job_drew_is_measured_on(world, by_s):
    job = await world.submit(gpus=1)
    await world.one_pass()
    for _ in range(3):
        world.clock.time += 2.0
        await world.engine.sampler.sample()
    before = world.engine.measures.of(JobId(str(job)), 1).gpu_s
    steps(world, by_s)
    world.clock.time += 2.0
    await world.engine.sampler.sample()
    assert world.engine.measures.of(JobId(str(job)), 1).gpu_s == pytest.approx(before + 2.0)


@STEPS
async def test_the_engine_is_as_fit_as_before_and_passes(world, by_s):
    await world.one_pass()
    world.clock.time += 7.0
    asleep = asyncio.create_task(world.engine.passes.run())
    steps(world, by_s)
    health = await world.box.health()
    assert (health.status, health.last_pass_age_s) == ("ok", pytest.approx(7.0))
    async with asyncio.timeout(5):
        while world.engine.passes.count < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    world.engine.passes.stop()
    await asleep


@STEPS
async def test_who_is_locked_out_stays_so_for_as_long_as_before(make, by_s):
    world = await make(auth=AuthSettings(bcrypt_rounds=4, lockout_failures=1, lockout_s=60.0))
    await world.populate()
    with pytest.raises(Refused):
        await world.engine.logins.login("ann", "wrong")
    world.clock.time += 20.0
    steps(world, by_s)
    with pytest.raises(Refused) as found:
        await world.engine.logins.login("ann", "wrong")
    assert (found.value.code, found.value.retry_after_s) == ("RATE_LIMITED", pytest.approx(40.0))


@STEPS
async def test_a_minutes_submissions_come_back_in_a_minute(make, by_s):
    world = await make(quota=QuotaSettings(submissions_per_minute=1))
    await world.populate()
    await world.submit()
    steps(world, by_s)
    (refused,) = await world.jobs.submit(world.ann, [_true()])
    assert refused.code == "RATE_LIMITED"
    world.clock.time += 60.0
    await world.submit()


def _true():
    from engine.protocol.fields import JobFields

    return JobFields(command=["true"])


@STEPS
async def test_a_paused_job_stood_still_for_as_long_as_it_did(world, by_s):
    job = await world.submit(gpus=1)
    await world.one_pass()
    live = world.books.live[JobId(str(job))]
    live.paused_since = now(world)
    world.clock.time += 30.0
    steps(world, by_s)
    assert live.stood_still(now(world)) == pytest.approx(30.0)


async def test_timers_do_not_wait_for_an_hour_that_went_by_already(until):
    timers, calls = Timers(), []

    async def call():
        calls.append(1)

    timers.every(0.01, "call", call)
    timers.start()
    timers._scheduler.modify_job("call", next_run_time=datetime.now(UTC) + timedelta(hours=1))
    timers.clock_set()
    await until(lambda: len(calls) >= 2)
    timers.stop()


async def test_a_clock_that_is_set_is_noticed_by_itself(world, monkeypatch, until, caplog):
    monkeypatch.setattr("engine.daemon.clockwatch.LOOK_S", 0.001)
    watching = asyncio.create_task(world.engine.clock_watch.run())
    world.clock.set_by = 3600.0
    await until(lambda: world.engine.clock.corrected_s == 3600.0)
    watching.cancel()
    assert "set forward by 3600.0 s" in caplog.text
