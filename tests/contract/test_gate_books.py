"""What every JobStore keeps of the gate, whether its books are a SQLite file or a dictionary."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.bookkeeping import AtGate, Moved, NewJob, Passed, Postponed, Turn
from engine.core.lifecycle import JobState
from engine.core.model import JobId
from engine.ports import JobStore
from engine.protocol.fields import After
from engine.store.store import Store
from tests.contract.fakes import FakeJobStore
from tests.store.samples import cancelled, new_job

WAITS = AtGate(after=(After(id=1), After(id=2, when="any")), begin_at=5000.5)
RECURS = AtGate(begin_at=5000.0, cron="30 2 * * 1-5")


@pytest.fixture(params=["sqlite", "fake"])
async def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[JobStore]:
    """An empty JobStore of each kind."""
    if request.param == "fake":
        yield FakeJobStore()
        return
    store = Store.open(tmp_path / "rcq.db", half_life_s=100.0)
    yield store.jobs
    await store.close()


def gates(jobs: JobStore) -> list[AtGate | None]:
    return [known.gate for known in jobs.unended()]


async def added(jobs: JobStore, *new: NewJob) -> list[JobId]:
    found = [job for job in await jobs.add(new) if job is not None]
    assert len(found) == len(new)
    return found


async def test_what_keeps_a_job_comes_back_until_it_passes(jobs: JobStore) -> None:
    _, job, _ = await added(jobs, new_job(0), replace(new_job(1), gate=WAITS), new_job(2))
    assert gates(jobs) == [None, WAITS, None]
    await jobs.record([Passed(job=job, submitted_at=7000.0)])
    assert gates(jobs) == [None, None, None]
    assert [known.submitted_at for known in jobs.unended()] == [1000.0, 7000.0, 1002.0]


async def test_a_held_job_is_still_kept_and_an_ended_one_no_more(jobs: JobStore) -> None:
    (job,) = await added(jobs, replace(new_job(0), gate=WAITS))
    await jobs.record([Moved(job=job, state=JobState.HELD)])
    assert gates(jobs) == [WAITS]
    await jobs.record([cancelled(job), Passed(job=job)])
    assert gates(jobs) == []


async def test_a_turn_is_written_with_its_copy(jobs: JobStore) -> None:
    (template,) = await added(jobs, replace(new_job(0), gate=RECURS))
    await added(jobs, replace(new_job(1), turn=Turn(template=template, next_at=9000.0)))
    assert gates(jobs) == [replace(RECURS, begin_at=9000.0), None]
    await jobs.record([Postponed(job=template, begin_at=9500.0, message="no")])
    assert gates(jobs) == [replace(RECURS, begin_at=9500.0), None]


async def test_a_copy_that_is_refused_takes_no_turn(jobs: JobStore) -> None:
    (template, _) = await added(jobs, replace(new_job(0), gate=RECURS), new_job(1, job_id="a"))
    copy = replace(new_job(2, job_id="a"), turn=Turn(template=template, next_at=9000.0))
    assert await jobs.add([copy]) == [None]
    assert gates(jobs)[0] == RECURS


async def test_each_element_of_an_array_is_kept(jobs: JobStore) -> None:
    await added(jobs, replace(new_job(0), indices=(3, 4, 5), gate=WAITS))
    assert gates(jobs) == [WAITS] * 3
