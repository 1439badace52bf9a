"""Lays rows out as a table that fits the terminal. What is no terminal gets every cell whole.

Must not know what the cells mean. The cells must be clean already.
"""

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from rcq_tui.viewmodel.text import pad, width

GAP = "  "


class Column(NamedTuple):
    """One column. least: it may be cut down to so many cells where room is short; `None`: never."""

    title: str
    right: bool = False
    least: int | None = None


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int | None) -> list[str]:
    """The table's lines, titles first, none wider than `room` cells if it can be helped."""
    widths = [
        max(width(column.title), max((width(row[at]) for row in rows), default=0)) for at, column in enumerate(columns)
    ]
    if room is not None:
        _shrink(widths, columns, room)
    titles = [column.title for column in columns]
    return [_line(columns, cells, widths) for cells in (titles, *rows)]


def terminal_width() -> int | None:
    """Cells in a line of standard output: `$COLUMNS`, else the terminal's; `None` where there is none."""
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None
    except OSError:
        return None


def _shrink(widths: list[int], columns: Sequence[Column], room: int) -> None:
    """Take from the widest column that may give, a cell at a time, the rightmost of equals last."""
    over = sum(widths) + len(GAP) * (len(widths) - 1) - room
    while over > 0:
        giving = [at for at, column in enumerate(columns) if column.least is not None and widths[at] > column.least]
        if not giving:
            return
        widths[max(giving, key=lambda at: (widths[at], -at))] -= 1
        over -= 1


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        pad(cell, cells_wide, right=column.right)
        for column, cell, cells_wide in zip(columns, cells, widths, strict=True)
    )
    return GAP.join(padded).rstrip()
