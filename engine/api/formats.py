"""The two formats of ingest: which lines a file has, and which job a line asks for.

`feed` and `finish` keep the order and run in the event loop; `parse` is pure and runs in a worker thread. Must not know
HTTP or the backend.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from engine.api.complaints import wrong
from engine.api.errorrecords import error_record, record_of
from engine.api.lines import Line, LineSplitter
from engine.api.model import job_id_of, parse_line
from engine.api.records import RecordSplitter, celled, texts_of
from engine.api.rowjobs import Column, columns_of, job_of_row, job_of_texts
from engine.api.schema import MAX_NAME
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields


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

    def mendable(self, error: Mapping[str, Any]) -> dict[str, Any]:
        """An error with its line as `input`, and with what it takes to read that line back once it is mended."""
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
        fate = line.fault or parse_line(line.text)
        record = record_of(line.text) if isinstance(fate, Refused) else None
        return record.job() if record else fate

    def job_id(self, line: Line) -> str | None:
        return None if line.fault else job_id_of(line.text)

    def mendable(self, error: Mapping[str, Any]) -> dict[str, Any]:
        # Of a record that came back and is still wrong the line inside is told, so that records never nest.
        return {**error, **(record_of(error["input"].encode()) or error_record(error)).origin()}


class Csv:
    """A header with the fields' names, then one job per record; an empty cell is an absent field."""

    def __init__(self, limit: int) -> None:
        self._records = RecordSplitter(limit)
        self._columns: list[Column] | None = None
        self._header = ""

    def feed(self, chunk: bytes) -> list[Line]:
        return self._rows(self._records.feed(chunk))

    def finish(self) -> list[Line]:
        rows = self._rows(self._records.finish())
        if self._columns is None:
            raise Refused("BAD_FORMAT", "The file is empty; its first line must be a header with the fields' names.")
        return rows

    def parse(self, line: Line) -> JobFields | Refused:
        columns = self._columns or []
        texts = texts_of(line)
        if texts is None or len(texts) != len(columns):
            return job_of_row(columns, celled(line))
        return job_of_texts(columns, texts, line.text)

    def job_id(self, line: Line) -> str | None:
        names, line = [name for name, _ in self._columns or []], celled(line)
        if line.cells is None or "job_id" not in names or len(line.cells) != len(names):
            return None
        key = line.cells[names.index("job_id")]
        return key.decode(errors="replace") if 0 < len(key) <= MAX_NAME else None

    def mendable(self, error: Mapping[str, Any]) -> dict[str, Any]:
        return {**error, **error_record(error, self._header).origin()}

    def _rows(self, records: list[Line]) -> list[Line]:
        if self._columns is None and records:
            self._columns, self._header = columns_of(celled(records[0])), records[0].text.decode()
            return records[1:]
        return records


class Keyed:
    """Lines of another format, each of which must have a key: without one nobody can tell whether it has its job."""

    def __init__(self, form: Format) -> None:
        self.feed = form.feed
        self.finish = form.finish
        self.job_id = form.job_id
        self.mendable = form.mendable
        self._parse = form.parse

    def parse(self, line: Line) -> JobFields | Refused:
        fate = self._parse(line)
        if isinstance(fate, Refused) or fate.job_id is not None:
            return fate
        return wrong("job_id", "is missing; only lines with a key of their own can be resumed")
