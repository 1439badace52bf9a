"""Plots out of characters: filled lines, columns that stand on each other, bars in parts, and their axes.

Pure. A piece is a text with the role of its colour; parts differ by their sign as well. Must not know what is plotted
or what draws it; light enough for the command line.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import floor, log10
from sys import float_info
from typing import NamedTuple

from rcq_tui.viewmodel.bars import resampled
from rcq_tui.viewmodel.text import pad, width

_RISING = " ▁▂▃▄▅▆▇█"
_ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_WIDEST = 8
"""Cells of a column: a wider one tells nothing more."""

Piece = tuple[str, str]


class Fill(NamedTuple):
    """How a part is drawn: its sign and the role of its colour."""

    sign: str
    role: str


def fills(roles: Sequence[str], *, ascii_only: bool = False) -> list[Fill]:
    """A fill for each role; neighbours differ in their signs, too."""
    signs = "#=+:" if ascii_only else "█▓▒░"
    return [Fill(signs[at % len(signs)], role) for at, role in enumerate(roles)]


def area(values: Sequence[float | None], cells: int, rows: int, *, top: float, ascii_only: bool = False) -> list[str]:
    """A filled line in `rows` lines of exactly `cells` cells, the upper first; `top` is their whole height.

    The newest value is at the right; more values than cells are averaged. What was read stands an eighth of a cell
    high at least, so that nothing is not taken for a gap.
    """
    heights = [None if value is None else _eighths(value, rows, top, least=1) for value in resampled(values, cells)]
    signs = [" ", *".:::++##"] if ascii_only else _RISING
    return ["".join(signs[_within(height, row)] for height in heights) for row in reversed(range(rows))]


def _eighths(value: float, rows: int, top: float, *, least: int = 0) -> int:
    part = 0.0 if top <= 0 or value <= 0 else min(value, top) / top
    return max(least, round(part * rows * 8))


def _within(height: int | None, row: int) -> int:
    """How many eighths of a row, counted from below, are full."""
    return 0 if height is None else min(8, max(0, height - 8 * row))


# ---------------------------------------------------------------- columns


def gathered(values: Sequence[float], most: int) -> tuple[list[float], int]:
    """Values that are too many for `most` columns, added up in equal runs; how many are in a run. The last run is
    whole, and the sum stays what it was.
    """
    run = max(1, -(-len(values) // max(1, most)))
    begins = range(len(values) % run - run if len(values) % run else 0, len(values), run)
    return [sum(values[max(0, at) : at + run]) for at in begins], run


def columns(
    stacks: Sequence[Sequence[float]], cells: int, rows: int, *, top: float, like: Sequence[Fill]
) -> list[list[Piece]]:
    """A column for each stack, in `rows` lines of exactly `cells` cells. A stack's parts stand on each other in the
    order of `like`; `top` is the whole height. Stacks beyond the cells there are are left out, the oldest first.
    """
    step, wide = column_cells(len(stacks), cells)
    shown = list(stacks)[-(cells // step) :] if stacks else []
    drawn = [_column(stack, rows, top, like) for stack in shown]
    lines = []
    for row in reversed(range(rows)):
        line = [piece for column in drawn for piece in _cell(column[row], wide, step)]
        line.append((" " * (cells - step * len(shown)), "text"))
        lines.append(joined(line))
    return lines


def column_cells(count: int, cells: int) -> tuple[int, int]:
    """Cells from one column to the next, and cells of a column."""
    step = min(_WIDEST, max(1, cells // max(1, count)))
    return step, step - 1 if step > 1 else step


def _cell(sign: Piece, wide: int, step: int) -> list[Piece]:
    text, role = sign
    return [(text * wide, role), (" " * (step - wide), "text")]


def _column(stack: Sequence[float], rows: int, top: float, like: Sequence[Fill]) -> list[Piece]:
    """Its cells from below: whole cells in the fill of the part that has most of them, the last one in eighths."""
    edges = [0.0]
    for part in stack:
        edges.append(edges[-1] + max(0.0, part))
    height = _eighths(edges[-1], rows, top, least=1 if edges[-1] > 0 else 0)
    cells: list[Piece] = []
    for row in range(rows):
        full = _within(height, row)
        if not full:
            cells.append((" ", "text"))
            continue
        scale = edges[-1] * 8 / height
        fill = like[_most_of(edges, row * scale, (row + full / 8) * scale)]
        cells.append((fill.sign if full == 8 or fill.sign.isascii() else _RISING[full], fill.role))
    return cells


def _most_of(edges: Sequence[float], low: float, high: float) -> int:
    """The part that has most of what lies between two heights."""
    shares = [min(high, above) - max(low, below) for below, above in pairwise(edges)]
    return max(range(len(shares)), key=shares.__getitem__)


# ---------------------------------------------------------------- bars in parts


def in_parts(parts: Sequence[float], cells: int, *, whole: float, like: Sequence[Fill]) -> list[Piece]:
    """A lying bar of exactly `cells` cells, of which `whole` is the length; parts in the order of `like`, then blanks.

    The parts' cells add up to those of their sum: what one loses in rounding another gets.
    """
    edges, sum_ = [0], 0.0
    for part in parts:
        sum_ += max(0.0, part)
        edges.append(cells if sum_ >= whole > 0 else round(sum_ / whole * cells) if whole > 0 else 0)
    pieces = [(fill.sign * (end - begin), fill.role) for fill, (begin, end) in zip(like, pairwise(edges), strict=True)]
    return joined([*pieces, (" " * (cells - edges[-1]), "text")])


def joined(line: Sequence[Piece]) -> list[Piece]:
    """The same line with neighbours of one role in one piece, and without empty ones."""
    pieces: list[Piece] = []
    for text, role in line:
        if pieces and pieces[-1][1] == role:
            pieces[-1] = (pieces[-1][0] + text, role)
        elif text:
            pieces.append((text, role))
    return pieces


# ---------------------------------------------------------------- axes


def round_top(most: float) -> float:
    """A round number that is not less: the top of an axis. 1 where there is next to nothing."""
    if most < float_info.min:
        return 1.0
    unit = 10.0 ** floor(log10(most))
    return next((step * unit for step in _ROUND if step * unit >= most), 10 * unit)


def y_labels(rows: int, top: float, says: Callable[[float], str]) -> list[str]:
    """What stands left of the rows of a plot, all equally wide: the top at the first, half of it where there is room,
    nothing at the last.
    """
    said = {0: says(top), rows - 1: says(0.0)}
    if rows >= 5:
        said[rows // 2] = says(top / 2)
    wide = max(width(text) for text in said.values())
    return [pad(said.get(row, ""), wide, right=True) for row in range(rows)]
