"""The gate on disk, beyond what every JobStore keeps: messages, copies, where jobs stand."""

from dataclasses import replace

from engine.bookkeeping import AtGate, Postponed, Turn
from engine.core.lifecycle import JobState
from engine.core.model import JobId
from engine.store.store import Store
from tests.store.samples import ended, new_job, scheduled

RECURS = AtGate(begin_at=5000.0, cron="* * * * *")


async def told(store: Store, job: int) -> tuple[str | None, int | None]:
    stored = await store.jobs.job(job)
    assert stored is not None
    return stored.message, stored.cron_of


async def test_a_turn_that_came_to_nothing_is_told_until_the_next_one(store: Store) -> None:
    (template,) = await store.jobs.add([replace(new_job(0), gate=RECURS)])
    assert template is not None
    await store.jobs.record([Postponed(job=template, begin_at=6000.0, message="over the quota")])
    assert await told(store, 1) == ("over the quota", None)
    await store.jobs.add([replace(new_job(1), turn=Turn(template=template, next_at=7000.0))])
    assert [await told(store, job) for job in (1, 2)] == [(None, None), (None, 1)]


async def test_a_turn_says_nothing_about_a_template_that_has_ended(store: Store) -> None:
    (template,) = await store.jobs.add([new_job(0)])
    assert template is not None
    await store.jobs.record([scheduled(template), replace(ended(template), message="its own")])
    await store.jobs.record([Postponed(job=template, begin_at=6000.0, message="late")])
    assert await told(store, 1) == ("its own", None)


async def test_standings_have_account_and_state_of_the_jobs_there_are(store: Store) -> None:
    await store.jobs.add([new_job(0), new_job(1, account="ben")])
    found = await store.jobs.standings([JobId("2"), JobId("1"), JobId("99"), JobId(str(2**63 - 1))])
    assert found == {"1": ("ann", JobState.PENDING), "2": ("ben", JobState.PENDING)}
