"""A copy of the database: one instant, sound, complete in one file, or not there at all."""

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
from pathlib import Path

import pytest

from engine.store import copies
from engine.store.database import check
from engine.store.errors import CopyFailed, Missing
from engine.store.store import Store
from tests.store.samples import new_job


def jobs_in(path: Path) -> int:
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        return int(db.execute("SELECT count(*) FROM jobs").fetchone()[0])
    finally:
        db.close()


def names(directory: Path, part: str = "") -> list[str]:
    return sorted(file.name for file in directory.iterdir() if part in file.name)


async def test_writers_go_on_and_the_copy_is_one_instant(store: Store, path: Path, tmp_path: Path) -> None:
    for _ in range(4):
        await store.jobs.add([new_job(number) for number in range(5000)])
    to, steps = tmp_path / "copy.db", []

    def wanted() -> bool:
        """Each step waits for a write that is answered meanwhile: the copy never holds one up."""
        steps.append(store.writer.commits)
        asyncio.run_coroutine_threadsafe(store.jobs.add([new_job(1)]), loop).result(timeout=10)
        return True

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(copies.copy, path, to, wanted=wanted)
    assert len(steps) > 2
    assert steps == sorted(set(steps))
    assert jobs_in(to) == 20_000
    check(to)
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert names(tmp_path, "copy") == ["copy.db"]


async def test_one_that_nobody_wants_any_more_leaves_nothing(store: Store, path: Path, tmp_path: Path) -> None:
    await store.jobs.add([new_job(1)])
    with pytest.raises(CopyFailed, match="stops"):
        await asyncio.to_thread(copies.copy, path, tmp_path / "copy.db", wanted=lambda: False)
    assert names(tmp_path, "copy") == []


async def test_a_file_that_is_there_is_never_overwritten(store: Store, path: Path, tmp_path: Path) -> None:
    to = tmp_path / "copy.db"
    to.write_text("precious")
    with pytest.raises(CopyFailed, match="left as it is"):
        await asyncio.to_thread(copies.copy, path, to)
    assert to.read_text() == "precious"


def test_no_database_and_no_directory_are_told(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="no database"):
        copies.copy(tmp_path / "rcq.db", tmp_path / "copy.db")
    Store.open(tmp_path / "rcq.db", half_life_s=1.0)
    with pytest.raises(CopyFailed, match="No such file or directory"):
        copies.copy(tmp_path / "rcq.db", tmp_path / "away" / "copy.db")


async def test_a_full_disk_leaves_nothing_and_is_told(store: Store, path: Path, tmp_path: Path) -> None:
    await store.jobs.add([new_job(number) for number in range(5000)])
    code = (
        "import resource, signal, sys; from pathlib import Path; from engine.store import copies\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: copies.copy(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except copies.CopyFailed as error: print('told:', error)"
    )
    to = tmp_path / "out" / "copy.db"
    to.parent.mkdir()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(path), str(to), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    assert said.decode().startswith("told:")
    assert list(to.parent.iterdir()) == []


async def test_damage_in_the_database_is_no_backup(path: Path, tmp_path: Path) -> None:
    store = Store.open(path, half_life_s=1.0)
    await store.jobs.add([new_job(number) for number in range(2000)])
    await store.close()
    with path.open("r+b") as file:
        file.seek(30 * 4096)
        file.write(bytes(4096 * 5))
    with pytest.raises(CopyFailed, match="damaged"):
        copies.copy(path, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


async def test_a_stopped_engines_database_is_copied_without_a_trace(path: Path, tmp_path: Path) -> None:
    store = Store.open(path, half_life_s=1.0)
    await store.jobs.add([new_job(1)])
    await store.close()
    out = tmp_path / "out"
    out.mkdir()
    copies.copy(path, out / "copy.db")
    assert jobs_in(out / "copy.db") == 1
    assert names(tmp_path) == ["out", "rcq.db"]


async def test_what_is_still_in_the_log_is_copied(store: Store, path: Path, tmp_path: Path) -> None:
    """As after a power cut: an engine that was killed leaves its last commits beside the file."""
    await store.jobs.add([new_job(number) for number in range(10)])
    for side in ("", "-wal"):
        shutil.copyfile(f"{path}{side}", tmp_path / f"dead.db{side}")
    copies.copy(tmp_path / "dead.db", tmp_path / "copy.db")
    assert jobs_in(tmp_path / "copy.db") == 10


def test_drafts_of_killed_copies_go_after_a_day(tmp_path: Path) -> None:
    old, new = (tmp_path / f".rcq-{name}.db.1{copies.DRAFT}" for name in ("old", "new"))
    for file in (old, new):
        file.touch()
    os.utime(old, (1.0, 1.0))
    copies.drop_stale_drafts(tmp_path)
    assert list(tmp_path.iterdir()) == [new]
