"""Listings as data: one JSON document, a JSON object a line, or CSV. Rows go out as they come: none is kept.

What goes into a file is true to the letter, and on a terminal harmless. In CSV a text that a spreadsheet would take
for a formula gets an apostrophe before it, and so does one that begins with an apostrophe: to take one off gives the
text back. Must not know what is listed.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from rcq_tui.cli.call import json_line
from rcq_tui.cli.failures import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from rcq_tui.cli.everyday import Everyday

FORMATS = ("table", "json", "ndjson", "csv")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""How a text begins that a spreadsheet may take for more than text, and the mark itself."""
TIMES = frozenset({"at", "since", "until", "expected_start", "paused_since"})
"""Names of moments beside those that end in `_at`."""

Row = dict[str, Any]


def add_format(to: "ArgumentParser | Everyday") -> None:
    """The options of a listing that can be had as data."""
    forms = to.add_mutually_exclusive_group()
    forms.add_argument("--format", choices=FORMATS, help="table (default), json, ndjson (an object a line) or csv")
    forms.add_argument("--json", action="store_true", help="print one JSON document: --format json")
    to.add_argument("--columns", metavar="C,…", help="only these columns, in this order; not for tables")
    to.add_argument(
        "--times", choices=("iso", "unix"), help="moments as ISO 8601 (default in CSV) or as Unix seconds (in JSON)"
    )
    to.add_argument("--raw", action="store_true", help="CSV: no apostrophe before texts that look like formulas")


def is_table(chosen: Any) -> bool:
    """Whether a table is wanted. Raises UsageError for options that do not go with it."""
    if _form(chosen) != "table":
        return False
    for given, name in ((chosen.columns, "columns"), (chosen.times, "times"), (chosen.raw, "raw")):
        if given:
            raise UsageError(f"--{name} is for data; add --format csv, ndjson or json")
    return True


def export(chosen: Any, pages: Iterable[dict[str, Any]], of: str | Sequence[str]) -> int:
    """Print the rows of the pages in the form that was chosen; the exit code.

    of: their columns, or what declares them in `engine.protocol`, as `module.Class`: imported where they are asked for.
    """
    form = _form(chosen)
    if chosen.raw and form != "csv":
        raise UsageError("--raw is for CSV alone: JSON needs no marks")
    columns = _columns(chosen.columns, of)
    made = _shaped(columns, times=chosen.times or ("iso" if form == "csv" else "unix"))
    if form != "json" and not sys.stdout.isatty():
        _in_utf8()
    if form == "csv":
        _csv(pages, columns or _names(of), made, raw=chosen.raw)
    elif form == "ndjson":
        for row in _rows(pages):
            print(json_line(made(row)))
    else:
        _document(pages, made)
    return 0


def _form(chosen: Any) -> str:
    return chosen.format or ("json" if chosen.json else "table")


def _names(of: str | Sequence[str]) -> Sequence[str]:
    """All columns in their order."""
    if not isinstance(of, str):
        return of
    from dataclasses import fields
    from importlib import import_module

    module, _, name = of.partition(".")
    return [field.name for field in fields(getattr(import_module(f"engine.protocol.{module}"), name))]


def _columns(text: str | None, of: str | Sequence[str]) -> Sequence[str] | None:
    if text is None:
        return None
    columns, known = [name.strip() for name in text.split(",") if name.strip()], _names(of)
    unknown = [name for name in columns if name not in known]
    if unknown or not columns:
        raise UsageError(f"there is no column {', '.join(unknown) or text!r}; there are: {', '.join(known)}")
    return columns


def _shaped(columns: Sequence[str] | None, *, times: str) -> Callable[[Row], Row]:
    """Makes a row what is printed of it."""

    def chosen(row: Row) -> Row:
        return row if columns is None else {name: row.get(name) for name in columns}

    if times == "unix":
        return chosen
    iso = _iso()

    def shaped(row: Row) -> Row:
        return {name: iso(value) if value and _is_moment(name) else value for name, value in chosen(row).items()}

    return shaped


@cache
def _is_moment(name: str) -> bool:
    return name.endswith("_at") or name in TIMES


def _iso() -> Callable[[Any], Any]:
    """Makes Unix seconds local time with its distance from UTC, to the microsecond: exact enough to ask for it."""
    from datetime import UTC, datetime

    def iso(at: Any) -> Any:
        try:
            return datetime.fromtimestamp(at, UTC).astimezone().isoformat()
        except (TypeError, ValueError, OverflowError, OSError):  # beyond the year 9999, or no number
            return at

    return iso


def _rows(pages: Iterable[dict[str, Any]]) -> Iterator[Row]:
    for page in pages:
        yield from page["items"]


def _csv(pages: Iterable[dict[str, Any]], columns: Sequence[str], made: Callable[[Row], Row], *, raw: bool) -> None:
    import csv

    shown = _clean() if sys.stdout.isatty() else None
    out = csv.writer(_Lines(), lineterminator="\r\n")
    out.writerow(columns)
    for row in _rows(pages):
        told = made(row)
        out.writerow([_cell(told.get(name), shown, raw=raw) for name in columns])


class _Lines:
    """Ends lines as Unix tools want them. The writer is told otherwise, or it would not quote what holds a `\\r`."""

    def write(self, line: str) -> None:
        """One row."""
        sys.stdout.write(line[:-2] + "\n")


def _cell(value: Any, shown: Callable[[str], str] | None, *, raw: bool) -> Any:
    """Empty for what is absent, JSON for lists, maps and truth; texts as they are, marked and shown where they must."""
    if value is None or value == []:  # most cells
        return "" if value is None else "[]"
    if isinstance(value, str):
        text = value if shown is None else shown(value)
        return "'" + text if not raw and text.startswith(FORMULA) else text
    if isinstance(value, bool | list | dict):
        text = json.dumps(value, ensure_ascii=False)
        return text if shown is None else shown(text)
    return value


def _document(pages: Iterable[dict[str, Any]], made: Callable[[Row], Row]) -> None:
    """As `print_json` prints it whole: the page's other fields behind its items, as the last page has them."""
    write, opening, rest = sys.stdout.write, '{"items": [', dict[str, Any]()
    for page in pages:
        for row in page["items"]:
            write(opening + json_line(made(row)))
            opening = ", "
        rest = {name: value for name, value in page.items() if name != "items"}
    write(('{"items": [' if opening != ", " else "") + "]")
    write("".join(f", {json.dumps(name)}: {json_line(value)}" for name, value in rest.items()) + "}\n")


def _clean() -> Callable[[str], str]:
    from rcq_tui.viewmodel.text import clean

    return clean


def _in_utf8() -> None:
    """A file is in UTF-8 whatever the terminal of whoever writes it has."""
    from io import TextIOWrapper

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
