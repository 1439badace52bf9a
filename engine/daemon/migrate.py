"""`python -m engine.daemon.migrate`: brings the database of a stopped engine to this version's schema.

The engine does the same when it starts; an upgrade does it before, while nothing else can go wrong. Must not know what
the steps do, nor how to go back: whoever calls this has a backup.
"""

import argparse
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from config.load import SettingsError
from config.paths import PathsError
from engine.daemon import whose
from engine.daemon.lock import EngineLock
from engine.daemon.printable import printable
from engine.protocol.errors import RcqError
from engine.store.database import check, connect_reader, connect_writer
from engine.store.migrations import migrations

EXIT_FAILED, EXIT_USAGE = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Do it; the last line tells how many steps that took. Exit code 1 if it failed."""
    given = _parser().parse_args(argv)
    try:
        _, paths = whose.resolve(given)
        whose.become_owner(paths.state_dir)
        os.umask(0o077)
        lock = EngineLock(paths.state_dir)
        try:
            steps = migrate(paths.database)
        finally:
            lock.release()
    except SettingsError as error:
        return _say(error, EXIT_USAGE)
    except (RcqError, PathsError, OSError, sqlite3.Error) as error:
        return _say(error, EXIT_FAILED)
    print(*steps, len(steps), sep="\n")  # noqa: T201 - this is a command
    return 0


def migrate(database: Path) -> list[str]:
    """Take the steps that the file has before it; their names, in order. No file: none, and none is made.

    Raises StoreError, sqlite3.Error.
    """
    if not database.exists():
        return []
    check(database)
    before = _applied(database)
    connect_writer(database).close()
    return [step for step in _applied(database) if step not in before]


def _applied(database: Path) -> list[str]:
    db = connect_reader(database)
    try:
        return [step.name for step in migrations.applied(db)]
    finally:
        db.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine.daemon.migrate",
        description="Bring the database of a stopped engine to this version's schema. Make a backup first: rcq backup.",
        allow_abbrev=False,
    )
    whose.add_options(parser)
    return parser


def _say(error: Exception, code: int) -> int:
    print(f"rcq migrate: {printable(str(error))}", file=sys.stderr)  # noqa: T201 - this is a command
    return code


if __name__ == "__main__":
    sys.exit(main())
