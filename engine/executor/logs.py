"""Reading what a job wrote, and adding a line. Its directory is the job's to do with as it likes: nothing is trusted.

Opens regular files of that directory only, that have no other name; follows no link, waits for nothing. Must not know
who asks.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

NAMES = {"stdout": "stdout.log", "stderr": "stderr.log"}
MAX_READ_BYTES = 8 * 1024 * 1024
"""No more comes in one call, whatever is asked for."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Slice:
    """Bytes of one output file from `offset`; size: of the whole file at that moment."""

    data: bytes
    offset: int
    size: int

    @property
    def next_offset(self) -> int:
        """Where to go on reading."""
        return self.offset + len(self.data)


def read(directory: Path, stream: str, offset: int, limit: int) -> Slice:
    """At most `limit` bytes of `stdout` or `stderr` from `offset` (negative: from the end).

    A missing file, a link (a hard one, too) or anything but a regular file reads as empty. Raises ValueError for
    another stream or a negative limit.
    """
    if stream not in NAMES:
        raise ValueError(f"{stream!r} is no output of a job; choose stdout or stderr")
    if limit < 0:
        raise ValueError("limit must not be negative")
    handle = _open(directory, NAMES[stream], os.O_RDONLY)
    if handle is None:
        return Slice(data=b"", offset=0, size=0)
    try:
        size = os.fstat(handle).st_size
        begin = max(0, size + offset) if offset < 0 else min(offset, size)
        return Slice(data=os.pread(handle, min(limit, MAX_READ_BYTES), begin), offset=begin, size=size)
    finally:
        os.close(handle)


def append(directory: Path, stream: str, data: bytes) -> bool:
    """Add `data` to the end of an output file that is there; whether that was possible.

    A missing file, a link (a hard one, too) or anything but a regular file is left alone. Raises ValueError for
    another stream. Blocks on the disk.
    """
    if stream not in NAMES:
        raise ValueError(f"{stream!r} is no output of a job; choose stdout or stderr")
    handle = _open(directory, NAMES[stream], os.O_WRONLY | os.O_APPEND)
    if handle is None:
        return False
    try:
        return os.write(handle, data) == len(data)
    except OSError:  # a full disk: the job has the same trouble
        return False
    finally:
        os.close(handle)


def whole_characters(data: bytes) -> bytes:
    """`data` without an unfinished UTF-8 character at its end, which the next read will complete."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:  # a continuation: its first byte stands further ahead
            continue
        length = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return data[:-back] if length > back else data
    return data


def _open(directory: Path, name: str, access: int) -> int | None:
    """An open regular file of that directory."""
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        handle = os.open(name, access | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    finally:
        os.close(folder)
    facts = os.fstat(handle)
    if stat.S_ISREG(facts.st_mode) and facts.st_nlink <= 1:  # another name may be that of a file of the engine's
        return handle
    os.close(handle)
    return None
