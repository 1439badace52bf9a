"""How each attempt ended is kept beside its job, in the commit that says so; edits are whole or not there."""

from dataclasses import replace

import pytest

from engine.bookkeeping import AtGate, Ended, Moved, NewJob, Scheduled, Started
from engine.core.lifecycle import Cause, JobState
from engine.ports import ImpossibleChange
from engine.protocol.fields import After, JobFields
from engine.store.audit import Entry
from engine.store.store import Store
from tests.store.samples import BOOT, SHAPE, cancelled, key_of, lease_of, new_job, ran, scheduled

NOTE = Entry(at=1.0, account="ann", action="job.edit", target="1", detail={"before": {}, "after": {}})


async def one(store: Store, **values: object) -> int:
    [number] = await store.jobs.add([new_job(1, **values)])  # type: ignore[arg-type]  # a test's own values
    assert number is not None
    return int(number)


async def past(store: Store, number: int) -> list[tuple[object, ...]]:
    job = await store.jobs.job(number)
    assert job is not None
    return [(a.attempt, a.state, a.cause, a.exit_code, a.signal, a.gpu_uuids) for a in job.attempts]


async def test_each_attempt_has_its_row(store: Store) -> None:
    number = await one(store)
    [job] = [known.job for known in store.jobs.unended()]
    again = Moved(job=job, state=JobState.PENDING, failures=1, message="retry 1 of 2")
    await store.jobs.record([*ran(job, "GPU-1", exit_code=3), again])
    preempted = Ended(
        job=job, state=JobState.PREEMPTED, cause=Cause.PREEMPTED, exit_code=None, signal=15,
        started_at=9.0, ended_at=9.5,
    )  # fmt: skip
    second = Scheduled(lease=lease_of(job, "GPU-2"), attempt=2, boot_id=BOOT)
    back = Moved(job=job, state=JobState.PENDING)
    await store.jobs.record([second, Started(job=job, started_at=9.0), preempted, back])
    assert await past(store, number) == [
        (1, JobState.FAILED, Cause.EXIT, 3, None, ("GPU-1",)),
        (2, JobState.PREEMPTED, Cause.PREEMPTED, None, 15, ("GPU-2",)),
    ]
    stored = await store.jobs.job(number)
    assert stored is not None
    assert (stored.attempts[1].started_at, stored.attempts[1].ended_at) == (9.0, 9.5)
    await store.jobs.record([cancelled(job)])
    assert len(await past(store, number)) == 2  # it did not run: that end is no attempt's
    [other] = await store.jobs.jobs([number])
    assert other.attempts == ()


async def test_a_record_that_fails_leaves_no_attempt(store: Store) -> None:
    number = await one(store)
    [job] = [known.job for known in store.jobs.unended()]
    with pytest.raises(ImpossibleChange):
        await store.jobs.record([*ran(job, "GPU-1"), Moved(job=job, state=JobState.RUNNING)])
    assert await past(store, number) == []


async def test_what_a_job_is_told_while_it_waits_is_kept(store: Store) -> None:
    number = await one(store)
    [job] = [known.job for known in store.jobs.unended()]
    again = Moved(job=job, state=JobState.PENDING, message="retry 1 of 2")
    await store.jobs.record([*ran(job, "GPU-1", exit_code=3), again])
    stored = await store.jobs.job(number)
    assert stored is not None
    assert (stored.message, stored.attempts[0].message) == ("retry 1 of 2", None)


async def test_known_tells_of_one_job_what_start_up_would(store: Store) -> None:
    await one(store)
    [known] = store.jobs.unended()
    assert await store.jobs.known(known.job) == known
    await store.jobs.record([*ran(known.job, "GPU-1")])
    ended = await store.jobs.known(known.job)
    assert (ended.state, ended.attempt, ended.lease, ended.key) == (JobState.COMPLETED, 1, None, known.key)


def edited(**changes: object) -> NewJob:
    shape = replace(SHAPE, gpus=3, gpu_type=None)
    fields = JobFields(command=["x"], gpus=3, retries=4, environment={"A": "b"}, job_id="other", **changes)  # type: ignore[arg-type]
    return NewJob(fields=fields, key=key_of(shape=shape), submitted_at=99.0)


async def test_an_edit_gives_the_whole_request_and_leaves_place_and_key(store: Store) -> None:
    number = await one(store, job_id="mine")
    [before] = store.jobs.unended()
    await store.jobs.edit(number, edited(name="n"), None, NOTE)
    [known] = store.jobs.unended()
    assert (known.key, known.submitted_at, known.state) == (edited().key, before.submitted_at, JobState.PENDING)
    job = await store.jobs.job(number)
    assert job is not None
    assert job.fields == replace(edited(name="n").fields, job_id="mine")
    assert (job.name, job.command_line, job.account) == ("n", "x", "ann")
    assert [row.entry.action for row in await store.audit.page()] == ["job.edit"]


async def test_an_edit_sets_and_takes_away_what_keeps_it_at_the_gate(store: Store) -> None:
    number = await one(store)
    gated = AtGate(after=(After(id=7, when="any"),), begin_at=5.0)
    await store.jobs.edit(number, edited(), gated, NOTE)
    assert [known.gate for known in store.jobs.unended()] == [gated]
    await store.jobs.edit(number, edited(), None, NOTE)
    assert [known.gate for known in store.jobs.unended()] == [None]


async def test_what_does_not_wait_is_not_edited(store: Store) -> None:
    number = await one(store)
    [job] = [known.job for known in store.jobs.unended()]
    await store.jobs.record([scheduled(job, "GPU-1")])
    with pytest.raises(ImpossibleChange, match="does not wait"):
        await store.jobs.edit(number, edited(), AtGate(begin_at=5.0), NOTE)
    assert (await store.jobs.fields(job)) == new_job(1).fields
    assert await store.audit.page() == []
