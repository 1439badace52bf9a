"""What the systemd executor keeps in a job's directory: its output, what an attempt was allowed, why it was stopped.

The job writes to that directory, too: a record counts only if the engine's own user wrote it, and a log is a new file
unless it is still a plain one. Must not know units.
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from engine.core.model import JobId
from engine.executor import endings, records
from engine.executor.logs import NAMES
from engine.ports import Ending

LOG_MODE = 0o644  # the directory says who may come near it


def open_logs(directory: Path) -> tuple[int, int]:
    """Descriptors of standard output and error, at their ends. The caller closes them. Raises OSError."""
    place = records.open_directory(str(directory))
    opened: list[int] = []
    try:
        for name in NAMES.values():
            opened.append(_open_log(place, name))  # noqa: PERF401 - what was opened is closed when the next one fails
    except OSError:
        for one in opened:
            os.close(one)
        raise
    finally:
        os.close(place)
    return opened[0], opened[1]


def note(directory: Path, name: str, record: Mapping[str, object]) -> None:
    """Write a record down. Raises OSError."""
    place = records.open_directory(str(directory))
    try:
        records.write(place, name, record)
    finally:
        os.close(place)


def noted(directory: Path, name: str) -> records.Record:
    """A record of the engine's own; empty where there is none, or somebody else wrote it."""
    with contextlib.suppress(OSError):
        place = records.open_directory(str(directory))
        try:
            return records.read(place, name, owner=os.geteuid()) or {}
        finally:
            os.close(place)
    return {}


def noted_end(directory: Path, job: JobId, attempt: int) -> Ending | None:
    """The end of an attempt whose unit was let go of, as an engine noted it: books that do not know of it are older."""
    with contextlib.suppress(OSError):
        place = records.open_directory(str(directory))
        try:
            return endings.written(job, attempt, place, owner=os.geteuid())
        finally:
            os.close(place)
    return None


def _open_log(place: int, name: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(name, flags, LOG_MODE, dir_fd=place)
        if not _is_plain(handle):
            os.close(handle)
            raise FileExistsError(name)
    except OSError:  # what an earlier attempt put in its place is not written to
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=place)
        handle = os.open(name, flags | os.O_EXCL, LOG_MODE, dir_fd=place)
    os.fchmod(handle, LOG_MODE)
    os.set_blocking(handle, True)
    return handle


def _is_plain(handle: int) -> bool:
    """A file of the engine's own, by one name."""
    facts = os.fstat(handle)
    return stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1 and facts.st_uid == os.geteuid()
