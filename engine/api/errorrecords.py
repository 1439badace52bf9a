"""An error as ingest told it of one line, read back as the job that its line asks for, once somebody mended it.

So the file of `rcq ingest --errors` can be ingested as it is. `input` is the line and `header` the header of the CSV
file that it came from; the rest only tells. Pure; must not know HTTP or which lines a file has.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import from_json

from engine.api.lines import Line
from engine.api.model import parse_line
from engine.api.records import cells_of
from engine.api.rowjobs import Column, columns_of, job_of_row
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields

NAMES = frozenset({"line", "job_id", "code", "message", "details", "input", "header", "cut"})
"""The fields of such an error; who has others besides is a job with a wrong field."""
_BROKEN_BYTES = "\N{REPLACEMENT CHARACTER}"


class ErrorRecord(NamedTuple):
    """input: the line as text. header: of the CSV file it came from. cut: `input` is only how the line began."""

    input: str
    code: str | None = None
    header: str | None = None
    cut: bool = False

    def origin(self) -> dict[str, Any]:
        """What an error told of it has to hold, so that it can be read back."""
        found: dict[str, Any] = {"input": self.input}
        if self.header is not None:
            found["header"] = self.header
        return found | ({"cut": True} if self.cut else {})

    def job(self) -> JobFields | Refused:
        """The job of its line, or what is still wrong with it."""
        if self.cut:
            told = "`input` is only how the line began: write the whole line there, and take `cut` away."
            return Refused("TOO_LARGE", told, [{"field": "input", "message": "is not whole"}])
        if self.code == "BAD_ENCODING" and _BROKEN_BYTES in self.input:
            told = f"`input` still has {_BROKEN_BYTES} where bytes were not UTF-8: write there what was meant."
            return Refused("BAD_ENCODING", told, [{"field": "input", "message": "is not mended"}])
        text = self.input.encode()
        if self.header is None:
            return parse_line(text)
        columns = _columns(self.header)
        if isinstance(columns, Refused):
            return columns
        text = text.rstrip(b"\r\n")
        return job_of_row(columns, Line(0, text, cells_of(text)))


def error_record(error: Mapping[str, Any], header: str | None = None) -> ErrorRecord:
    """Of an error that was found just now."""
    return ErrorRecord(error["input"], error["code"], header, cut=error["code"] == "TOO_LARGE")


def record_of(text: bytes) -> ErrorRecord | None:
    """The error that stands on this line, if one does: an object with `input`, which no job has."""
    if b'"input"' not in text:
        return None
    try:
        value = from_json(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("input"), str) or not value.keys() <= NAMES:
        return None
    code, header = value.get("code"), value.get("header")
    if not isinstance(header, str | None):
        return None
    return ErrorRecord(value["input"], code if isinstance(code, str) else None, header, value.get("cut") is True)


@lru_cache(maxsize=32)
def _columns(header: str) -> list[Column] | Refused:
    text = header.encode()
    try:
        return columns_of(Line(0, text, cells_of(text)))
    except Refused as refused:
        return refused
