"""`python -m engine.daemon.restore`: a backup in the place of the database, which is moved aside and never overwritten.

Must not know what is in a database.
"""

import argparse
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from config.load import SettingsError
from config.paths import Paths, PathsError
from engine.daemon import commanddeeds, whose
from engine.daemon.lock import EngineLock
from engine.daemon.printable import printable
from engine.protocol.errors import RcqError
from engine.store import copies
from engine.store.database import check, restored_draft

EXIT_FAILED, EXIT_USAGE = 1, 2
SIDES = ("", "-wal", "-shm", "-journal")


class NotRestored(RcqError):
    """The backup was not put in place; the message says why and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Put a backup in place; exit code 1 if nothing was done."""
    given = _parser().parse_args(argv)
    caller = os.getuid()
    try:
        _, paths = whose.resolve(given)
        aside = restore(given.file, paths)
    except SettingsError as error:
        return _say(error, EXIT_USAGE)
    except (RcqError, PathsError) as error:
        return _say(error, EXIT_FAILED)
    except (OSError, sqlite3.Error) as error:
        return _say(f"{error}. Nothing was put in place; look at {paths.state_dir}.", EXIT_FAILED)
    print(f"{given.file} is in place as {paths.database}.")
    try:
        commanddeeds.leave(paths.state_dir, "engine.restore", given.file.name, caller)
    except OSError as error:
        print(f"rcq restore: the engine's audit log will not tell of it: {error}", file=sys.stderr)
    if aside:
        print(f"What was there is kept: {', '.join(file.name for file in aside)}. Remove it once all is well.")
    print(
        "Now start the engine. Jobs that were submitted since that backup are not in it; docs/operations.md tells more."
    )
    return 0


def restore(file: Path, paths: Paths) -> list[Path]:
    """Put a copy of `file` in the database's place; the files that were there, where they are now.

    Everything is checked before anything is moved. Raises NotYours, NotRestored, EngineRuns, StoreError, OSError.
    """
    whose.refuse_strangers(paths.state_dir)
    source = _opened(file)
    try:
        whose.become_owner(paths.state_dir)
        os.umask(0o077)
        lock = EngineLock(paths.state_dir)
        draft = restored_draft(paths.database)
        try:
            aside = _put_in_place(source, file, draft, paths.database)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
            lock.release()
    finally:
        os.close(source)
    return aside


def _put_in_place(source: int, file: Path, draft: Path, database: Path) -> list[Path]:
    """Until the last step the draft lies there: an engine that finds it and no database does not begin an empty one."""
    _write(source, draft)
    _judge(file, draft)
    copies.flush(draft)
    copies.flush(draft.parent)
    aside = _move_aside(database)
    copies.place(draft, database)
    return aside


def _opened(file: Path) -> int:
    """The backup, opened as whoever asks: the engine's user may not read where it lies."""
    log = file.with_name(file.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise NotRestored(
            f"{file} is in use or was copied by hand: part of it is in {log.name}. Name a file of rcq backup."
        )
    try:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NotRestored(
            f"{file} cannot be read: {error.strerror}. The backups are listed by: ls -l {file.parent}"
        ) from error


def _write(source: int, draft: Path) -> None:
    with suppress(FileNotFoundError):
        draft.unlink()
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as to, os.fdopen(os.dup(source), "rb") as read:
        shutil.copyfileobj(read, to)


def _judge(file: Path, draft: Path) -> None:
    """It must be a sound database of ours with something in it; the copy is looked at, as it is what will be used."""
    if draft.stat().st_size == 0:
        raise NotRestored(f"{file} is empty. Nothing was changed; choose another backup.")
    try:
        check(draft)
    except RcqError as error:
        told = str(error).replace(str(draft), str(file)).partition(". Nothing was changed")[0]
        raise NotRestored(f"{told}. Nothing was changed; choose another backup.") from error


def _move_aside(database: Path) -> list[Path]:
    """The database first: a log that is left without it is told; one without its log would pass for an older one."""
    moment = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H%M%SZ")
    moved = []
    for side in SIDES:
        there = database.with_name(database.name + side)
        if there.exists():
            aside = database.with_name(f"{database.name}.before-restore-{moment}{side}")
            if aside.exists():
                raise NotRestored(f"{aside} is there already. Try again in a second.")
            there.rename(aside)
            moved.append(aside)
    return moved


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rcq restore",
        description="Put a backup in the place of the database. Its engine must be stopped. The backup is checked "
        "first; what was there is moved aside, never overwritten.",
        epilog="Backups are in the directory `backups` beside the database, or in retention.backup_dir.",
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that `rcq backup` or the engine made")
    whose.add_options(parser)
    return parser


def _say(error: object, code: int) -> int:
    print(f"rcq restore: {printable(str(error))}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
