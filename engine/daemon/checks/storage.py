"""Checks of the disk: state directory and database, which are looked at and never touched.

Must not know the database's tables.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from engine.daemon.checks.finding import Finding, Host, is_there, unseen

LOW_SPACE_MB, NO_SPACE_MB = 2048, 100
LOW_FILES = 20_000


def state_directory(host: Host) -> Finding:
    """The place of database and job files can be written and has room."""
    if host.paths is None:
        return Finding(state="fail", found=host.paths_trouble, mend="Set the variables it names.")
    place = host.paths.state_dir
    there = next(path for path in (place, *place.parents) if is_there(path))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        mend = f"Give user {os.getuid()} the right to write there, or set engine.state_dir in {host.config_file}."
        return Finding(state="fail", found=f"{there} cannot be written, for {place}", mend=mend)
    left = room(there)
    return Finding(state=left.state, found=f"{place} ({left.found})", mend=left.mend)


def room(place: Path) -> Finding:
    """The disk of `place` has room: bytes, and files where the file system counts them."""
    free = shutil.disk_usage(place).free // 1024**2
    counted = os.statvfs(place)
    if free < LOW_SPACE_MB:
        mend = f"Free some space: job output needs {LOW_SPACE_MB:,} MiB or more."
        return Finding(state="fail" if free < NO_SPACE_MB else "warn", found=f"{free:,} MiB free", mend=mend)
    if counted.f_files and counted.f_favail < LOW_FILES:
        mend = f"Remove some files: a job needs four and a directory, and {LOW_FILES:,} should be left."
        return Finding(state="warn", found=f"room for {counted.f_favail:,} more files", mend=mend)
    return Finding(state="ok", found=f"{free:,} MiB free")


def database(host: Host) -> Finding:
    """The database, if there is one, is whole. It is opened for reading only."""
    if host.paths is None or not is_there(host.paths.database):
        return Finding(state="ok", found="none yet: the engine makes it at its first start")
    file = host.paths.database
    if not os.access(file, os.R_OK):
        return unseen(file)
    mend = "Stop the engine and put the last backup in its place: rcq restore FILE (docs/operations.md tells more)."
    try:
        with reading(file) as connection:
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return Finding(state="fail", found=f"{file}: {error}", mend=mend)
    if answer != "ok":
        return Finding(state="fail", found=f"{file}: {' '.join(answer.split())}", mend=mend)
    return Finding(state="ok", found=f"{file} is whole ({file.stat().st_size // 1024:,} KiB)")


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """The database opened for reading, as the user whose directory it is in.

    So root leaves no file that the engine may not open, and reads none that the engine put a link to.
    """
    user, group = os.geteuid(), os.getegid()
    status = file.parent.stat()
    try:
        if user == 0:
            os.setegid(status.st_gid)
            os.seteuid(status.st_uid)
        with closing(sqlite3.connect(_read_only(file), uri=True, timeout=5.0)) as connection:
            yield connection
    finally:
        if user == 0:
            os.seteuid(user)
            os.setegid(group)


def _read_only(file: Path) -> str:
    """How to open it without leaving a trace: a database that nobody has open gets no companion files either."""
    unused = not is_there(file.with_name(file.name + "-wal"))
    return f"{file.as_uri()}?mode=ro{'&immutable=1' if unused else ''}"
