"""Puts staged files into a job's directory, with the rights of whoever runs this. Standard library only.

`python placer.py DIRECTORY KIND SOURCE NAME …` is run as a job's owner; a personal engine calls `place` in a thread.
What has the name already stays as it is; what gets it is whole. Must not know jobs, nor where a source comes from.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import sys
import tarfile
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

PIECE_BYTES = 16 * 1024 * 1024
MOST_TREE_BYTES, MOST_TREE_FILES = 8 << 30, 1_000_000
"""Of a tree, unpacked: what is small may be made to unpack into anything."""
DEEPEST = 100
"""Directories within directories of a tree; deeper ones would not be among a job's results either."""
PLACED = "placed"
"""The last line of a run that did all."""
_CLONE = 0x40049409  # FICLONE of ioctl_ficlone(2): the same blocks under another name, where the file system can
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_SHORT_WAY = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF})
Tick = Callable[[], None]


class Step(NamedTuple):
    """One thing to place. kind: a key of KINDS. source: an absolute path. name: relative to the job's directory."""

    kind: str
    source: str
    name: str


class CannotPlace(Exception):
    """A step cannot be done; the message says which and why. number: of the error, as in errno; 0 for none."""

    def __init__(self, name: str, why: str, number: int = 0) -> None:
        super().__init__(f"{name}: {why}")
        self.number = number


def place(directory: str, steps: Sequence[Step], tick: Tick) -> None:
    """Do what is not done yet. tick: called between pieces; what it raises ends it. Raises CannotPlace."""
    try:
        top = os.open(directory, _DIRECTORY)
    except OSError as error:
        raise CannotPlace(directory, error.strerror or str(error), error.errno or 0) from error
    try:
        for step in steps:
            tick()
            try:
                KINDS[step.kind](top, step, tick)
            except OSError as error:
                raise CannotPlace(step.name, error.strerror or str(error), error.errno or 0) from error
    finally:
        os.close(top)


def missing(directory: str, steps: Sequence[Step]) -> bool:
    """Whether anything of it is still to be done, as far as can be seen."""
    try:
        return not all(os.path.lexists(os.path.join(directory, step.name)) for step in steps)  # noqa: PTH118
    except OSError:
        return True


def _place_file(top: int, step: Step, tick: Tick, mode: int = 0o644) -> None:
    *above, name = step.name.split("/")
    parent = os.dup(top)
    try:
        for part in above:
            below = _enter(parent, part)
            os.close(parent)
            parent = below
        if _is_there(parent, name):
            return
        source = os.open(step.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _copy_in(source, parent, name, mode, tick)
        finally:
            os.close(source)
    finally:
        os.close(parent)


def _place_program(top: int, step: Step, tick: Tick) -> None:
    _place_file(top, step, tick, 0o755)


def _place_tree(top: int, step: Step, tick: Tick) -> None:
    """Unpack a `.tar.gz`: directories, plain files and links as they are, each straight below the new directory."""
    if _is_there(top, step.name):
        return
    draft = ".rcq-tree"
    try:
        shutil.rmtree(draft, dir_fd=top)
    except FileNotFoundError:
        pass
    except RecursionError as error:
        raise CannotPlace(draft, "it is in the way, and too deep to be removed") from error
    os.mkdir(draft, 0o755, dir_fd=top)
    inside = os.open(draft, _DIRECTORY, dir_fd=top)
    try:
        with tarfile.open(step.source, "r|gz") as packed:
            room = MOST_TREE_BYTES
            for count, member in enumerate(packed):
                tick()
                room -= max(0, member.size)
                if count >= MOST_TREE_FILES or room < 0:
                    raise CannotPlace(step.name, "there is too much in the archive of the code")
                _unpack(inside, packed, member)
    except (tarfile.TarError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise CannotPlace(step.name, f"the archive of the code is damaged: {error}") from error
    finally:
        os.close(inside)
    os.sync()  # what a power cut left half would be taken for placed
    os.rename(draft, step.name, src_dir_fd=top, dst_dir_fd=top)


def _unpack(top: int, packed: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """One member; no link that was unpacked before it is followed."""
    steps = member.name.split("/")
    if any(step in {"", ".", ".."} for step in steps):
        raise CannotPlace(member.name, "the archive of the code has a name that leads elsewhere")
    if len(steps) > DEEPEST:
        raise CannotPlace(steps[0], f"the archive of the code has more than {DEEPEST} directories within each other")
    parent = os.dup(top)
    try:
        for step in steps if member.isdir() else steps[:-1]:
            below = _enter(parent, step)
            os.close(parent)
            parent = below
        if member.issym():
            os.symlink(member.linkname, steps[-1], dir_fd=parent)
        elif member.isreg():
            _write_out(packed, member, parent, steps[-1])
    finally:
        os.close(parent)


def _write_out(packed: tarfile.TarFile, member: tarfile.TarInfo, parent: int, name: str) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    mode = 0o755 if member.mode & 0o100 else 0o644
    source = packed.extractfile(member)
    with open(os.open(name, flags, mode, dir_fd=parent), "wb") as target:  # noqa: PTH123
        if source is not None:
            shutil.copyfileobj(source, target)
        target.flush()
        with contextlib.suppress(OverflowError, ValueError):  # a time that is none
            os.utime(target.fileno(), (member.mtime, member.mtime))


KINDS: dict[str, Callable[[int, Step, Tick], None]] = {
    "file": _place_file,
    "program": _place_program,
    "tree": _place_tree,
}
"""How each kind of step is done, in the job's directory (an open descriptor)."""


def _enter(parent: int, name: str) -> int:
    """A directory below, made where there is none. Raises OSError, also for a link."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=parent)
    return os.open(name, _DIRECTORY, dir_fd=parent)


def _is_there(parent: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _copy_in(source: int, parent: int, name: str, mode: int, tick: Tick) -> None:
    """Under a name of ours first: nobody ever finds half of it under its own."""
    draft = ".rcq-coming"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft, dir_fd=parent)
    target = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=parent)
    try:
        try:
            copy(source, target, tick)
            os.fsync(target)  # a file that a power cut left empty would be taken for placed
        finally:
            os.close(target)
        os.rename(draft, name, src_dir_fd=parent, dst_dir_fd=parent)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=parent)
        raise


def copy(source: int, target: int, tick: Tick) -> None:
    """All of an open file into another, the shortest way that the file systems offer. Raises OSError."""
    try:
        fcntl.ioctl(target, _CLONE, source)
    except OSError as error:
        if error.errno not in _NO_SHORT_WAY | {errno.ENOTTY}:
            raise
    else:
        return
    while True:
        tick()
        try:
            done = os.copy_file_range(source, target, PIECE_BYTES)
        except OSError as error:
            if error.errno not in _NO_SHORT_WAY:
                raise
            break
        if not done:
            break
    while piece := os.read(source, 1024 * 1024):  # both stand where they got to
        tick()
        left = memoryview(piece)
        while left:
            left = left[os.write(target, left) :]


def main(argv: Sequence[str]) -> int:
    """As a program: dots while it works, so that it ends when nobody listens any more, then one line."""
    directory, *words = argv
    steps = [Step(*words[at : at + 3]) for at in range(0, len(words), 3)]

    def tick() -> None:
        os.write(1, b".")

    try:
        place(directory, steps, tick)
    except CannotPlace as problem:
        os.write(1, f"\n{problem.number} {problem}\n".encode(errors="replace"))
        return 1
    os.write(1, f"\n{PLACED}\n".encode())
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))
