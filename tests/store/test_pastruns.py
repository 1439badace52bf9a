"""The last runs that are over: the newest that ended by the causes asked for, oldest first."""

from dataclasses import replace

from engine.bookkeeping import Started
from engine.core.lifecycle import Cause
from engine.core.model import JobId, Shape
from engine.store.store import Store
from tests.store.samples import SHAPE, cancelled, ended, key_of, new_job, scheduled

EXIT = frozenset({Cause.EXIT})


async def run(store: Store, number: int, *, at: float, account: str = "ann", shape: Shape = SHAPE) -> JobId:
    """A job that ran from 2000.5 until `at`."""
    [job] = await store.jobs.add([new_job(number, account=account, shape=shape)])
    assert job is not None
    await store.jobs.record([scheduled(job, "GPU-0"), Started(job=job, started_at=2000.5), ended(job, at=at)])
    return job


async def test_the_newest_oldest_first(store: Store) -> None:
    wide = replace(SHAPE, gpus=2)
    await run(store, 1, at=2600.5)
    await run(store, 2, at=2400.5, account="bob", shape=wide)
    await run(store, 3, at=2500.5)
    told = [(one.name, one.ran_s, one.key) for one in await store.past_runs.last(2, EXIT)]
    assert told == [("train 3", 500.0, key_of()), ("train 1", 600.0, key_of())]
    first, *rest = await store.past_runs.last(10, EXIT)
    assert (first.name, first.ran_s, first.key) == ("train 2", 400.0, key_of("bob", shape=wide))
    assert rest[0].key is rest[1].key


async def test_only_what_ran_and_ended_by_such_a_cause(store: Store) -> None:
    await run(store, 1, at=2600.0)
    runs, waits = await store.jobs.add([new_job(2), new_job(3)])
    assert runs and waits
    never = await store.jobs.add([new_job(4)])
    await store.jobs.record([scheduled(runs, "GPU-1"), Started(job=runs, started_at=2100.0)])
    await store.jobs.record([cancelled(JobId(str(never[0])))])
    assert [one.name for one in await store.past_runs.last(10, EXIT)] == ["train 1"]
    assert [one.name for one in await store.past_runs.last(10, frozenset({Cause.CANCELLED}))] == []
    await store.jobs.record([replace(cancelled(runs, at=2200.0), started_at=2100.0)])
    assert [one.name for one in await store.past_runs.last(10, frozenset({Cause.CANCELLED}))] == ["train 2"]


async def test_a_run_that_a_clock_set_back_ended_before_it_began_took_no_time(store: Store) -> None:
    await run(store, 1, at=1000.0)
    assert [one.ran_s for one in await store.past_runs.last(10, EXIT)] == [0.0]


async def test_jobs_that_have_not_ended_tell_their_names(store: Store) -> None:
    await store.jobs.add([new_job(7)])
    assert [(job.name, job.key) for job in store.jobs.unended()] == [("train 7", key_of())]
