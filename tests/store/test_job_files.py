"""What the books say of jobs' files, and ids where the job files know more jobs than the database does."""

import pytest

from engine.bookkeeping import Moved, Started
from engine.core.lifecycle import JobState
from engine.core.model import JobId
from engine.store.errors import Missing
from engine.store.jobfiles import Removal
from engine.store.store import Store
from tests.store.samples import ended, new_job, ran, scheduled


async def run_to_its_end(store: Store, number: int = 0) -> JobId:
    [job] = await store.jobs.add([new_job(number)])
    assert job is not None
    await store.jobs.record(ran(job, "GPU-1"))
    return job


async def test_only_jobs_that_have_ended_are_told(store: Store) -> None:
    over = await run_to_its_end(store)
    waiting, running = await store.jobs.add([new_job(1), new_job(2)])
    await store.jobs.record([scheduled(running)])
    found = await store.job_files.ended([over, waiting, running, JobId("999"), JobId("../x")])
    assert [(one.job, one.account, one.fetched_at) for one in found] == [(over, "ann", None)]
    assert found[0].ended_at > 0


async def test_fetched_is_kept_and_refused_for_what_has_not_ended(store: Store) -> None:
    over = await run_to_its_end(store)
    [waiting] = await store.jobs.add([new_job(1)])
    await store.job_files.fetched(over, 77.0)
    assert [one.fetched_at for one in await store.job_files.ended([over])] == [77.0]
    for job in (waiting, JobId("999")):
        with pytest.raises(Missing):
            await store.job_files.fetched(job, 1.0)


async def test_removed_is_noted_for_ended_jobs_alone_and_told_with_the_job(store: Store) -> None:
    over = await run_to_its_end(store)
    [waiting] = await store.jobs.add([new_job(1)])
    wanted = [Removal(job=over, why="age"), Removal(job=waiting, why="age")]
    assert await store.job_files.remove(wanted, 55.0) == [over]
    shown, untouched = [await store.jobs.job(int(job)) for job in (over, waiting)]
    assert (shown.files_removed_at, shown.files_removed_why) == (55.0, "age")
    assert (untouched.files_removed_at, untouched.files_removed_why) == (None, None)


async def test_a_job_that_runs_again_has_files_again(store: Store) -> None:
    over = await run_to_its_end(store)
    await store.job_files.fetched(over, 50.0)
    await store.job_files.remove([Removal(job=over, why="fetched")], 55.0)
    await store.jobs.record([Moved(job=over, state=JobState.PENDING)])
    assert await store.job_files.remove([Removal(job=over, why="fetched")], 56.0) == []
    shown = await store.jobs.job(int(over))
    assert (shown.files_removed_at, shown.files_removed_why) == (None, None)
    await store.jobs.record([scheduled(over, attempt=2), Started(job=over, started_at=3000.0), ended(over)])
    assert [one.fetched_at for one in await store.job_files.ended([over])] == [None]


async def test_ids_begin_where_they_are_told_to(store: Store) -> None:
    await store.jobs.add([new_job(0)])
    store.jobs.begin_at(40)
    assert await store.jobs.add([new_job(1), new_job(2)]) == ["40", "41"]
    store.jobs.begin_at(10)
    assert await store.jobs.add([new_job(3)]) == ["42"]
