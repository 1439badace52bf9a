"""From the first schema to today's. `old-v1.db` was written by the first schema: a released step never changes."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid
from engine.core.quota import Quota
from engine.store.gpus import GpuFlag
from engine.store.migrations import migrations
from engine.store.store import Store
from tests.store.samples import lease_of, new_job

OLD = Path(__file__).with_name("old-v1.db")
SECOND = "0002_groups_and_drained_cards"


def schema(db: sqlite3.Connection) -> set[str]:
    """Every statement that made it."""
    return {sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}


@pytest.fixture
async def old(path: Path) -> AsyncIterator[Store]:
    """A copy of the old file, opened by today's engine."""
    shutil.copyfile(OLD, path)
    store = Store.open(path, half_life_s=100.0)
    yield store
    await store.close()


def test_the_first_step_still_makes_the_first_schema(path: Path) -> None:
    shutil.copyfile(OLD, path)
    made = Database(memory=True)
    migrations.apply(made, stop_before=SECOND)
    then = sqlite3.connect(path)
    assert schema(made.conn) == schema(then)
    then.close()


async def test_old_and_new_files_end_with_the_same_schema(old: Store) -> None:
    made = Database(memory=True)
    migrations.apply(made)
    now = await old.readers.read(lambda db: schema(db.conn))
    assert now == schema(made.conn)
    assert any("jobs_by_group" in sql for sql in now)


async def test_old_jobs_are_read(old: Store) -> None:
    running, pending = list(old.jobs.unended())
    assert (running.state, running.lease) == (JobState.RUNNING, lease_of(running.job, "GPU-1", "GPU-2"))
    assert (pending.state, pending.submitted_at) == (JobState.PENDING, 1002.0)
    assert await old.jobs.fields(pending.job) == new_job(2).fields
    failed = await old.jobs.job(1)
    assert failed is not None
    assert (failed.state, failed.cause, failed.exit_code, failed.job_id) == (JobState.FAILED, Cause.EXIT, 3, "first")


async def test_old_people_are_read(old: Store) -> None:
    ann = await old.accounts.by_unix_user("ann")
    assert ann is not None
    assert (ann.role, ann.password_hash, ann.quota) == (
        "admin",
        "$2b$12$old",
        Quota(gpus=3, gpus_by_type={"a6000": 2}),
    )
    assert await old.sessions.find("ab" * 32, 2000.0) is not None
    assert (await old.usage.all())["lab"].gpu_seconds == 3600.0  # type: ignore[index]
    [entry] = await old.audit.page()
    assert entry.entry.action == "account.add"


async def test_what_later_steps_brought_works_on_an_old_file(old: Store) -> None:
    assert [job.id for job in await old.jobs.page(group="lab")] == [3, 2, 1]
    card = GpuUuid("GPU-1")
    await old.gpus.set(GpuFlag(uuid=card, drained=True, why="fan", by="ann", at=1.0))
    assert list(await old.gpus.all()) == [card]


async def test_old_people_have_no_guarantee_and_old_runs_have_a_bill(old: Store) -> None:
    assert {group.terms.guarantee_gpus for group in await old.groups.all()} == {0}
    assert all(service.quota == Quota() for service in await old.services.all())
    [failed] = [job for job in await old.jobs.page() if job.state is JobState.FAILED]
    assert failed.started_at is not None
    assert failed.ended_at is not None
    ran = await old.usage.ran_since(0.0, 1e12)
    assert sum(ran.values()) == pytest.approx(failed.gpus * (failed.ended_at - failed.started_at))


async def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copyfile(OLD, path)

    def half(db: Database) -> None:
        db.execute("CREATE TABLE half (x)")
        raise ZeroDivisionError

    [second] = [step for step in migrations.pending(Database(memory=True)) if step.name == SECOND]
    monkeypatch.setattr(second, "fn", half)
    with pytest.raises(ZeroDivisionError):
        Store.open(path, half_life_s=1.0)
    monkeypatch.undo()
    store = Store.open(path, half_life_s=1.0)
    assert "half" not in await store.readers.read(lambda db: db.table_names())
    assert len(list(store.jobs.unended())) == 2
    await store.close()


async def test_old_ends_are_attempts_too(old: Store) -> None:
    failed = await old.jobs.job(1)
    assert failed is not None
    [attempt] = failed.attempts
    assert (attempt.attempt, attempt.state, attempt.cause) == (failed.attempt, failed.state, failed.cause)
    assert (attempt.started_at, attempt.ended_at) == (failed.started_at, failed.ended_at)
    assert {job.failures for job in old.jobs.unended()} == {0}
