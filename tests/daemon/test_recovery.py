"""A new engine on an old one's books: adopted, ended meanwhile, never begun, lost with its host."""

import pytest

from engine.core.lifecycle import Cause, JobState
from engine.core.model import JobId
from engine.ports import Running


async def left_behind(make, executor, jobs, **fields):
    """An engine that started `jobs` jobs and died; its ids."""
    world = await make(executor)
    if not world.engine.register.accounts:
        await world.populate()
    numbers = [await world.submit(gpus=1, **fields) for _ in range(jobs)]
    await world.one_pass()
    return world, numbers


async def test_a_running_job_is_adopted_with_its_lease_and_never_started_again(make, hands):
    old, (job, waiting, third) = await left_behind(make, hands(), 3)
    await old.engine.passes.flush()
    assert (old.books.counts()["running"], old.books.counts()["pending"]) == (2, 1)
    executor = hands()
    for number in (job, waiting):
        name = JobId(str(number))
        executor.found[name] = Running(job=name, attempt=1, pid=5, started_at=999_999.0)
    new = await make(executor)
    await new.engine.recovery.run()
    await new.one_pass()
    assert executor.launched == []
    assert {live.lease for live in new.books.live.values()} == {live.lease for live in old.books.live.values()}
    assert await new.state_of(third) == "pending"
    executor.end(job, 4)
    await new.one_pass()
    assert (await new.jobs.show(new.root, job)).exit_code == 4
    assert [launch.job for launch in executor.launched] == [str(third)]


async def test_what_it_was_charged_is_corrected_after_a_restart_too(make, hands):
    old, (job,) = await left_behind(make, hands(), 1, time_limit_s=100)
    charged = old.books.usage.of("bio", old.clock.now())
    await old.engine.passes.flush()
    executor = hands()
    executor.found[JobId(str(job))] = Running(job=JobId(str(job)), attempt=1, pid=5, started_at=1_000_000.0)
    new = await make(executor)
    await new.engine.recovery.run()
    assert new.books.usage.of("bio", new.clock.now()) == pytest.approx(charged)
    executor.end(job, 0, ended_at=1_000_050.0)
    assert new.books.usage.of("bio", new.clock.now()) == pytest.approx(charged / 2)


async def test_a_job_that_ended_meanwhile_has_its_exit_code(make, hands, ending):
    _, (job,) = await left_behind(make, hands(), 1)
    executor = hands()
    executor.found[JobId(str(job))] = ending(job, 7)
    new = await make(executor)
    await new.engine.recovery.run()
    await new.one_pass()
    stored = await new.store.jobs.job(job)
    assert (stored.state, stored.exit_code, new.books.live) == (JobState.FAILED, 7, {})


async def test_a_scheduled_job_that_never_began_begins_as_the_same_attempt(make, hands, until):
    _, (job,) = await left_behind(make, hands(), 1)  # its start was not written down: still scheduled on disk
    executor = hands()
    executor.found[JobId(str(job))] = None
    new = await make(executor)
    await new.engine.recovery.run()
    await until(lambda: len(executor.launched) == 1)
    assert (executor.launched[0].job, executor.launched[0].attempt) == (str(job), 1)
    await new.one_pass()
    assert len(executor.launched) == 1


@pytest.mark.parametrize(("boot", "cause"), [("another", Cause.HOST_REBOOT), (None, Cause.LAUNCH_ERROR)])
async def test_a_running_job_of_which_nothing_is_left_has_failed(make, hands, boot, cause):
    old, (job,) = await left_behind(make, hands(), 1)
    await old.engine.passes.flush()
    executor = hands()
    executor.found[JobId(str(job))] = None
    new = await make(executor)
    if boot:
        new.engine.recovery._boot_id = boot
    await new.engine.recovery.run()
    await new.one_pass()
    stored = await new.store.jobs.job(job)
    assert (stored.state, stored.cause) == (JobState.FAILED, cause)
    assert executor.launched == []


async def test_waiting_and_held_jobs_keep_their_order(make, hands):
    old = await make(hands())
    await old.populate()
    numbers = [await old.submit(gpus=2) for _ in range(4)]
    await old.jobs.hold(old.ann, numbers[1])
    new = await make(hands())
    await new.engine.recovery.run()
    (group,) = new.books.pending.groups()
    assert [waiting.job for waiting in group.jobs] == [str(numbers[n]) for n in (0, 2, 3)]
    assert list(new.books.held) == [str(numbers[1])]
    assert (await new.jobs.release(new.ann, numbers[1])).state == "pending"
