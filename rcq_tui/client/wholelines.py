"""A source of lines that can be stopped, and then ends behind a whole line (or CSV record), never in the middle of one.

Must not know what the lines mean or who stops it.
"""

import os
from collections.abc import Sequence
from typing import Self

from rcq_tui.client.source import BrokenSource, Source

HELD_BYTES = 1024 * 1024
"""A line that is longer is let go before its end is there; the engine takes none that is over its own limit."""


class Stop:
    """A wish to stop, which wakes who polls `descriptor`. Safe to make from a signal handler."""

    def __init__(self) -> None:
        self.descriptor, self._writer = os.pipe()
        self.wished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        os.close(self.descriptor)
        os.close(self._writer)

    def wish(self) -> None:
        if not self.wished:
            self.wished = True
            os.write(self._writer, b"!")


class WholeLines:
    """What `source` gives, up to its last whole line; what follows that is held until its line has ended.

    quoted: a line break in double quotes ends no line, as in CSV. A source that breaks ends in the same way; `broken`
    says why it did. cut_short: it was stopped before its end.
    """

    def __init__(self, source: Source, stop: Stop, *, quoted: bool) -> None:
        self._source = source
        self._stop = stop
        self._quoted = quoted
        self._held = b""
        self._ended = False
        self.cut_short = False
        self.broken: str | None = None

    @property
    def taken(self) -> int:
        return self._source.taken

    def stop(self) -> None:
        """Stop it from this side."""
        self._stop.wish()

    def waits_on(self) -> Sequence[int]:
        if self._stop.wished or self._ended:
            return ()
        inner = self._source.waits_on()
        return (*inner, self._stop.descriptor) if inner else ()

    def read(self) -> bytes | None:
        if self._ended:
            return b""
        if self._stop.wished:
            self._ended = self.cut_short = True
            return b""
        try:
            piece = self._source.read()
        except BrokenSource as error:
            self._ended, self.broken = True, str(error)
            return b""
        if piece is None:
            return None
        if not piece:
            self._ended = True
            return self._held
        return self._whole(self._held + piece) or None

    def _whole(self, data: bytes) -> bytes:
        end = _end_of_records(data) if self._quoted else data.rfind(b"\n") + 1
        if len(data) - end > HELD_BYTES:
            end = len(data)
        self._held = data[end:]
        return data[:end]


def _end_of_records(data: bytes) -> int:
    """Where the last record ends whose quotes are all closed; 0 if none does."""
    end = len(data)
    inside = data.count(b'"') % 2 == 1
    while (at := data.rfind(b"\n", 0, end)) >= 0:
        inside ^= data.count(b'"', at, end) % 2 == 1
        if not inside:
            return at + 1
        end = at
    return 0
