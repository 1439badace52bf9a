"""The two formats of ingest: which lines a file has, and which job a line asks for.

`feed` and `finish` keep the order and run in the event loop; `parse` is pure and runs in a worker thread. Must not know
HTTP or the backend.
"""

from collections.abc import Callable
from typing import Any, Protocol

from engine.api.cells import reader_of
from engine.api.complaints import invalid, unknown
from engine.api.lines import Line, LineSplitter
from engine.api.model import bad_encoding, job_id_of, may_hold_trouble, parse_line, parse_object
from engine.api.records import RecordSplitter
from engine.api.schema import JOB_NAMES, MAX_NAME
from engine.protocol.errors import Refused
from engine.protocol.fields import ALIASES, JobFields


class Format(Protocol):
    """A way to write jobs into a file."""

    def feed(self, chunk: bytes) -> list[Line]:
        """The jobs' lines that end within this chunk. Raises Refused if the whole file cannot be read."""
        ...

    def finish(self) -> list[Line]:
        """The jobs' lines that the end of the file ends. Raises Refused as `feed` does."""
        ...

    def parse(self, line: Line) -> JobFields | Refused:
        """The job of one line, or what is wrong with it."""
        ...

    def job_id(self, line: Line) -> str | None:
        """The submitter's own key on a line that was refused, where it can be told."""
        ...


class Ndjson:
    """One JSON object on each line; blank lines mean nothing."""

    def __init__(self, limit: int) -> None:
        self._lines = LineSplitter(limit)

    def feed(self, chunk: bytes) -> list[Line]:
        return [line for line in self._lines.feed(chunk) if line.fault or line.text.strip()]

    def finish(self) -> list[Line]:
        return [line for line in self._lines.finish() if line.fault or line.text.strip()]

    def parse(self, line: Line) -> JobFields | Refused:
        return line.fault or parse_line(line.text)

    def job_id(self, line: Line) -> str | None:
        return None if line.fault else job_id_of(line.text)


class Csv:
    """A header with the fields' names, then one job per record; an empty cell is an absent field."""

    def __init__(self, limit: int) -> None:
        self._records = RecordSplitter(limit)
        self._columns: list[tuple[str, Callable[[str], Any]]] | None = None

    def feed(self, chunk: bytes) -> list[Line]:
        return self._rows(self._records.feed(chunk))

    def finish(self) -> list[Line]:
        rows = self._rows(self._records.finish())
        if self._columns is None:
            raise Refused("BAD_FORMAT", "The file is empty; its first line must be a header with the fields' names.")
        return rows

    def parse(self, line: Line) -> JobFields | Refused:
        if line.fault is not None or line.cells is None:
            return line.fault or Refused("BAD_FORMAT", "This is no CSV record.")
        columns = self._columns or []
        if len(line.cells) != len(columns):
            return Refused("BAD_FORMAT", f"This record has {len(line.cells)} cells; the header has {len(columns)}.")
        given: dict[str, Any] = {}
        wrong: list[dict[str, Any]] = []
        for (name, read), cell in zip(columns, line.cells, strict=True):
            if not cell:
                continue
            try:
                given[name] = read(cell.decode())
            except UnicodeDecodeError as error:
                return bad_encoding(error)
            except ValueError as error:
                wrong.append({"field": name, "message": str(error)})
        return invalid(wrong) if wrong else parse_object(given, careful=may_hold_trouble(line.text))

    def job_id(self, line: Line) -> str | None:
        names = [name for name, _ in self._columns or []]
        if line.cells is None or "job_id" not in names or len(line.cells) != len(names):
            return None
        key = line.cells[names.index("job_id")]
        return key.decode(errors="replace") if 0 < len(key) <= MAX_NAME else None

    def _rows(self, records: list[Line]) -> list[Line]:
        if self._columns is None and records:
            self._columns = _header(records[0])
            return records[1:]
        return records


def _header(record: Line) -> list[tuple[str, Callable[[str], Any]]]:
    if record.fault is not None:
        raise Refused(record.fault.code, f"The header cannot be read: {record.fault.message}", record.fault.details)
    try:
        names = [cell.decode().strip() for cell in record.cells or []]
    except UnicodeDecodeError as error:
        raise bad_encoding(error) from None
    if not set(names) & set(JOB_NAMES):
        raise Refused(
            "BAD_FORMAT", "The first line must be a header with the fields' names, such as job_id,command,gpus."
        )
    wrong = [
        {"field": name[:100], "message": f"column: {unknown(name, JOB_NAMES)}"}
        for name in names
        if name not in JOB_NAMES
    ]
    fields = [ALIASES.get(name, (name, 1))[0] for name in names]
    wrong += [
        {"field": name, "message": f"column: says the same as {names[fields.index(field)]}; keep one of the two"}
        for at, (name, field) in enumerate(zip(names, fields, strict=True))
        if fields.index(field) < at and name in JOB_NAMES
    ]
    if wrong:
        raise invalid(wrong[:20])
    return [(name, reader_of(name)) for name in names]
