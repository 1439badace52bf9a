"""Further attempts through a whole engine: retries, requeue and what an engine that dies in between leaves behind."""

import asyncio
import random
from dataclasses import replace

import pytest

from engine.api.backend import AccountChange
from engine.core.decisions import Preempt
from engine.core.lifecycle import Cause, JobState
from engine.core.model import JobId
from engine.core.snapshot import Claim
from engine.ports import Running
from engine.protocol.errors import Refused
from engine.protocol.fields import After
from engine.protocol.people import QuotaView
from engine.store.errors import WriteFailed


def id_of(number):
    return JobId(str(number))


async def audit_of(world, action):
    return [row.entry for row in await world.store.audit.page() if row.entry.action == action]


def preempting(world, monkeypatch, *pairs):
    """From the next plan on, once: each (victim, for whom) is preempted by priority."""
    plan, left = world.engine.passes._plan, dict(pairs)

    def scripted(snapshot, policy):
        decided = plan(snapshot, policy)
        leases = {lease.job: lease for lease in snapshot.leases}
        waiting = {one.job: (group.key, one) for group in snapshot.pending for one in group.jobs}
        found = []
        for victim in [job for job in left if id_of(job) in leases and id_of(left[job]) in waiting]:
            lease, (key, by) = leases[id_of(victim)], waiting[id_of(left.pop(victim))]
            claim = Claim(job=by.job, key=key, submitted_at=by.submitted_at, gpus=lease.gpus)
            found.append(Preempt(victim=lease, by=claim, rule="priority", lost_gpu_s=1.0))
        return replace(decided, preemptions=tuple(found))

    monkeypatch.setattr(world.engine.passes, "_plan", scripted)


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
    monkeypatch.setattr("engine.daemon.runs.RETRY_S", 0.01)
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


async def test_requeue_of_a_running_job_stops_it_and_keeps_its_place(world):
    job = await world.submit()
    before = (await world.jobs.show(world.ann, job)).submitted_at
    await world.one_pass()
    world.clock.time += 50
    assert (await world.jobs.requeue(world.ann, job)).state == "running"
    assert world.executor.stopped == [(id_of(job), Cause.PREEMPTED)]
    with pytest.raises(Refused, match="is being stopped already"):
        await world.jobs.requeue(world.ann, job)
    world.executor.end(job, None, cause=Cause.PREEMPTED, signal=15)
    await world.one_pass()
    assert [launch.attempt for launch in world.executor.launched] == [1, 2]
    shown = await world.jobs.show(world.ann, job)
    assert (shown.submitted_at, shown.state) == (before, "running")
    assert [entry.detail["before"] for entry in await audit_of(world, "job.requeue")] == ["running"]


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
async def test_requeue_of_what_has_ended_is_a_new_submission_with_the_same_id(world, end):
    job = await world.submit(retries=1 if end == "failed" else 0)
    for attempt in (1, 2) if end == "failed" else (1,):
        await world.one_pass()
        if end == "cancelled":
            await world.jobs.cancel(world.ann, job)
            world.executor.end(job, None, cause=Cause.CANCELLED, signal=15)
        else:
            world.executor.end(job, 0 if end == "completed" else 1, attempt=attempt)
    await world.one_pass()
    assert await world.state_of(job) == end
    world.clock.time += 5000
    shown = await world.jobs.requeue(world.ann, job)
    assert (shown.state, shown.submitted_at, shown.exit_code, shown.cause) == ("pending", world.clock.time, None, None)
    assert world.books.counts()[end] == 0
    past = len(shown.attempts)
    await world.one_pass()
    assert world.executor.launched[-1].attempt == past + 1
    world.executor.end(job, 1, attempt=past + 1)
    await world.one_pass()
    assert await world.state_of(job) == ("running" if end == "failed" else "failed")  # all retries are there again


async def test_requeue_right_after_the_end_finds_it_ended(world):
    job = await world.submit()
    await world.one_pass()
    world.executor.end(job, 1)
    assert (await world.jobs.requeue(world.ann, job)).state == "pending"
    await world.one_pass()
    assert world.executor.launched[-1].attempt == 2


async def test_what_waits_or_is_not_ones_own_is_not_requeued(world):
    job = await world.submit()
    with pytest.raises(Refused, match="is pending and cannot be requeued"):
        await world.jobs.requeue(world.ann, job)
    await world.jobs.hold(world.ann, job)
    with pytest.raises(Refused, match="is held and cannot be requeued"):
        await world.jobs.requeue(world.ann, job)
    with pytest.raises(Refused) as refused:
        await world.jobs.requeue(world.bob, job)
    assert refused.value.code == "JOB_NOT_FOUND"


async def test_a_requeue_that_cannot_be_written_down_has_not_happened(world, monkeypatch):
    job = await world.submit()
    await world.one_pass()
    world.executor.end(job, 1)
    await world.one_pass()

    async def full(*_):
        raise WriteFailed("The disk is full.")

    monkeypatch.setattr(world.store.jobs, "requeue", full)
    with pytest.raises(Refused) as refused:
        await world.jobs.requeue(world.ann, job)
    assert refused.value.code == "SERVICE_NOT_READY"
    assert (await world.state_of(job), len(world.books.pending)) == ("failed", 0)


async def test_a_requeue_by_a_disabled_account_is_refused(world):
    job = await world.submit()
    await world.jobs.cancel(world.ann, job)
    await world.people.change_account(world.root, "ann", AccountChange(disabled=True))
    with pytest.raises(Refused, match="is disabled"):
        await world.jobs.requeue(world.root, job)


async def test_a_requeued_job_waits_for_what_it_was_to_wait_for(make, hands):
    old = await make(hands())
    await old.populate()
    job = await old.submit(begin=old.clock.time + 100)
    await old.jobs.cancel(old.ann, job)
    assert (await old.jobs.requeue(old.ann, job)).reasons[0]["code"] == "BEGIN_TIME"
    await old.one_pass()
    assert old.executor.launched == []
    new = await make(hands())
    await new.engine.recovery.run()
    assert id_of(job) in new.books.gate
    new.clock.time += 101
    new.engine.gatekeeper.due()
    await new.one_pass()
    assert [launch.job for launch in new.executor.launched] == [str(job)]


async def test_a_dependency_that_cannot_hold_any_more_refuses_the_requeue(world):
    first = await world.submit()
    job = await world.submit(after=[After(id=first)])
    await world.jobs.cancel(world.ann, first)
    await world.one_pass()
    assert await world.state_of(job) == "failed"
    with pytest.raises(Refused, match="could never start"):
        await world.jobs.requeue(world.ann, job)
    assert (await world.state_of(job), world.books.waits(id_of(job))) == ("failed", None)


async def test_requeue_is_a_submission_to_quotas(world):
    job = await world.submit()
    await world.jobs.cancel(world.ann, job)
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView(queued=0)))
    with pytest.raises(Refused) as refused:
        await world.jobs.requeue(world.ann, job)
    assert refused.value.code == "QUOTA_EXCEEDED"


async def test_subscribers_hear_of_the_end_of_the_attempt_and_that_it_goes_on(world):
    job = await world.submit(retries=1)
    await world.one_pass()
    heard = []
    world.engine.feed.job_changed = lambda *event: heard.append(event)
    world.executor.end(job, 1)
    await world.engine.passes.flush()
    assert heard == [(str(job), "ann", "failed"), (str(job), "ann", "pending")]


@pytest.mark.parametrize("seed", range(6))
async def test_in_any_order_no_two_attempts_at_once_and_no_number_twice(make, hands, monkeypatch, seed):
    """Fail, preempt, requeue, cancel, hold, release, die: what runs is what was started last, once."""
    chance = random.Random(seed)
    world = await make(hands())
    await world.populate()
    jobs = [await world.submit(retries=2, gpus=1, preemptible=True) for _ in range(4)]
    running: dict[int, int] = {}
    begun: dict[int, list[int]] = {job: [] for job in jobs}
    story = []

    async def one_pass():
        seen = len(world.executor.launched)
        await world.one_pass()
        for launch in world.executor.launched[seen:]:
            job = int(launch.job)
            assert job not in running, (story, "two attempts at once")
            assert launch.attempt not in begun[job], (story, "a number twice")
            running[job] = launch.attempt
            begun[job].append(launch.attempt)

    def end(job, **how):
        world.executor.end(job, how.pop("code", None), attempt=running.pop(job), **how)

    for _ in range(60):
        job = chance.choice(jobs)
        deed = chance.choice(["pass", "fail", "done", "stop", "requeue", "cancel", "hold", "release", "preempt", "die"])
        story.append((deed, job))
        if deed == "pass":
            await one_pass()
        elif deed in {"fail", "done"} and job in running:
            end(job, code=int(deed == "fail"))
        elif deed == "stop" and job in running and any(one == id_of(job) for one, _ in world.executor.stopped):
            end(job, cause=next(cause for one, cause in world.executor.stopped if one == id_of(job)), signal=15)
            world.executor.stopped = [pair for pair in world.executor.stopped if pair[0] != id_of(job)]
        elif deed in {"requeue", "cancel", "hold", "release"}:
            try:
                await getattr(world.jobs, deed)(world.ann, job)
            except Refused as refused:
                assert refused.code == "INVALID_STATE", (story, refused.message)
        elif deed == "preempt":
            preempting(world, monkeypatch, (job, chance.choice(jobs)))
            await one_pass()
        elif deed == "die":
            executor = hands()
            executor.found = {
                id_of(one): Running(job=id_of(one), attempt=number, pid=1, started_at=1_000_000.0)
                for one, number in running.items()
            }
            world = await make(executor)
            for one in world.store.jobs.unended():
                executor.found.setdefault(one.job, None)
            await world.engine.recovery.run()
            await one_pass()
    for job in jobs:
        shown = await world.jobs.show(world.root, job)
        assert shown.attempt == max(begun[job], default=0), story
        assert begun[job] == list(range(1, len(begun[job]) + 1)), story
        await world.engine.passes.flush()
        past = (await world.jobs.show(world.root, job)).attempts
        assert [one.attempt for one in past] == [n for n in begun[job] if running.get(job) != n], story
