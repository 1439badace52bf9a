"""Further attempts through a whole engine: retries, requeue and what an engine that dies in between leaves behind."""

import asyncio

import pytest

from engine.core.lifecycle import Cause, JobState
from engine.ports import Running
from engine.store.errors import WriteFailed
from tests.daemon.attempts import audit_of, id_of, preempting


async def test_a_failed_run_is_tried_again_until_its_retries_are_used_up(world):
    job = await world.submit(gpus=1, retries=2, name="flaky")
    first = await world.jobs.show(world.ann, job)
    for attempt in (1, 2, 3):
        await world.one_pass()
        assert [launch.attempt for launch in world.executor.launched] == list(range(1, attempt + 1))
        assert world.executor.launched[-1].environment["RCQ_ATTEMPT"] == str(attempt)
        world.executor.end(job, 7, attempt=attempt)
    await world.one_pass()
    await world.one_pass()
    shown = await world.jobs.show(world.ann, job)
    assert (shown.state, shown.exit_code, shown.attempt, shown.retries) == ("failed", 7, 3, 2)
    assert shown.submitted_at == first.submitted_at
    assert [(one.attempt, one.state, one.exit_code) for one in shown.attempts] == [
        (1, "failed", 7), (2, "failed", 7), (3, "failed", 7),
    ]  # fmt: skip
    assert world.books.counts()["failed"] == 1
    assert world.books.attempts == world.books.failures == {}


async def test_between_two_attempts_it_waits_and_says_why(world):
    job = await world.submit(gpus=2, retries=1)
    await world.one_pass()
    await world.submit(world.bob, gpus=2, priority=10)
    world.executor.end(job, 3)
    shown = await world.jobs.show(world.ann, job)  # before it is on disk, too
    assert (shown.state, [(one.attempt, one.exit_code, one.gpu_indices) for one in shown.attempts]) == (
        "pending", [(1, 3, [0, 1])],
    )  # fmt: skip
    await world.one_pass()
    shown = await world.jobs.show(world.ann, job)
    assert (shown.state, shown.attempt, len(shown.attempts)) == ("pending", 1, 1)
    assert shown.message == "attempt 1 failed (exit 3); retry 1 of 1"
    assert (await world.jobs.why(world.ann, job)).message == shown.message


async def test_an_attempt_that_ended_is_billed_for_what_it_ran(world):
    job = await world.submit(gpus=1, retries=1, time_limit_s=100)
    await world.one_pass()
    full = world.books.usage.of("bio", world.clock.now())
    world.executor.end(job, 1, ended_at=world.clock.now() + 10)
    assert world.books.usage.of("bio", world.clock.now()) == pytest.approx(full / 10)
    await world.one_pass()
    assert world.books.usage.of("bio", world.clock.now()) == pytest.approx(full * 1.1)


async def test_an_engine_that_dies_before_a_failure_is_written_down_tries_again_all_the_same(make, hands, ending):
    old = await make(hands())
    await old.populate()
    job = await old.submit(retries=1)
    await old.one_pass()
    await old.engine.passes.flush()
    executor = hands()
    executor.found[id_of(job)] = ending(job, 5)
    new = await make(executor)
    await new.engine.recovery.run()
    await new.one_pass()
    assert [launch.attempt for launch in executor.launched] == [2]
    executor.end(job, 5, attempt=2)
    await new.one_pass()
    assert await new.state_of(job) == "failed"
    third = await make(hands())
    await third.engine.recovery.run()
    assert len((await third.jobs.show(third.root, job)).attempts) == 2


async def test_failures_are_remembered_over_a_restart(make, hands):
    old = await make(hands())
    await old.populate()
    job = await old.submit(retries=1)
    await old.one_pass()
    old.executor.end(job, 5)
    await old.engine.passes.flush()
    executor = hands()
    new = await make(executor)
    await new.engine.recovery.run()
    await new.one_pass()
    executor.end(job, 5, attempt=2)
    await new.one_pass()
    assert (await new.state_of(job), [launch.attempt for launch in executor.launched]) == ("failed", [2])


async def test_cancel_and_hold_right_after_a_failure_find_its_next_attempt(world):
    first, second = await world.submit(retries=5), await world.submit(retries=5)
    await world.one_pass()
    for job in (first, second):
        world.executor.end(job, 1)
    assert (await world.jobs.cancel(world.ann, first)).state == "cancelled"
    assert (await world.jobs.hold(world.ann, second)).state == "held"
    await world.one_pass()
    assert len(world.executor.launched) == 2
    assert (await world.jobs.show(world.ann, first)).attempts[0].exit_code == 1
    await world.jobs.release(world.ann, second)
    await world.one_pass()
    assert (world.executor.launched[-1].job, world.executor.launched[-1].attempt) == (str(second), 2)


async def test_a_victim_is_stopped_after_the_commit_and_goes_back_to_its_place(world, monkeypatch, until):
    victim = await world.submit(gpus=2, preemptible=True)
    before = await world.jobs.show(world.ann, victim)
    await world.one_pass()
    by = await world.submit(world.bob, gpus=2, priority=10)
    preempting(world, monkeypatch, (victim, by))
    await world.one_pass()
    await until(lambda: world.executor.stopped == [(id_of(victim), Cause.PREEMPTED)])
    (stored,) = [job for job in world.store.jobs.unended() if job.job == id_of(victim)]
    assert (stored.stopping, stored.state) == (Cause.PREEMPTED, JobState.RUNNING)

    snapshot = world.books.snapshot(world.clock.now())
    (lease,) = snapshot.leases
    assert (lease.ending, lease.expected_end) == (True, world.clock.now() + 30.0)
    assert [claim.job for claim in snapshot.claims] == [id_of(by)]

    world.executor.end(victim, None, cause=Cause.PREEMPTED, signal=15)
    await world.one_pass()
    assert world.executor.launched[-1].job == str(by)
    assert world.books.snapshot(world.clock.now()).claims == ()
    shown = await world.jobs.show(world.ann, victim)
    assert (shown.state, shown.submitted_at, shown.attempt) == ("pending", before.submitted_at, 1)
    assert "higher priority" in shown.message
    assert str(by) not in shown.message
    assert [(one.state, one.cause) for one in shown.attempts] == [("preempted", "preempted")]
    await until_audited(world, "job.preempt")
    (entry,) = await audit_of(world, "job.preempt")
    assert (entry.account, entry.target, entry.detail["by"], entry.detail["rule"]) == (
        None, str(victim), str(by), "priority",
    )  # fmt: skip
    world.executor.end(by)
    await world.one_pass()
    assert (world.executor.launched[-1].job, world.executor.launched[-1].attempt) == (str(victim), 2)


async def until_audited(world, action):
    async with asyncio.timeout(5):
        while not await audit_of(world, action):  # noqa: ASYNC110 - written by a task of its own
            await asyncio.sleep(0.001)


async def test_a_preemption_that_cannot_be_written_down_has_not_happened(world, monkeypatch):
    victim = await world.submit(gpus=2, preemptible=True)
    await world.one_pass()
    await world.engine.passes.flush()
    by = await world.submit(world.bob, gpus=2, priority=10)
    preempting(world, monkeypatch, (victim, by))
    record = world.store.jobs.record

    async def full(changes):
        raise WriteFailed("the disk is full")

    monkeypatch.setattr(world.store.jobs, "record", full)
    with pytest.raises(WriteFailed):
        await world.engine.passes.one()
    monkeypatch.setattr(world.store.jobs, "record", record)
    assert world.executor.stopped == []
    assert world.books.live[id_of(victim)].stopping is None
    snapshot = world.books.snapshot(world.clock.now())
    assert (snapshot.claims, snapshot.leases[0].ending) == ((), False)


async def test_a_stop_that_does_not_get_through_is_sent_again(world, monkeypatch, until):
    monkeypatch.setattr("engine.daemon.tries.RETRY_S", 0.01)
    victim = await world.submit(gpus=2, preemptible=True)
    await world.one_pass()
    by = await world.submit(world.bob, gpus=2)
    preempting(world, monkeypatch, (victim, by))
    stop, calls = world.executor.stop, []

    async def broken(*args):
        calls.append(args)
        if len(calls) == 1:
            raise ConnectionResetError("the supervisor went away")
        await stop(*args)

    monkeypatch.setattr(world.executor, "stop", broken)
    await world.one_pass()
    await until(lambda: world.executor.stopped == [(id_of(victim), Cause.PREEMPTED)])


async def test_who_exits_0_in_its_grace_has_completed(world, monkeypatch):
    victim = await world.submit(gpus=2, preemptible=True)
    await world.one_pass()
    preempting(world, monkeypatch, (victim, await world.submit(world.bob, gpus=2)))
    await world.one_pass()
    world.executor.end(victim, 0, cause=Cause.PREEMPTED)
    await world.one_pass()
    assert await world.state_of(victim) == "completed"


async def test_a_cancel_in_the_grace_wins_even_over_a_restart(make, hands, monkeypatch, ending):
    old = await make(hands())
    await old.populate()
    victim = await old.submit(gpus=2, preemptible=True)
    await old.one_pass()
    preempting(old, monkeypatch, (victim, await old.submit(old.bob, gpus=2)))
    await old.one_pass()
    await old.jobs.cancel(old.ann, victim)
    executor = hands()
    executor.found[id_of(victim)] = ending(victim, None, cause=Cause.PREEMPTED, signal=15)
    new = await make(executor)
    await new.engine.recovery.run()
    await new.one_pass()
    shown = await new.jobs.show(new.ann, victim)
    assert (shown.state, shown.cause) == ("cancelled", "cancelled")


@pytest.mark.parametrize("cause", [Cause.PREEMPTED, Cause.SIGNAL])
async def test_a_victim_whose_engine_died_still_goes_on(make, hands, monkeypatch, ending, cause):
    """SIGNAL: its shepherd was killed as well, so nobody wrote down why it ended."""
    old = await make(hands())
    await old.populate()
    victim = await old.submit(gpus=2, preemptible=True)
    await old.one_pass()
    preempting(old, monkeypatch, (victim, await old.submit(old.bob, gpus=2)))
    await old.one_pass()
    executor = hands()
    executor.found[id_of(victim)] = ending(victim, None, cause=cause, signal=9)
    new = await make(executor)
    await new.engine.recovery.run()
    await new.engine.passes.flush()
    shown = await new.jobs.show(new.ann, victim)
    assert (shown.state, shown.attempt) == ("pending", 1)
    assert "higher priority" in shown.message


async def test_a_victim_that_still_runs_after_a_restart_is_told_again(make, hands, monkeypatch, until):
    old = await make(hands())
    await old.populate()
    victim = await old.submit(gpus=2, preemptible=True)
    await old.one_pass()
    preempting(old, monkeypatch, (victim, await old.submit(old.bob, gpus=2)))
    await old.one_pass()
    executor = hands()
    executor.found[id_of(victim)] = Running(job=id_of(victim), attempt=1, pid=1, started_at=1_000_000.0)
    new = await make(executor)
    await new.engine.recovery.run()
    await until(lambda: executor.stopped == [(id_of(victim), Cause.PREEMPTED)])
    assert new.books.snapshot(new.clock.now()).leases[0].ending


async def test_who_is_cancelled_or_past_its_limit_is_seen_as_ending(world):
    first, second = await world.submit(gpus=1, time_limit_s=100), await world.submit(gpus=1, time_limit_s=5000)
    await world.one_pass()
    world.clock.time += 100
    leases = {lease.job: lease for lease in world.books.snapshot(world.clock.now()).leases}
    assert leases[id_of(first)].ending
    assert leases[id_of(first)].expected_end == world.clock.now() + 30
    assert not leases[id_of(second)].ending
    await world.jobs.cancel(world.ann, second)
    leases = {lease.job: lease for lease in world.books.snapshot(world.clock.now()).leases}
    assert (leases[id_of(second)].ending, leases[id_of(second)].expected_end) == (True, world.clock.now() + 30)


async def test_subscribers_hear_of_the_end_of_the_attempt_and_that_it_goes_on(world):
    job = await world.submit(retries=1)
    await world.one_pass()
    heard = []
    world.engine.feed.job_changed = lambda *event: heard.append(event)
    world.executor.end(job, 1)
    await world.engine.passes.flush()
    assert heard == [(str(job), "ann", "failed"), (str(job), "ann", "pending")]
