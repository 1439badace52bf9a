"""Cutting a stream of bytes into CSV records as RFC 4180 writes them: comma, double quotes, line breaks in quotes.

Pure. Must not know what the cells mean. A quote out of place costs its own line only: reading goes on at the next.
"""

import csv
import re

from engine.api.lines import KEPT_OF_TOO_LONG, Line, LineSplitter
from engine.protocol.errors import Refused

_CELL = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|\Z)')


_QUOTED = rb'"[^"]*(?:""[^"]*)*"'
_REGULAR = re.compile(rb'(?:%b|[^",\r\n]*)(?:,(?:%b|[^",\r\n]*))*' % (_QUOTED, _QUOTED)).fullmatch
"""What the standard reader takes apart just as `cells_of` does."""
QUOTE_INSIDE = "A quote stands inside a cell; put the cell in quotes and write the quote twice."


class RecordSplitter:
    """Feed it chunks, get whole records, not cut into cells; blank lines between records are left out."""

    def __init__(self, limit: int) -> None:
        """limit: bytes of a record, its line breaks included."""
        self._lines = LineSplitter(limit)
        self._limit = limit
        self._open: list[Line] = []
        self._size = 0
        self._quoted = False

    def feed(self, chunk: bytes) -> list[Line]:
        """The records that end within this chunk."""
        records: list[Line] = []
        for line in self._lines.feed(chunk):
            self._take(line, records)
        return records

    def finish(self) -> list[Line]:
        """The last records, if their line did not end or a quote was left open."""
        records: list[Line] = []
        for line in self._lines.finish():
            self._take(line, records)
        while self._open:
            self._give_up(records, "A quote is opened on this line and never closed.")
        return records

    def _take(self, line: Line, records: list[Line]) -> None:
        if not self._open and line.fault is None and not line.text.count(b'"') % 2:
            if line.text.strip():
                records.append(line)
            return
        self._open.append(line)
        self._size += len(line.text) + 1
        self._quoted ^= line.text.count(b'"') % 2 == 1
        if line.fault is not None:
            self._too_long(line, records)
        elif not self._quoted:
            self._close(records)
        elif self._size > self._limit:
            self._give_up(records, f"A quote is opened on this line and not closed within {self._limit} bytes.")

    def _close(self, records: list[Line]) -> None:
        # LF stands for every line break in a cell: the CR before it was taken off with the line's end.
        text = b"\n".join(line.text for line in self._open)
        if cells_of(text) is None:
            self._give_up(records, QUOTE_INSIDE)
        else:
            records.append(Line(self._open[0].number, text))
            self._reset()

    def _give_up(self, records: list[Line], why: str) -> None:
        first, *others = self._open
        self._reset()
        records.append(Line(first.number, first.text[: self._limit], None, Refused("BAD_FORMAT", why)))
        for line in others:
            self._take(line, records)

    def _too_long(self, line: Line, records: list[Line]) -> None:
        self._open.pop()
        if self._open:
            self._give_up(records, "A quote is opened on this line and the next line is too long.")
        while self._open:
            self._give_up(records, "A quote is opened on this line and never closed.")
        self._reset()
        records.append(line._replace(text=line.text[:KEPT_OF_TOO_LONG]))

    def _reset(self) -> None:
        self._open, self._size, self._quoted = [], 0, False


def celled(record: Line) -> Line:
    """The record with its cells, or with the fault that it has none."""
    if record.fault is not None or record.cells is not None:
        return record
    cells = cells_of(record.text)
    fault = Refused("BAD_FORMAT", QUOTE_INSIDE) if cells is None else None
    return record._replace(cells=cells, fault=fault)


def texts_of(record: Line) -> list[str] | None:
    """Its cells as text, the quick way; `None` where it takes a closer look to tell them, or what is wrong."""
    if record.fault is not None or _REGULAR(record.text) is None:
        return None
    try:
        return next(csv.reader((record.text.decode(),))) or None
    except (UnicodeDecodeError, csv.Error, StopIteration):
        return None


def cells_of(text: bytes) -> list[bytes] | None:
    """The cells of one record, quotes undone; `None` if a quote is out of place."""
    if b'"' not in text:
        return text.split(b",")
    cells: list[bytes] = []
    at = 0
    while True:
        found = _CELL.match(text, at)
        if found is None:
            return None
        quoted, plain, end = found.groups()
        cells.append(plain if quoted is None else quoted.replace(b'""', b'"'))
        at = found.end()
        if not end:
            return cells
