"""Opening the file: sound, damaged, another program's, too new; nothing is changed by looking."""

import asyncio
import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlite_utils import Database

from engine.store.database import check
from engine.store.errors import DatabaseDamaged, DatabaseForeign, DatabaseTooNew, DatabaseUnavailable, StoreError
from engine.store.store import Store
from tests.store.samples import new_job

PAGE = 4096


def filled(path: Path, count: int = 400) -> None:
    """A closed database with some pages of jobs."""

    async def fill() -> None:
        store = Store.open(path, half_life_s=1.0)
        await store.jobs.add([new_job(number, job_id=str(number)) for number in range(count)])
        await store.close()

    asyncio.run(fill())


def beside(path: Path) -> dict[str, bytes]:
    """The content of the file and its log."""
    return {name: file.read_bytes() for name in ("", "-wal") if (file := path.with_name(path.name + name)).exists()}


def zero_pages(path: Path, first: int, end: int) -> None:
    """What a broken disk makes of some pages."""
    with path.open("r+b") as file:
        file.seek(first * PAGE)
        file.write(bytes((end - first) * PAGE))


def refuses(path: Path, kind: type[StoreError]) -> str:
    """Opening is refused, names the file and leaves every byte; what it said."""
    before = beside(path)
    with pytest.raises(kind) as refused:
        Store.open(path, half_life_s=1.0)
    assert beside(path) == before
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_a_new_file_is_for_its_owner_only(path: Path) -> None:
    filled(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_write_is_flushed_before_it_is_answered(store: Store) -> None:
    def pragmas(db: Database) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [db.conn.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    full = 2
    assert await store.writer.write(pragmas) == ["wal", full, 1]


def test_closing_leaves_one_file(path: Path) -> None:
    filled(path)
    assert list(path.parent.iterdir()) == [path]


def test_a_text_file_is_no_database(path: Path) -> None:
    path.write_text("jobs: none\n" * 1000)
    message = refuses(path, DatabaseDamaged)
    assert "backup" in message


def test_a_cut_file_is_damaged(path: Path) -> None:
    filled(path)
    os.truncate(path, path.stat().st_size * 2 // 3)
    refuses(path, DatabaseDamaged)


def test_a_zeroed_page_is_damaged(path: Path) -> None:
    filled(path)
    last = path.stat().st_size // PAGE - 1
    for page in (1, last // 2, last):
        whole = path.read_bytes()
        zero_pages(path, page, page + 1)
        refuses(path, DatabaseDamaged)
        path.write_bytes(whole)
    check(path)


def test_a_scrambled_schema_is_damaged(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 200)
    refuses(path, DatabaseDamaged)


def test_a_lost_file_beside_its_log_is_damaged(path: Path) -> None:
    path.write_bytes(b"")
    path.with_name(path.name + "-wal").write_bytes(b"what is left of the log")
    refuses(path, DatabaseDamaged)


async def test_damage_beside_an_open_log_leaves_both_files(store: Store, path: Path, tmp_path: Path) -> None:
    """As after a power cut: what is still in the log is not copied into a damaged file."""
    await store.jobs.add([new_job(number) for number in range(2000)])
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(PASSIVE)").connection.close()
    await store.jobs.add([new_job(2000)])
    copy = tmp_path / "copy.db"
    for side in ("", "-wal"):
        shutil.copyfile(f"{path}{side}", f"{copy}{side}")
    check(copy)  # so far it is sound
    zero_pages(copy, 40, 45)
    assert len(beside(copy)["-wal"]) > 0
    refuses(copy, DatabaseDamaged)


def test_another_programs_database_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    assert "bookmarks" in refuses(path, DatabaseForeign)


def test_a_newer_schema_is_refused(path: Path) -> None:
    filled(path)
    with sqlite3.connect(path) as newer:
        newer.execute("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('rcq', '0099_from_the_future')")
    newer.close()
    assert "0099_from_the_future" in refuses(path, DatabaseTooNew)


def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    assert "directory" in refuses(tmp_path / "nowhere" / "rcq.db", DatabaseUnavailable)


def test_a_directory_in_its_place_is_said(path: Path) -> None:
    path.mkdir()
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        Store.open(path, half_life_s=1.0)


def test_a_file_that_another_program_has_locked_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    monkeypatch.setattr("engine.store.database._BUSY_MS", 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("COMMIT")
    refuses(path, DatabaseUnavailable)
    other.close()
    check(path)


def test_a_path_with_odd_characters(tmp_path: Path) -> None:
    path = tmp_path / "a lab's 100% #1?.db"
    filled(path, 3)
    check(path)
    assert list(tmp_path.iterdir()) == [path]
