"""What every JobStore keeps, whether its books are a SQLite file or a dictionary."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.bookkeeping import Change, Charged, KnownJob, Moved, MovedAll, Scheduled, Started, Stopping
from engine.core.lifecycle import Cause, JobState
from engine.core.model import ArrayCap, GpuUuid, JobId
from engine.core.snapshot import CLUSTER
from engine.ports import ImpossibleChange, JobStore
from engine.protocol.fields import ElementFields
from engine.store.store import Store
from tests.contract.fakes import FakeJobStore
from tests.store.samples import BOOT, cancelled, ended, key_of, lease_of, new_job, ran, scheduled


@pytest.fixture(params=["sqlite", "fake"])
async def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[JobStore]:
    """An empty JobStore of each kind."""
    if request.param == "fake":
        yield FakeJobStore()
        return
    store = Store.open(tmp_path / "rcq.db", half_life_s=100.0)
    yield store.jobs
    await store.close()


async def add(jobs: JobStore, count: int) -> list[JobId]:
    """So many new jobs."""
    added = [job for job in await jobs.add([new_job(number) for number in range(count)]) if job is not None]
    assert len(added) == count
    return added


def known(jobs: JobStore, job: JobId) -> KnownJob:
    """What start-up would see of it."""
    [found] = [found for found in jobs.unended() if found.job == job]
    return found


async def test_new_jobs_wait_in_order_with_ascending_ids(jobs: JobStore) -> None:
    added = await add(jobs, 12)
    assert [int(job) for job in added] == sorted(int(job) for job in added)
    books = list(jobs.unended())
    assert [each.job for each in books] == added  # by number, not by text: "10" comes after "9"
    assert [each.submitted_at for each in books] == [1000.0 + number for number in range(12)]
    assert {each.state for each in books} == {JobState.PENDING}
    assert {(each.attempt, each.lease, each.boot_id) for each in books} == {(0, None, None)}
    assert all(each.key == key_of() for each in books)


async def test_adding_nothing_changes_nothing(jobs: JobStore) -> None:
    assert await jobs.add([]) == []
    await jobs.record([])
    assert list(jobs.unended()) == []


async def test_fields_come_back_as_given(jobs: JobStore) -> None:
    new = new_job(7, job_id="seven")
    [job] = await jobs.add([new])
    assert job is not None
    assert await jobs.fields(job) == new.fields


@pytest.mark.parametrize("unknown", ["1", "99999999999999999999", "seven", "", "-1"])
async def test_fields_of_an_unknown_job_are_a_key_error(jobs: JobStore, unknown: str) -> None:
    with pytest.raises(KeyError):
        await jobs.fields(JobId(unknown))


async def test_a_repeated_job_id_is_refused_alone(jobs: JobStore) -> None:
    first = await jobs.add([new_job(0, job_id="a"), new_job(1, job_id="a"), new_job(2, job_id="b"), new_job(3)])
    assert [job is not None for job in first] == [True, False, True, True]
    second = await jobs.add([new_job(4, job_id="b"), new_job(5), new_job(6, job_id="a"), new_job(7, job_id="c")])
    assert [job is not None for job in second] == [False, True, False, True]
    kept = [job for job in first + second if job is not None]
    assert [each.job for each in jobs.unended()] == kept
    assert [(await jobs.fields(job)).name for job in kept] == [f"train {number}" for number in (0, 2, 3, 5, 7)]


async def test_an_array_is_as_many_jobs_in_a_row(jobs: JobStore) -> None:
    array = replace(new_job(4, job_id="k"), indices=(3, 7, 8), most=2)
    assert await jobs.add([new_job(0), array, new_job(9)]) == ["1", "2", "5"]
    elements = [each for each in jobs.unended() if each.key.array is not None]
    assert [each.job for each in elements] == ["2", "3", "4"]
    assert {each.key for each in elements} == {replace(array.key, array=ArrayCap(parent=JobId("2"), most=2))}
    assert [each.submitted_at for each in elements] == [array.submitted(place) for place in range(3)]
    found = await jobs.fields(JobId("3"))
    assert isinstance(found, ElementFields)
    assert (found.array_parent, found.array_index, found.job_id, found.command) == (2, 7, "k[7]", array.fields.command)


async def test_an_array_goes_in_whole_or_not_at_all(jobs: JobStore) -> None:
    array = replace(new_job(4, job_id="k"), indices=(3, 7, 8))
    assert await jobs.add([new_job(0, job_id="k[8]"), array]) == ["1", None]
    assert [each.job for each in jobs.unended()] == ["1"]
    assert None not in await jobs.add([replace(array, indices=(3, 7))])
    assert await jobs.add([new_job(5, job_id="k"), array, new_job(6, job_id="k[3]")]) == [None, None, None]


async def test_many_that_wait_take_a_step_together(jobs: JobStore) -> None:
    one, two, three, four = await add(jobs, 4)
    await jobs.record([MovedAll(jobs=[one, two], state=JobState.HELD, at=5.0)])
    assert [each.state for each in jobs.unended()] == ["held", "held", "pending", "pending"]
    await jobs.record([MovedAll(jobs=[two], state=JobState.PENDING, at=6.0)])
    await jobs.record([MovedAll(jobs=[one, three], state=JobState.CANCELLED, at=7.0)])
    await jobs.record([Moved(job=four, state=JobState.HELD)])
    assert [(each.job, each.state) for each in jobs.unended()] == [(two, "pending"), (four, "held")]


@pytest.mark.parametrize("state", list(JobState))
async def test_many_take_a_step_together_or_none_does(jobs: JobStore, state: JobState) -> None:
    waits, holds, runs, over = await add(jobs, 4)
    await jobs.record([Moved(job=holds, state=JobState.HELD), scheduled(runs, "GPU-1"), *ran(over, "GPU-2")])
    before = list(jobs.unended())
    for others in ([runs], [over], [JobId("99")], [holds, waits] if state in ("held", "pending") else [runs]):
        with pytest.raises(ImpossibleChange):
            await jobs.record([MovedAll(jobs=[waits, *others], state=state, at=5.0)])
    assert list(jobs.unended()) == before


async def test_another_account_may_use_the_same_job_id(jobs: JobStore) -> None:
    both = await jobs.add([new_job(0, job_id="a", account="ann"), new_job(1, job_id="a", account="ben")])
    assert None not in both


async def test_a_job_id_stays_taken_after_the_job_has_ended(jobs: JobStore) -> None:
    [job] = await jobs.add([new_job(0, job_id="a")])
    assert job is not None
    await jobs.record(ran(job, "GPU-1"))
    assert await jobs.add([new_job(1, job_id="a")]) == [None]


async def test_a_lease_is_held_from_scheduled_to_the_end(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    await jobs.record([scheduled(job, "GPU-1", "GPU-2")])
    assert known(jobs, job).state is JobState.SCHEDULED
    assert known(jobs, job).lease == lease_of(job, "GPU-1", "GPU-2")
    assert (known(jobs, job).attempt, known(jobs, job).boot_id) == (1, BOOT)
    await jobs.record([Started(job=job, started_at=2000.5)])
    assert known(jobs, job).state is JobState.RUNNING
    assert known(jobs, job).lease == lease_of(job, "GPU-1", "GPU-2")
    await jobs.record([ended(job)])
    assert list(jobs.unended()) == []


async def test_a_job_without_gpus_holds_a_lease_too(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    await jobs.record([scheduled(job)])
    assert known(jobs, job).lease == lease_of(job)


async def test_back_to_pending_gives_the_lease_up_and_keeps_age_and_attempt(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    await jobs.record([scheduled(job, "GPU-1"), Moved(job=job, state=JobState.PENDING)])
    again = known(jobs, job)
    assert (again.state, again.lease, again.boot_id) == (JobState.PENDING, None, None)
    assert (again.attempt, again.submitted_at) == (1, 1000.0)
    await jobs.record([scheduled(job, "GPU-2", attempt=2)])
    assert known(jobs, job).lease == lease_of(job, "GPU-2")


async def test_hold_and_release(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    await jobs.record([Moved(job=job, state=JobState.HELD)])
    assert known(jobs, job).state is JobState.HELD
    await jobs.record([Moved(job=job, state=JobState.PENDING)])
    assert known(jobs, job).state is JobState.PENDING


async def test_one_attempt_is_scheduled_once(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    await jobs.record([scheduled(job, "GPU-1", attempt=1), Moved(job=job, state=JobState.PENDING)])
    with pytest.raises(ImpossibleChange):
        await jobs.record([scheduled(job, "GPU-1", attempt=1)])
    assert known(jobs, job).state is JobState.PENDING


def impossible(job: JobId) -> dict[str, Change]:
    """Changes that cannot follow on a job that is pending."""
    return {
        "unknown job": Started(job=JobId("4711"), started_at=1.0),
        "no id of ours": cancelled(JobId("x")),
        "started before it was scheduled": Started(job=job, started_at=1.0),
        "completed before it ran": ended(job),
        "moved to where it is": Moved(job=job, state=JobState.PENDING),
        "moved to running": Moved(job=job, state=JobState.RUNNING),
        "attempt nought": scheduled(job, attempt=0),
    }


@pytest.mark.parametrize("what", list(impossible(JobId("1"))))
async def test_an_impossible_change_undoes_the_whole_record(jobs: JobStore, what: str) -> None:
    job, other = await add(jobs, 2)
    before = list(jobs.unended())
    with pytest.raises(ImpossibleChange):
        await jobs.record([scheduled(other, "GPU-1"), impossible(job)[what]])
    assert list(jobs.unended()) == before


async def test_what_has_ended_stays_ended_unless_it_is_requeued(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    await jobs.record([cancelled(job)])
    for late in (Moved(job=job, state=JobState.HELD), scheduled(job), cancelled(job)):
        with pytest.raises(ImpossibleChange):
            await jobs.record([late])
    assert list(jobs.unended()) == []


@pytest.mark.parametrize("exit_code", [0, 3])
async def test_what_has_ended_may_be_requeued_as_a_new_submission(jobs: JobStore, exit_code: int) -> None:
    [job] = await add(jobs, 1)
    await jobs.record(ran(job, "GPU-1", exit_code=exit_code))
    await jobs.record([Moved(job=job, state=JobState.PENDING, failures=0, submitted_at=9000.0)])
    found = known(jobs, job)
    assert (found.attempt, found.failures, found.submitted_at, found.lease) == (1, 0, 9000.0, None)
    with pytest.raises(ImpossibleChange):
        await jobs.record([scheduled(job, "GPU-1", attempt=1)])
    await jobs.record([scheduled(job, "GPU-1", attempt=2)])


async def test_an_attempt_ends_and_its_job_goes_on_in_one_record(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    before = known(jobs, job).submitted_at
    again = Moved(job=job, state=JobState.PENDING, failures=1)
    await jobs.record([*ran(job, "GPU-1", exit_code=3), again])
    found = known(jobs, job)
    assert (found.state, found.attempt, found.failures, found.submitted_at) == (JobState.PENDING, 1, 1, before)
    await jobs.record([scheduled(job, "GPU-2", attempt=2), Moved(job=job, state=JobState.PENDING)])
    assert known(jobs, job).failures == 1


async def test_who_is_told_to_stop_is_known_for_it_until_the_end(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    stop = Stopping(job=job, cause=Cause.PREEMPTED, message="for another")
    await jobs.record([stop])
    assert known(jobs, job).stopping is None
    await jobs.record([scheduled(job, "GPU-1"), stop])
    assert (known(jobs, job).stopping, known(jobs, job).stop_message) == (Cause.PREEMPTED, "for another")
    await jobs.record([Stopping(job=job, cause=Cause.CANCELLED)])
    assert (known(jobs, job).stopping, known(jobs, job).stop_message) == (Cause.CANCELLED, None)
    await jobs.record([Moved(job=job, state=JobState.PENDING)])
    assert known(jobs, job).stopping is None


async def test_where_a_lease_is_and_when_a_cluster_began_it_is_known(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    planned = replace(scheduled(job, "slurm/n1/a100/0").lease, place=CLUSTER)
    given = replace(planned, gpus=(GpuUuid("slurm/n2/a100/1"),), started_at=9000.0, expected_end=9100.0)
    await jobs.record([Scheduled(lease=planned, attempt=1, boot_id="boot")])
    assert (known(jobs, job).lease, known(jobs, job).node) == (planned, None)
    await jobs.record([Started(job=job, started_at=9000.0, node="n2", lease=given)])
    assert (known(jobs, job).lease, known(jobs, job).node) == (given, "n2")
    await jobs.record([Stopping(job=job, cause=Cause.PREEMPTED, held_next=True)])
    assert known(jobs, job).held_next
    await jobs.record([Moved(job=job, state=JobState.PENDING)])
    found = known(jobs, job)
    assert (found.lease, found.node, found.held_next, found.stopping) == (None, None, False, None)


async def test_a_charge_goes_with_the_changes_beside_it(jobs: JobStore) -> None:
    [job] = await add(jobs, 1)
    charge = Charged(owner=key_of().owner, gpu_seconds=60.0, at=2000.0)
    await jobs.record([scheduled(job, "GPU-1"), charge])
    assert known(jobs, job).state is JobState.SCHEDULED
    with pytest.raises(ImpossibleChange):
        await jobs.record([charge, scheduled(job, "GPU-1")])
