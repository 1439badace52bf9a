"""Jobs that hold cards and use none: who is told, who is not, who makes room, and where it goes."""

import os

import pytest

from config.settings import GpuSettings, SimulatedCard
from engine.core.lifecycle import Cause
from engine.core.model import JobId

MINUTE = 60.0
IDLE = {"tags": {"sim_load": "0"}, "gpus": 1}


def cards(**values):
    return GpuSettings(provider="simulated", simulated=(SimulatedCard(count=2),), idle_minutes=10.0, **values)


async def started(world, **fields):
    job = await world.submit(**{**IDLE, **fields})
    await world.one_pass()
    place = world.state / "jobs" / str(job)
    (place / "stderr.log").write_text("warming up\n")
    return job, place / "stderr.log"


async def later(world, minutes):
    """So much time goes by, with a sample each 20 seconds and at its end."""
    end = world.clock.time + minutes * MINUTE
    while world.clock.time < end - 20:
        world.clock.time += 20
        await world.engine.sampler.sample()
    world.clock.time = end
    await world.engine.sampler.sample()


async def done(world, until):
    """Everything that was told to be done is done."""
    idle = next(watch.__self__ for watch in world.engine.sampler.watchers if watch.__func__.__qualname__ == "Idle.look")
    await until(lambda: not idle._tasks)


@pytest.fixture
async def quiet(make):
    world = await make(gpu=cards())
    await world.populate()
    return world


async def test_told_once_in_its_log_too_and_over_when_it_works(quiet, until):
    job, log = await started(quiet)
    await later(quiet, 0)
    await later(quiet, 9.9)
    assert (await quiet.jobs.show(quiet.ann, job)).notices == []
    await later(quiet, 0.2)
    await later(quiet, 5)
    (told,) = (await quiet.jobs.show(quiet.ann, job)).notices
    assert (told["code"], told["gpus"], told["idle_s"]) == ("GPU_IDLE", 1, 906)
    await done(quiet, until)
    lines = log.read_text().splitlines()
    assert lines[0] == "warming up"
    assert lines[1].startswith("rcq: this job used none of its GPUs for 10 minutes.")
    assert len(lines) == 2
    quiet.books.live[JobId(str(job))].load = 0.6
    await later(quiet, 0.1)
    assert (await quiet.jobs.show(quiet.ann, job)).notices == []
    assert quiet.executor.stopped == []


async def test_only_the_owner_and_admins_are_told(quiet):
    from engine.api.asks import JobQuery

    job, _ = await started(quiet)
    await later(quiet, 0)
    await later(quiet, 11)
    seen = {}
    for who in (quiet.ann, quiet.bob, quiet.root):
        (row,) = (await quiet.jobs.page(who, JobQuery(limit=9))).items
        seen[who.account] = [notice["code"] for notice in row.notices]
    assert seen == {"ann": ["GPU_IDLE"], "bob": [], "root": ["GPU_IDLE"]}
    quiet.executor.end(job, ended_at=quiet.clock.time)
    assert quiet.books.live == {}
    assert (await quiet.jobs.show(quiet.ann, job)).notices == []


async def test_who_said_so_who_stands_still_and_who_uses_one_of_its_cards_is_not_idle(quiet):
    excused, _ = await started(quiet, idle_ok=True)
    paused, _ = await started(quiet)
    quiet.books.live[JobId(str(paused))].paused_since = quiet.clock.time
    await later(quiet, 0)
    await later(quiet, 100)
    for job in (excused, paused):
        assert (await quiet.jobs.show(quiet.ann, job)).notices == []
        quiet.executor.end(job, ended_at=quiet.clock.time)
    two, _ = await started(quiet, gpus=2)
    one = min(quiet.books.live[JobId(str(two))].lease.gpus)
    for minutes in (0, 100):
        quiet.clock.time += minutes * MINUTE
        await quiet.engine.sampler.sample()
        use(quiet, {one: 0.5})
    assert (await quiet.jobs.show(quiet.ann, two)).notices == []


def use(world, utilization):
    """The readings of now, with this on some cards, are looked at again."""
    from dataclasses import replace

    found = [card.reading for card in world.books.cards.all()]
    changed = [replace(one, utilization=utilization.get(one.uuid, one.utilization)) for one in found]
    world.books.cards.update(changed, {})
    for watch in world.engine.sampler.watchers:
        watch(world.clock.time)


@pytest.mark.parametrize("unknown", [None, "stale"])
async def test_cards_that_do_not_tell_never_count_as_idle(quiet, unknown):
    job, _ = await started(quiet)
    await quiet.engine.sampler.sample()
    gpu = quiet.books.live[JobId(str(job))].lease.gpus[0]
    for _ in range(3):
        quiet.clock.time += 20 * MINUTE
        if unknown is None:
            await quiet.engine.sampler.sample()
            use(quiet, {gpu: None})
        else:
            for watch in quiet.engine.sampler.watchers:
                watch(quiet.clock.time)  # nothing was read
    assert (await quiet.jobs.show(quiet.ann, job)).notices == []


async def test_preempted_after_twice_the_time_and_back_at_the_end_of_the_queue(make, until):
    world = await make(gpu=cards(idle_action="preempt"))
    await world.populate()
    job, log = await started(world, gpus=2)
    await later(world, 0)
    waiting = await world.submit(gpus=2, who=world.bob)
    await later(world, 11)
    assert world.executor.stopped == []
    await later(world, 8.5)
    assert world.executor.stopped == []
    await later(world, 0.6)
    await until(lambda: world.executor.stopped)
    await later(world, 1)
    await done(world, until)
    assert world.executor.stopped == [(JobId(str(job)), Cause.PREEMPTED)]
    assert "stopped and queued again" in log.read_text()
    world.executor.end(job, None, cause=Cause.PREEMPTED, signal=15, ended_at=world.clock.time)
    await world.one_pass()
    shown = await world.jobs.show(world.ann, job)
    assert (shown.state, shown.attempt, shown.notices) == ("pending", 1, [])
    assert shown.submitted_at == world.clock.time
    assert "used none of its GPUs for 20 minutes" in shown.message
    assert shown.attempts[0].state == "preempted"
    assert await world.state_of(waiting) == "running"
    actions = {(found.entry.action, found.entry.target) for found in await world.store.audit.page(limit=20)}
    assert ("job.preempt", str(job)) in actions


@pytest.mark.parametrize("trap", ["symlink", "hard link", "fifo", "gone"])
async def test_a_hostile_log_is_left_alone(quiet, until, tmp_path, trap):
    job, log = await started(quiet)
    secret = tmp_path / "secret"
    secret.write_text("mine")
    log.unlink()
    if trap == "symlink":
        log.symlink_to(secret)
    elif trap == "hard link":
        os.link(secret, log)
    elif trap == "fifo":
        os.mkfifo(log)
    await later(quiet, 0)
    await later(quiet, 11)
    await done(quiet, until)
    assert (await quiet.jobs.show(quiet.ann, job)).notices
    assert secret.read_text() == "mine"
    assert log.exists() == (trap != "gone")


async def test_never_if_it_is_switched_off(make):
    world = await make(gpu=GpuSettings(provider="simulated", simulated=(SimulatedCard(count=2),), idle_minutes=0))
    await world.populate()
    job, _ = await started(world)
    await later(world, 0)
    await later(world, 1000)
    assert (await world.jobs.show(world.ann, job)).notices == []


async def test_time_in_which_nothing_was_read_is_no_idle_time(quiet):
    """A laptop that was closed, a driver that hung, a clock that was set: nobody saw what the job did."""
    job, _ = await started(quiet)
    await later(quiet, 6)
    quiet.clock.time += 600 * MINUTE
    await later(quiet, 3.5)
    assert (await quiet.jobs.show(quiet.ann, job)).notices == []
    quiet.clock.time -= 300 * MINUTE
    await later(quiet, 2)
    (told,) = (await quiet.jobs.show(quiet.ann, job)).notices
    assert told["idle_s"] == pytest.approx(10.8 * MINUTE, abs=30)


@pytest.mark.parametrize(("bound", "idle"), [(0.05, False), (0.5, True)])
async def test_what_counts_as_no_use_is_a_setting(make, bound, idle):
    world = await make(gpu=cards(idle_utilization=bound))
    await world.populate()
    job, _ = await started(world, tags={"sim_load": "0.3"})
    for _ in range(12):
        await later(world, 1)
    shown = await world.jobs.show(world.ann, job)
    assert [notice["code"] for notice in shown.notices] == ["GPU_IDLE"] * idle
