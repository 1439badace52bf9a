"""Jobs in the SQLite store beyond what every JobStore keeps: listings, history, counts, speed of access."""

import asyncio
import sqlite3
import threading
from dataclasses import replace

import pytest
from sqlite_utils import Database

from engine.bookkeeping import Charged, Moved, Started
from engine.core.lifecycle import Cause, JobState
from engine.core.model import AccountName, GroupName, JobId, Owner, ServiceName, Shape
from engine.ports import ImpossibleChange
from engine.store.jobs import Jobs, _ids
from engine.store.store import Store
from tests.store.conftest import until
from tests.store.samples import cancelled, ended, new_job, ran, scheduled


async def add(jobs: Jobs, count: int, *, account: str = "ann", group: str = "lab") -> list[JobId]:
    """So many new jobs of one owner."""
    added = await jobs.add([new_job(number, account=account, group=group) for number in range(count)])
    return [job for job in added if job is not None]


async def mixed(jobs: Jobs) -> None:
    """Jobs 1-4 ann, 5-8 ben, 9 ann for another group; 1 completed, 2 failed, 3 running, 5 cancelled, 6 held."""
    one, two, three, _ = await add(jobs, 4)
    five, six, _, _ = await add(jobs, 4, account="ben")
    await add(jobs, 1, group="clinic")
    await jobs.record([*ran(one, "GPU-1"), *ran(two, "GPU-1", exit_code=3)])
    await jobs.record([scheduled(three, "GPU-2"), Started(job=three, started_at=2001.0)])
    await jobs.record([cancelled(five), Moved(job=six, state=JobState.HELD)])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ({"limit": 2}, [9, 8]),
        ({"limit": 2, "before": 8}, [7, 6]),
        ({"before": 1}, []),
        ({"before": 10**30}, [9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ({"states": [JobState.PENDING]}, [9, 8, 7, 4]),
        ({"states": [JobState.COMPLETED, JobState.FAILED, JobState.PENDING], "limit": 5}, [9, 8, 7, 4, 2]),
        ({"states": [JobState.FAILED, JobState.FAILED]}, [2]),
        ({"states": [JobState.PREEMPTED]}, []),
        ({"account": "ben"}, [8, 7, 6, 5]),
        ({"account": "ben", "states": [JobState.HELD, JobState.CANCELLED]}, [6, 5]),
        ({"group": "clinic"}, [9]),
        ({"group": "lab", "states": [JobState.PENDING], "before": 8}, [7, 4]),
        ({"account": "ann", "group": "lab"}, [4, 3, 2, 1]),
        ({"account": "nobody"}, []),
    ],
)
async def test_a_page(store: Store, filters: dict[str, object], expected: list[int]) -> None:
    await mixed(store.jobs)
    page = await store.jobs.page(**filters)  # type: ignore[arg-type]
    assert [job.id for job in page] == expected


async def test_pages_follow_each_other_without_gap_or_repeat(store: Store) -> None:
    await add(store.jobs, 25)
    seen: list[int] = []
    while page := await store.jobs.page(account="ann", limit=10, before=seen[-1] if seen else None):
        seen += [job.id for job in page]
        await add(store.jobs, 1)  # what arrives meanwhile is newer and disturbs nothing
    assert seen == list(range(25, 0, -1))


@pytest.mark.parametrize(
    "conditions", [{"state": "pending"}, {"state": "failed", "account": "ann"}, {"state": "running", "grp": "lab"}, {}]
)
async def test_every_listing_walks_an_index_in_its_order(store: Store, conditions: dict[str, str]) -> None:
    def plans(db: Database) -> str:
        statements: list[str] = []
        db.conn.set_trace_callback(statements.append)
        _ids(db, conditions, 10, 50)
        db.conn.set_trace_callback(None)
        return " ".join(row[3] for row in db.conn.execute(f"EXPLAIN QUERY PLAN {statements[0]}"))

    plan = await store.readers.read(plans)
    assert "SEARCH jobs USING" in plan
    assert "TEMP B-TREE" not in plan


async def test_everything_a_listing_shows_of_an_ended_job(store: Store) -> None:
    new = new_job(5, job_id="five")
    [job] = await store.jobs.add([replace(new, key=replace(new.key, service=ServiceName("alphafold")))])
    assert job is not None
    await store.jobs.record(ran(job, "GPU-2", "GPU-1", exit_code=3))
    [row] = await store.jobs.page()
    assert (row.id, row.job_id, row.name, row.account, row.group, row.service) == (
        1,
        "five",
        "train 5",
        "ann",
        "lab",
        "alphafold",
    )
    assert (row.state, row.cause, row.exit_code, row.signal) == (JobState.FAILED, Cause.EXIT, 3, None)
    assert (row.submitted_at, row.started_at, row.ended_at, row.attempt) == (1005.0, 2000.5, 2500.0, 1)
    assert Shape(
        gpus=row.gpus,
        gpu_type=row.gpu_type,
        gpu_memory_mb=row.gpu_memory_mb,
        share=row.gpu_share,
        cpu_cores=row.cpu_cores,
        memory_mb=row.memory_mb,
        time_limit_s=row.time_limit_s,
    ) == (new.key.shape)
    assert (row.priority, row.preemptible) == (5, False)
    assert row.gpu_uuids == ("GPU-2", "GPU-1")  # kept: history shows where it ran
    assert row.command_line == "python train.py --seed 5"
    assert row.fields is None


async def test_one_job_comes_with_its_fields(store: Store) -> None:
    await add(store.jobs, 2)
    job = await store.jobs.job(2)
    assert job is not None
    assert (job.id, job.fields) == (2, new_job(1).fields)
    for unknown in (0, -1, 3, 2**63, 10**30):
        assert await store.jobs.job(unknown) is None


async def test_jobs_by_id_keep_the_order_asked_for(store: Store) -> None:
    await add(store.jobs, 5)
    assert [job.id for job in await store.jobs.jobs([4, 99, 1, 10**30, 3])] == [4, 1, 3]
    assert await store.jobs.jobs([]) == []


async def test_a_requeued_job_shows_nothing_of_its_last_run(store: Store) -> None:
    [job] = await add(store.jobs, 1)
    await store.jobs.record([*ran(job, "GPU-1", exit_code=3), Moved(job=job, state=JobState.PENDING)])
    [row] = await store.jobs.page()
    assert (row.cause, row.exit_code, row.started_at, row.ended_at, row.gpu_uuids) == (None, None, None, None, ())
    assert (row.attempt, row.submitted_at) == (1, 1000.0)


async def test_an_end_without_a_start_time_keeps_the_recorded_one(store: Store) -> None:
    [job] = await add(store.jobs, 1)
    await store.jobs.record([scheduled(job, "GPU-1"), Started(job=job, started_at=2001.0)])
    await store.jobs.record([replace(ended(job), started_at=None)])
    [row] = await store.jobs.page()
    assert row.started_at == 2001.0


async def test_nothing_of_a_lease_is_left_but_its_cards(store: Store) -> None:
    [job] = await add(store.jobs, 1)
    await store.jobs.record(ran(job, "GPU-1"))
    rows = await store.readers.read(lambda db: list(db.table("jobs").rows))
    assert [(row["lease_started_at"], row["expected_end"], row["gpu_uuids"]) for row in rows] == [
        (None, None, '["GPU-1"]')
    ]


async def test_counts_by_state(store: Store) -> None:
    assert set((await store.jobs.counts_by_state()).values()) == {0}
    await mixed(store.jobs)
    counts = await store.jobs.counts_by_state()
    assert {state: count for state, count in counts.items() if count} == {
        JobState.PENDING: 4,
        JobState.COMPLETED: 1,
        JobState.FAILED: 1,
        JobState.RUNNING: 1,
        JobState.CANCELLED: 1,
        JobState.HELD: 1,
    }


async def test_equal_jobs_share_one_key_in_memory(store: Store) -> None:
    await add(store.jobs, 50)
    await add(store.jobs, 50, account="ben")
    assert len({id(known.key) for known in list(store.jobs.unended())}) == 2


async def test_start_up_sees_one_instant(store: Store) -> None:
    await add(store.jobs, 5)
    books = store.jobs.unended()
    first = next(books)
    await add(store.jobs, 5)
    await store.jobs.record([cancelled(JobId("3"))])
    assert [first.job, *(known.job for known in books)] == ["1", "2", "3", "4", "5"]
    assert len(list(store.jobs.unended())) == 9


async def test_a_page_is_read_while_a_write_is_under_way(store: Store) -> None:
    await add(store.jobs, 3)
    written, go_on = threading.Event(), threading.Event()

    def slow(db: Database) -> None:
        db.execute("UPDATE jobs SET name = 'changed'")
        written.set()
        assert go_on.wait(10)

    writing = asyncio.ensure_future(store.writer.write(slow))
    await until(written.is_set)
    assert {job.name for job in await store.jobs.page()} == {"train 0", "train 1", "train 2"}
    go_on.set()
    await writing
    assert {job.name for job in await store.jobs.page()} == {"changed"}


async def test_more_readers_than_connections_wait_their_turn(store: Store) -> None:
    await add(store.jobs, 30)
    pages = await asyncio.gather(*(store.jobs.page(limit=5) for _ in range(100)))
    assert {len(page) for page in pages} == {5}


async def test_a_reader_cannot_write(store: Store) -> None:
    await add(store.jobs, 1)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await store.readers.read(lambda db: db.conn.execute("DELETE FROM jobs"))
    assert len(await store.jobs.page()) == 1


async def test_a_duplicate_in_a_large_batch(store: Store) -> None:
    await store.jobs.add([new_job(0, job_id="7")])
    added = await store.jobs.add([new_job(number, job_id=str(number)) for number in range(3000)])
    assert [number for number, job in enumerate(added) if job is None] == [7]
    kept = [job for job in added if job is not None]
    assert [known.job for known in store.jobs.unended()] == ["1", *kept]


async def test_usage_is_charged_in_the_same_transaction(store: Store) -> None:
    [job] = await add(store.jobs, 1)
    group = GroupName("lab")
    charge = Charged(owner=Owner(account=AccountName("ann"), group=group), gpu_seconds=60.0, at=2000.0)
    await store.jobs.record([scheduled(job, "GPU-1"), charge])
    assert (await store.usage.all())[group].gpu_seconds == 60.0
    with pytest.raises(ImpossibleChange):
        await store.jobs.record([charge, scheduled(job, "GPU-1")])
    assert (await store.usage.all())[group].gpu_seconds == 60.0


async def test_what_an_ending_tells_is_kept_until_the_job_runs_again(store: Store) -> None:
    (job,) = await add(store.jobs, 1)
    await store.jobs.record([scheduled(job, "GPU-1"), replace(ended(job, exit_code=3), message="no such program")])
    assert (stored := await store.jobs.job(int(job))) is not None
    assert stored.message == "no such program"
    await store.jobs.record([Moved(job=job, state=JobState.PENDING)])
    assert (stored := await store.jobs.job(int(job))) is not None
    assert stored.message is None
