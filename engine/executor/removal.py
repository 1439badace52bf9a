"""Taking a job's directory away. What is in it was left by a stranger's program: no link is followed, no depth and no
number of files costs more than a few open files, and what may not be removed stays.

Must not know when a directory has to go.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from engine.core.model import JobId
from engine.executor.directory import JOBS, path_of

GOING = ".going-"
"""Begins the name of a directory that is being removed: nobody finds it under its job's id any more."""
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True, kw_only=True)
class Cleared:
    """What came of it. left: files and directories that may not be removed by who asked; owners: the uids of those."""

    removed: int = 0
    left: int = 0
    owners: set[int] = field(default_factory=set)


def set_aside(state_dir: Path, job: JobId) -> Path | None:
    """Take a job's directory out of the way in one step: its new place, `None` where there was none. Raises OSError."""
    place = path_of(state_dir, job)
    aside = place.with_name(f"{GOING}{job}")
    if aside.exists():  # an earlier one of this job could not be emptied: both stay apart
        aside = place.with_name(f"{GOING}{job}.{os.urandom(8).hex()}")
    try:
        return place.rename(aside)
    except FileNotFoundError:
        return None


def set_aside_earlier(state_dir: Path) -> list[Path]:
    """Every directory that was set aside and is still there. Raises OSError."""
    return sorted((state_dir / JOBS).glob(f"{GOING}*"))


def remove(directory: Path, wanted: Callable[[], bool] = lambda: True) -> Cleared:
    """Remove a directory with all that is in it, as far as that is allowed. Twice is the same as once.

    wanted: asked again and again; false ends it where it stands. Blocks on the disk. Raises OSError for a directory
    that cannot be opened or is a link.
    """
    cleared = Cleared()
    try:
        top = os.open(directory, _OPEN)
    except FileNotFoundError:
        return cleared
    try:
        _empty(top, cleared, wanted)
    finally:
        os.close(top)
    if not cleared.left and wanted():
        directory.rmdir()
        cleared.removed += 1
    return cleared


def _empty(top: int, cleared: Cleared, wanted: Callable[[], bool]) -> None:
    """Round by round: what is deeper is brought up into `top`, so that every path stays one name long."""
    left, moved, before = 0, 0, (-1, -1)
    while wanted() and before != (cleared.removed, moved):
        left, before = 0, (cleared.removed, moved)
        cleared.owners.clear()
        with os.scandir(top) as entries:  # never the whole list: there may be millions
            for entry in entries:
                if not wanted():
                    break
                remove_one: Callable[..., None] = os.unlink
                if entry.is_dir(follow_symlinks=False):
                    moved += _lift(top, entry.name, cleared)
                    remove_one = os.rmdir
                if not _done(remove_one, entry.name, top, cleared):
                    left += 1
                    cleared.owners.add(entry.stat(follow_symlinks=False).st_uid)
    cleared.left = left


def _lift(top: int, name: str, cleared: Cleared) -> int:
    """Empty one directory below `top`: files go, directories move up; how many did."""
    moved = 0
    with suppress(OSError), _opened(top, name) as below, os.scandir(below) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                moved += _moved_up(below, entry.name, top)
            else:
                _done(os.unlink, entry.name, below, cleared)
    return moved


def _moved_up(below: int, name: str, top: int) -> bool:
    """Under a name that nobody can foresee. A directory that may not be written may not be moved either."""
    try:
        with _opened(below, name):
            os.rename(name, f".up-{os.urandom(16).hex()}", src_dir_fd=below, dst_dir_fd=top)
    except OSError:
        return False
    return True


@contextmanager
def _opened(parent: int, name: str) -> Iterator[int]:
    """A directory, made accessible if it is ours: jobs forbid themselves what they like. Raises OSError."""
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        with suppress(OSError):
            os.chmod(f"/proc/self/fd/{handle}", 0o700)  # noqa: PTH101 - the open directory, whatever its name is now
        inside = os.open(".", _OPEN, dir_fd=handle)
    finally:
        os.close(handle)
    try:
        yield inside
    finally:
        os.close(inside)


def _done(call: Callable[..., None], name: str, parent: int, cleared: Cleared) -> bool:
    """Whether it is gone."""
    try:
        call(name, dir_fd=parent)
    except OSError:
        return False
    cleared.removed += 1
    return True
