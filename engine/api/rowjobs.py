"""From a CSV record's cells to the job that they ask for, by the columns that the header names.

Pure. Must not know files, or how records are cut out of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

from engine.api.cells import reader_of
from engine.api.complaints import invalid, unknown
from engine.api.lines import Line
from engine.api.model import bad_encoding, may_hold_trouble, parse_object
from engine.api.schema import JOB_NAMES
from engine.protocol.errors import Refused
from engine.protocol.fields import ALIASES, JobFields

Column = tuple[str, Callable[[str], Any]]
"""A field's name, and how to read its cells."""


def columns_of(header: Line) -> list[Column]:
    """The columns that a header names. Raises Refused, as nothing below such a header can be read."""
    if header.fault is not None:
        told = f"The header cannot be read: {header.fault.message}{_perhaps(header)}"
        raise Refused(header.fault.code, told, header.fault.details)
    try:
        names = [cell.decode().strip() for cell in header.cells or []]
    except UnicodeDecodeError as error:
        raise bad_encoding(error) from None
    if not set(names) & set(JOB_NAMES):
        raise Refused(
            "BAD_FORMAT",
            f"The first line must be a header with the fields' names, such as job_id,command,gpus.{_perhaps(header)}",
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


def job_of_row(columns: Sequence[Column], row: Line) -> JobFields | Refused:
    """The job of one record, or what is wrong with it."""
    if row.fault is not None or row.cells is None:
        return row.fault or Refused("BAD_FORMAT", "This is no CSV record.")
    if len(row.cells) != len(columns):
        return Refused("BAD_FORMAT", f"This record has {len(row.cells)} cells; the header has {len(columns)}.")
    try:
        texts = [cell.decode() for cell in row.cells]
    except UnicodeDecodeError as error:
        return bad_encoding(error)
    return job_of_texts(columns, texts, row.text)


def job_of_texts(columns: Sequence[Column], texts: Sequence[str], record: bytes) -> JobFields | Refused:
    """The same from as many cells as columns. record: as it was written."""
    given: dict[str, Any] = {}
    wrong: list[dict[str, Any]] = []
    for (name, read), text in zip(columns, texts, strict=True):
        if not text:
            continue
        try:
            given[name] = read(text)
        except ValueError as error:
            wrong.append({"field": name, "message": str(error)})
    return invalid(wrong) if wrong else parse_object(given, careful=may_hold_trouble(record))


def _perhaps(header: Line) -> str:
    return " This looks like NDJSON: say --format ndjson." if header.text.lstrip().startswith(b"{") else ""
