"""The database file: is it sound and ours, how it is opened for writing and for reading.

Must not know what is in the tables.
"""

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlite_utils import Database

from engine.store.errors import DatabaseDamaged, DatabaseForeign, DatabaseTooNew, DatabaseUnavailable
from engine.store.migrations import known_steps, migrations

_MAGIC = b"SQLite format 3\x00"
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY_MS = 5000


def check(path: Path) -> None:
    """Look at the file without changing it; no file, or an empty one, is as good as a sound one.

    Raises DatabaseUnavailable, DatabaseDamaged, DatabaseForeign or DatabaseTooNew, each saying what to do.
    """
    try:
        if not _has_content(path):
            return
    except OSError as error:
        raise _unavailable(path, error) from error
    try:
        alone = not any(path.with_name(path.name + side).exists() for side in ("-wal", "-journal"))
        db = connect_reader(path, immutable=alone)  # then SQLite does not even make its side files
        try:
            _check_pages(path, db)
            _check_schema(path, db)
        finally:
            db.close()
    except sqlite3.DatabaseError as error:
        raise _classified(path, error) from error


def restored_draft(path: Path) -> Path:
    """Where a backup waits to take the place of the database. It is there only while that is under way."""
    return path.with_name(f".{path.name}.restored")


def connect_reader(path: Path, *, immutable: bool = False) -> Database:
    """A connection that cannot write; usable from any one thread at a time. Raises sqlite3.DatabaseError.

    immutable: nobody writes while it is open, so that it needs no lock and no side file.
    """
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable={int(immutable)}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA query_only = 1")
    return Database(connection, execute_plugins=False)


def connect_writer(path: Path) -> Database:
    """The one connection that writes, on a checked file, brought to today's schema.

    Transactions are begun and ended by hand. Raises DatabaseUnavailable or DatabaseDamaged.
    """
    try:
        _create(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db = Database(connection, execute_plugins=False)
        try:
            _tune(connection)
            migrations.apply(db)
        except sqlite3.DatabaseError:
            db.close()
            raise
    except OSError as error:
        raise _unavailable(path, error) from error
    except sqlite3.DatabaseError as error:
        raise _classified(path, error) from error
    return db


def _create(path: Path) -> None:
    """Password hashes are in it: only its owner may read it. SQLite gives its side files the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def write_nothing_new(db: Database) -> None:
    """Write a page and change nothing by it: shows whether the disk takes writes."""
    [(version,)] = db.execute("PRAGMA user_version").fetchall()
    db.execute(f"PRAGMA user_version = {int(version)}")


def _tune(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # an acknowledged submission survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -65536")  # KiB: the inner pages of every index at a million jobs
    connection.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: bulk ingest copies the log back less often
    connection.execute("PRAGMA journal_size_limit = 67108864")  # bytes: the log shrinks again after a bulk ingest


def _has_content(path: Path) -> bool:
    """Whether there is anything to check. Raises DatabaseDamaged where the first bytes are not SQLite's."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        head = b""
    if not head:
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size > 0:
            raise _damaged(path, "it is missing or empty, but its -wal file is not")
        if restored_draft(path).exists():
            raise DatabaseUnavailable(
                f"The database {path} is not there: putting a backup in its place was interrupted. "
                "Nothing was changed. Do it again: rcq restore FILE."
            )
        return False
    if head != _MAGIC:
        raise _damaged(path, "it is not a SQLite file")
    return True


def _check_pages(path: Path, db: Database) -> None:
    [(finding,), *_] = db.execute("PRAGMA quick_check(1)").fetchall()
    if finding != "ok":
        raise _damaged(path, str(finding).replace("\n", " "))


def _check_schema(path: Path, db: Database) -> None:
    applied = {step.name for step in migrations.applied(db)}
    if unknown := sorted(applied - known_steps()):
        raise DatabaseTooNew(
            f"{path} was written by a newer rcq (it holds {', '.join(unknown)}). Nothing was changed. "
            "Install that version again, or put the backup from before the upgrade in its place (rcq restore FILE)."
        )
    others = set(db.table_names()) - {migrations.migrations_table}
    if others and not applied:
        raise DatabaseForeign(
            f"{path} is a database of another program (it holds {sorted(others)[0]}). Nothing was changed. "
            "Set engine.state_dir to a directory of rcq's own."
        )


def _classified(path: Path, error: sqlite3.DatabaseError) -> DatabaseDamaged | DatabaseUnavailable:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return _damaged(path, str(error)) if code in _DAMAGE else _unavailable(path, error)


def _damaged(path: Path, finding: str) -> DatabaseDamaged:
    return DatabaseDamaged(
        f"The database {path} is damaged: {finding}. Nothing was changed. Put the last backup in its place "
        f"(rcq restore FILE; docs/operations.md), or move {path.name}, {path.name}-wal and {path.name}-shm away to "
        "start with an empty one."
    )


def _unavailable(path: Path, error: Exception) -> DatabaseUnavailable:
    reason = getattr(error, "strerror", None) or str(error)
    return DatabaseUnavailable(
        f"The database {path} cannot be opened: {reason}. Check that its directory exists and belongs to the user "
        "who runs the engine, that the disk has room, and that no other program holds the file."
    )
