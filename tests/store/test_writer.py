"""The one writer: shared commits, calls that fail alone, trouble with the disk, the end."""

import asyncio
import os
import resource
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from sqlite_utils import Database

from engine.store.errors import StoreClosed, WriteFailed
from engine.store.store import Store
from tests.store.conftest import until
from tests.store.samples import new_job


@asynccontextmanager
async def writer_busy(store: Store) -> AsyncIterator[None]:
    """Inside, the writer is held up; what is asked meanwhile waits."""
    entered, leave = threading.Event(), threading.Event()

    def hold(db: Database) -> None:
        entered.set()
        assert leave.wait(10)

    held = asyncio.ensure_future(store.writer.write(hold))
    await until(entered.is_set)
    yield
    leave.set()
    await held


@contextmanager
def no_room(path: Path, bytes_left: int) -> Iterator[None]:
    """The log may grow by so much and no more, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.with_name(path.name + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + bytes_left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def numbers(store: Store) -> list[int]:
    """Ids of all jobs."""
    return [job.id for job in await store.jobs.page(limit=10_000)][::-1]


async def test_concurrent_writes_share_commits(store: Store) -> None:
    before = store.writer.commits
    answers = await asyncio.gather(*(store.jobs.add([new_job(number)]) for number in range(200)))
    assert sorted(int(job) for [job] in answers if job is not None) == list(range(1, 201))
    assert store.writer.commits - before <= 10


async def test_what_waits_shares_exactly_one_commit(store: Store) -> None:
    before = store.writer.commits
    async with writer_busy(store):
        waiting = [asyncio.ensure_future(store.jobs.add([new_job(number)])) for number in range(50)]
        await until(lambda: len(store.writer._waiting) >= 50)
    assert len(await asyncio.gather(*waiting)) == 50
    assert store.writer.commits - before == 2


async def test_writes_alone_commit_each(store: Store) -> None:
    before = store.writer.commits
    for number in range(5):
        await store.jobs.add([new_job(number)])
    assert store.writer.commits - before == 5


async def test_a_failing_call_hurts_no_other(store: Store) -> None:
    def fails_half_way(db: Database) -> None:
        db.execute("DELETE FROM jobs")
        raise ZeroDivisionError

    def bad_statement(db: Database) -> None:
        db.execute("DELETE FROM jobs")
        db.execute("INSERT INTO nothing VALUES (1)")

    async with writer_busy(store):
        calls = [
            asyncio.ensure_future(call)
            for call in (
                store.jobs.add([new_job(0)]),
                store.writer.write(fails_half_way),
                store.jobs.add([new_job(1)]),
                store.writer.write(bad_statement),
                store.jobs.add([new_job(2)]),
            )
        ]
        await until(lambda: len(store.writer._waiting) >= 5)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [list, ZeroDivisionError, list, sqlite3.OperationalError, list]
    assert await numbers(store) == [1, 2, 3]


async def test_a_caller_that_leaves_does_not_stop_its_write(store: Store) -> None:
    async with writer_busy(store):
        leaver = asyncio.ensure_future(store.jobs.add([new_job()]))
        await until(lambda: bool(store.writer._waiting))
        leaver.cancel()
        await asyncio.gather(leaver, return_exceptions=True)
        stayer = asyncio.ensure_future(store.jobs.add([new_job(1)]))
    await stayer
    assert leaver.cancelled()
    assert await numbers(store) == [1, 2]


async def test_a_full_disk_fails_every_call_and_the_writer_goes_on(store: Store, path: Path) -> None:
    await store.jobs.add([new_job(number) for number in range(10)])
    with no_room(path, 8192):
        async with writer_busy(store):
            calls = [asyncio.ensure_future(store.jobs.add([new_job()] * 500)) for _ in range(4)]
            await until(lambda: len(store.writer._waiting) >= 4)
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [WriteFailed] * 4
    assert str(path) in str(answers[0])
    assert await store.jobs.add([new_job()]) == ["11"]
    assert await numbers(store) == list(range(1, 12))


async def test_a_call_that_outgrows_the_disk_is_undone_alone(store: Store) -> None:
    await store.jobs.add([new_job()])
    pages = await store.readers.read(lambda db: int(db.execute("PRAGMA page_count").fetchone()[0]))
    await store.writer.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 8}").fetchall())
    async with writer_busy(store):
        calls = [asyncio.ensure_future(store.jobs.add([new_job()] * count)) for count in (1, 2000, 1)]
        await until(lambda: len(store.writer._waiting) >= 3)
    first, large, last = await asyncio.gather(*calls, return_exceptions=True)
    assert (first, last) == (["2"], ["3"])
    assert isinstance(large, WriteFailed)
    assert await numbers(store) == [1, 2, 3]


async def test_a_disk_that_became_read_only_takes_nothing_though_its_open_files_do(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an emergency remount: writing and flushing what was open before tell no error."""
    true = os.statvfs(path.parent)

    def gone(_: Path) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: os.statvfs_result((*true[:8], true.f_flag | os.ST_RDONLY, *true[9:])))
        for _ in range(2):
            with pytest.raises(WriteFailed, match="read-only"):
                await store.jobs.add([new_job()])
        assert "read-only" in str(store.writer.trouble)
        patch.setattr(os, "statvfs", gone)
        assert await store.jobs.add([new_job()]) == ["1"]  # what cannot be asked is no trouble by itself
    assert await numbers(store) == [1]


async def test_closing_finishes_what_waits(path: Path) -> None:
    store = Store.open(path, half_life_s=1.0)
    async with writer_busy(store):
        waiting = [asyncio.ensure_future(store.jobs.add([new_job(number)])) for number in range(20)]
        await until(lambda: len(store.writer._waiting) >= 20)
        closing = asyncio.ensure_future(store.writer.close())
        await until(lambda: store.writer._closing)
    await asyncio.gather(closing, *waiting)
    await store.close()
    again = Store.open(path, half_life_s=1.0)
    assert await numbers(again) == list(range(1, 21))
    await again.close()


async def test_after_closing_nothing_is_taken(path: Path) -> None:
    store = Store.open(path, half_life_s=1.0)
    await store.close()
    await store.close()
    with pytest.raises(StoreClosed):
        await store.jobs.add([new_job()])
    with pytest.raises(StoreClosed):
        await store.jobs.page()
