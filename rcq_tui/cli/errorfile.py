"""The file that gets every error of an ingest: one JSON object a line, on disk as soon as the engine has told it.

Must not know what an error means. What the file held before is gone only when the engine has begun to answer.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rcq_tui.cli.failures import Failed, UsageError


class ErrorFile:
    """failed: why it cannot be written on; what comes then is not kept."""

    def __init__(self, descriptor: int, *, plain: bool) -> None:
        """plain: a file on a disk, and no FIFO or terminal."""
        self._descriptor = descriptor
        self._plain = self._to_empty = plain
        self._whole = 0
        self.failed: str | None = None

    @property
    def untouched(self) -> bool:
        """Nothing was told, so that what it held before is still there."""
        return self._to_empty

    def begin(self) -> None:
        """The engine has begun to answer: what an earlier run has left goes."""
        if self._to_empty:
            self._to_empty = False
            os.ftruncate(self._descriptor, 0)

    def write(self, error: dict[str, Any]) -> bool:
        """One more error. False if it is not kept."""
        if self.failed is not None:
            return False
        data = memoryview(json.dumps(error).encode() + b"\n")
        size = len(data)
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as broken:
            self.failed = broken.strerror or str(broken)
            if self._plain:
                os.ftruncate(self._descriptor, self._whole)  # half a line could not be mended
        else:
            self._whole += size
        return self.failed is None


@contextmanager
def error_file(name: str | None, source: int) -> Iterator[ErrorFile | None]:
    """Opened before anything is sent: nothing is taken in whose errors could not be kept.

    source: the file that is read. Raises Failed, and UsageError if it is the same.
    """
    if name is None:
        yield None
        return
    try:
        new = not os.path.lexists(name)
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise Failed(f"{name} cannot be written: {error.strerror}. Nothing was sent.") from error
    plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
    errors = ErrorFile(descriptor, plain=plain)
    try:
        if plain and os.path.sameopenfile(descriptor, source):
            raise UsageError(f"{name} is the file that is read; name another one for --errors. Nothing was sent.")
        yield errors
    finally:
        os.close(descriptor)
        if new and errors.untouched:
            os.unlink(name)  # noqa: PTH108
