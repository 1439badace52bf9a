"""The decision log on disk: in the same commit as the starts, kept to a bound, read while an engine writes."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engine.bookkeeping import Decided
from engine.ports import ImpossibleChange
from engine.store import decisions
from engine.store.decisions import Logged, logged
from engine.store.errors import DatabaseUnavailable, Missing
from engine.store.store import Store
from tests.store.samples import new_job, scheduled

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from engine.bookkeeping import Decided
from engine.store.store import Store
from tests.store.samples import new_job, scheduled

async def main():
    store = Store.open(Path(sys.argv[1]), half_life_s=1.0)
    [job] = await store.jobs.add([new_job()])
    await store.jobs.record([scheduled(job, "GPU-1"), Decided(at=2.0, steady=b"s", blob=b"own")])
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
ROOT = Path(__file__).resolve().parents[2]


def decided(at: float, steady: bytes = b"s", size: int = 3) -> Decided:
    return Decided(at=at, steady=steady, blob=b"x" * size)


def times(path: Path, **asked: float | int) -> list[float]:
    return [one.at for one in logged(path, **asked)]  # type: ignore[arg-type]


async def test_a_record_comes_back_with_what_it_shares(store: Store, path: Path) -> None:
    await store.jobs.record([decided(1.0, b"first"), decided(2.0, b"second"), decided(3.0, b"first", 5)])
    assert list(logged(path)) == [
        Logged(id=1, at=1.0, steady=b"first", own=b"xxx"),
        Logged(id=2, at=2.0, steady=b"second", own=b"xxx"),
        Logged(id=3, at=3.0, steady=b"first", own=b"xxxxx"),
    ]
    parts = await store.readers.read(lambda db: db.table("decision_parts").count)
    assert parts == 2


async def test_which_records_are_asked_for(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "BATCH", 2)
    await store.jobs.record([decided(float(at)) for at in range(1, 8)])
    assert times(path) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert times(path, since=3.0) == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert times(path, last=2) == [6.0, 7.0]
    assert times(path, last=20) == times(path)
    assert times(path, since=3.0, last=6) == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert times(path, only=4) == [4.0]
    assert times(path, only=40) == []


async def test_a_record_goes_with_its_starts_or_not_at_all(store: Store, path: Path) -> None:
    [job] = await store.jobs.add([new_job()])
    assert job is not None
    await store.jobs.record([scheduled(job, "GPU-1"), decided(1.0)])
    with pytest.raises(ImpossibleChange):
        await store.jobs.record([decided(2.0), scheduled(job, "GPU-1", attempt=2)])
    assert times(path) == [1.0]


def test_a_record_survives_the_kill_that_its_start_survives(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert times(path) == [2.0]


async def test_pruning_drops_what_is_old_and_what_is_too_much(store: Store, path: Path) -> None:
    await store.jobs.record([decided(float(at), b"%d" % (at // 4), 100) for at in range(1, 9)])
    await store.decisions.prune(before=0.0, keep_bytes=800)
    assert len(times(path)) == 8
    await store.decisions.prune(before=3.0, keep_bytes=1000)
    assert times(path) == [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    await store.decisions.prune(before=0.0, keep_bytes=299)
    assert times(path) == [7.0, 8.0]
    parts = await store.readers.read(lambda db: [row["blob"] for row in db.table("decision_parts").rows])
    assert parts == [b"1", b"2"]
    await store.decisions.prune(before=100.0, keep_bytes=1000)
    assert times(path) == []
    await store.jobs.record([decided(9.0)])
    assert times(path) == [9.0]


async def test_a_clock_that_went_back_costs_no_later_record(store: Store, path: Path) -> None:
    await store.jobs.record([decided(at) for at in (5.0, 6.0, 2.0, 7.0)])
    await store.decisions.prune(before=6.0, keep_bytes=1000)
    assert times(path) == [6.0, 2.0, 7.0]


async def test_a_log_that_nobody_has_open_is_read_where_nothing_can_be_written(path: Path) -> None:
    store = Store.open(path, half_life_s=1.0)
    await store.jobs.record([decided(1.0)])
    await store.close()
    before = sorted(path.parent.iterdir())
    path.parent.chmod(0o500)
    try:
        assert times(path) == [1.0]
    finally:
        path.parent.chmod(0o700)
    assert sorted(path.parent.iterdir()) == before


def test_a_file_without_a_log_says_so(path: Path) -> None:
    sqlite3.connect(path).execute("CREATE TABLE jobs (id)").connection.close()
    with pytest.raises(Missing, match="no decision log yet"):
        list(logged(path))


@pytest.mark.parametrize("content", [None, b"no database at all" * 100])
def test_a_file_that_cannot_be_read_says_what_it_takes(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatabaseUnavailable, match="read access"):
        list(logged(path))
