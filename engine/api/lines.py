"""Cutting a stream of bytes into lines, however it is chopped up, never holding more of a line than allowed.

Pure. Must not know what a line means.
"""

from typing import NamedTuple

from engine.protocol.errors import Refused

BOM = b"\xef\xbb\xbf"
KEPT_OF_TOO_LONG = 200
"""Bytes kept of a line that is too long, so that its error can show how it began."""


class Line(NamedTuple):
    """One line (or CSV record) of a file.

    number: 1-based, of its first line. text: without its line end; of a line that is too long, how it begins. cells: of
    a CSV record, raw, once they are cut. fault: why it cannot be read at all.
    """

    number: int
    text: bytes
    cells: list[bytes] | None = None
    fault: Refused | None = None


class LineSplitter:
    """Feed it chunks, get whole lines. Lines end with LF or CRLF; a BOM at the very start is dropped."""

    def __init__(self, limit: int) -> None:
        """limit: bytes of a line without its end; a longer one comes out as TOO_LARGE."""
        self._limit = limit
        self._pending = bytearray()
        self._length = 0
        self._number = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that end within this chunk."""
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        head, *whole, tail = chunk.split(b"\n")
        self._keep(head)
        lines = [self._pop()]
        number, limit = self._number, self._limit
        lines += [
            Line(number + at, text.removesuffix(b"\r"))
            if len(text) <= limit
            else self._line(number + at, text, len(text))
            for at, text in enumerate(whole, 1)
        ]
        self._number += len(whole)
        self._keep(tail)
        return lines

    def finish(self) -> list[Line]:
        """The last line, if it did not end."""
        return [self._pop()] if self._length else []

    def _keep(self, part: bytes) -> None:
        self._length += len(part)
        # What a line's limit does not count may have to be held: a BOM before it, the CR after it.
        most = self._limit + 1 + len(BOM)
        room = (most if self._length <= most else KEPT_OF_TOO_LONG) - len(self._pending)
        if room >= 0:
            self._pending += part[:room]
        else:
            del self._pending[KEPT_OF_TOO_LONG:]

    def _pop(self) -> Line:
        text, length = bytes(self._pending), self._length
        self._pending.clear()
        self._length = 0
        self._number += 1
        if self._number == 1 and text.startswith(BOM):
            text, length = text[len(BOM) :], length - len(BOM)
        return self._line(self._number, text, length)

    def _line(self, number: int, text: bytes, length: int) -> Line:
        """length: of the line before parts of it were let go."""
        if length == len(text) and text.endswith(b"\r"):
            text, length = text[:-1], length - 1
        if length <= self._limit:
            return Line(number, text)
        told = f"The line is over {self._limit} bytes; put long data into a file and name the file in the command."
        detail = {"field": "", "message": "line too long", "limit_bytes": self._limit}
        return Line(number, text[:KEPT_OF_TOO_LONG], None, Refused("TOO_LARGE", told, [detail]))
