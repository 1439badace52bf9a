"""A copy of a whole database as it stood at one instant, made while others write to it.

Must not know when copies are made, what they are called or how many are kept.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from engine.store.database import check, connect_reader
from engine.store.errors import CopyFailed, Missing, StoreError

PAGES_PER_STEP = 512
"""2 MiB: between two steps other threads have their turn, and a copy that nobody wants any more ends."""
DRAFT = ".draft"
STALE_S = 86_400.0
"""A draft that nobody has written to for so long was left by a process that was killed."""


Wanted = Callable[[], bool]
"""Whether a copy that is under way is still to be finished."""


def always() -> bool:
    """Whatever happens meanwhile."""
    return True


def copy(database: Path, to: Path, *, wanted: Wanted = always) -> None:
    """Write one instant of `database` to the new file `to` (mode 0600), checked and on disk before it has that name.

    Writers go on meanwhile. wanted: asked between steps. Blocks on the disk. Raises Missing where there is nothing to
    copy, CopyFailed where it cannot be made; then no file `to` is left, and one that was there is as it was.
    """
    if not database.exists():
        raise Missing(f"There is no database {database} to back up. The engine makes it at its first start.")
    draft = to.with_name(f".{to.name}.{os.getpid()}{DRAFT}")
    try:
        if to.exists():
            raise CopyFailed(f"{to} is there already and was left as it is. Name another file.")
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            _copy_pages(database, draft, wanted)
            _judge(database, draft)
            place(draft, to)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
    except (sqlite3.Error, OSError) as error:
        raise CopyFailed(
            f"{database} could not be copied to {to}: {getattr(error, 'strerror', None) or error}. It is written by "
            "the engine's user, who needs the right to, and room on the disk."
        ) from error


def place(draft: Path, to: Path) -> None:
    """Give a finished file its name so that a power cut leaves all of it or nothing. Raises OSError."""
    flush(draft)
    draft.rename(to)
    flush(to.parent)


def flush(path: Path) -> None:
    """Have the disk hold a file's content, or a directory's names. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def drop_stale_drafts(directory: Path) -> None:
    """Remove what copies that were killed left in a directory. Raises OSError."""
    for draft in directory.glob(f".*{DRAFT}"):
        with suppress(FileNotFoundError):
            if time.time() - draft.lstat().st_mtime > STALE_S:
                draft.unlink()


def _judge(database: Path, draft: Path) -> None:
    """What is damaged in the copy is damaged in the database, as the copy was read back page by page."""
    try:
        check(draft)
    except StoreError as error:
        finding = str(error).replace(str(draft), str(database)).partition(". Nothing was changed")[0]
        raise CopyFailed(
            f"No backup was made: {finding}. Keep the earlier backups, stop the engine and restore the last good one."
        ) from error


def _copy_pages(database: Path, draft: Path, wanted: Wanted) -> None:
    """Through a read transaction: a copy that follows each write of a busy engine would begin anew for ever."""

    def go_on(status: int, remaining: int, total: int) -> None:
        if not wanted():
            raise CopyFailed("The engine stops before the copy was finished; the next one makes it.")

    with closing(sqlite3.connect(draft, isolation_level=None)) as target, _instant(database) as source:
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")  # a torn draft is thrown away; a whole one is flushed once
        source.backup(target, pages=PAGES_PER_STEP, progress=go_on)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, complete without any beside it


@contextmanager
def _instant(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees the database as it is now for as long as it is open."""
    alone = not database.with_name(database.name + "-wal").exists()
    with closing(connect_reader(database, immutable=alone)) as db:
        connection: sqlite3.Connection = db.conn
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection
