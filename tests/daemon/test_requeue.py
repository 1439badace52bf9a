"""Requeue through a whole engine: what runs, what has ended, what is refused, and what it waits for."""

import pytest

from engine.api.asks import AccountChange
from engine.core.lifecycle import Cause
from engine.protocol.errors import Refused
from engine.protocol.fields import After
from engine.protocol.people import QuotaView
from engine.store.errors import WriteFailed
from tests.daemon.attempts import audit_of, id_of


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
    assert [entry.detail["before"] for entry in await audit_of(world, "job.requeue")] == [{"state": "running"}]


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
