"""Gauges and sparklines out of characters, with an ASCII fall-back.

Must not know colours, cards or what draws them; light enough for the command line.
"""

from collections.abc import Sequence
from itertools import pairwise

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = "_.-=+*#@"


def gauge(ratio: float | None, cells: int, *, mark: float | None = None, ascii_only: bool = False) -> str:
    """A bar of exactly `cells` cells, filled to `ratio` (0 to 1, clamped), to an eighth of a cell.

    mark: a threshold on the same scale, drawn as a line over its cell. An absent ratio is a dotted bar, so that
    "unknown" never looks like "nothing".
    """
    if ratio is None:
        bar = ("." if ascii_only else "·") * cells
    elif ascii_only:
        full = round(_clamp(ratio) * cells)
        bar = "#" * full + "-" * (cells - full)
    else:
        bar = _smooth(_clamp(ratio), cells)
    return bar if mark is None else _marked(bar, mark, "|" if ascii_only else "│")


def _clamp(ratio: float) -> float:
    return min(1.0, max(0.0, ratio))


def _smooth(ratio: float, cells: int) -> str:
    eighths = round(ratio * cells * 8)
    full, part = divmod(eighths, 8)
    bar = _EIGHTHS[8] * full + (_EIGHTHS[part] if part else "")
    return bar.ljust(cells)


def _marked(bar: str, mark: float, sign: str) -> str:
    at = mark_cell(mark, len(bar))
    return bar[:at] + sign + bar[at + 1 :]


def meter(ratio: float | None, cells: int, *, mark: float | None = None, ascii_only: bool = False) -> tuple[str, str]:
    """A thin bar of exactly `cells` cells in two parts: what is filled, to half a cell, and what is not.

    The parts differ in their signs, not only in the colour that they are given. mark: a threshold of 0 to 1, a line
    across the bar. An absent ratio is dotted.
    """
    if ratio is None:
        return "", ("." if ascii_only else "·") * cells
    halves = round(_clamp(ratio) * cells * 2)
    full, half = divmod(halves, 2)
    if ascii_only:
        full, half = min(cells, full + half), 0
        filled, rest = "=" * full, "-" * (cells - full)
    else:
        filled, rest = "━" * full + "╸" * half, "─" * (cells - full - half)
    if mark is not None:
        at = mark_cell(mark, cells)
        if at < len(filled):
            filled = filled[:at] + ("|" if ascii_only else "┿") + filled[at + 1 :]
        else:
            at -= len(filled)
            rest = rest[:at] + ("|" if ascii_only else "┼") + rest[at + 1 :]
    return filled, rest


def mark_cell(mark: float, cells: int) -> int:
    """The cell of a bar that holds a threshold of 0 to 1."""
    return min(max(cells - 1, 0), int(_clamp(mark) * cells))


def sparkline(values: Sequence[float | None], cells: int, *, ascii_only: bool = False) -> str:
    """The newest values of 0 to 1 at the right end of `cells` cells, one level each; a gap is a blank.

    More values than cells are averaged in equal runs.
    """
    levels = _ASCII_LEVELS if ascii_only else _LEVELS
    return "".join(" " if value is None else levels[_level(value)] for value in resampled(values, cells))


def graph(values: Sequence[float | None], cells: int, rows: int, *, ascii_only: bool = False) -> list[str]:
    """The same in several rows, the top one first: columns of eight levels a row."""
    columns = resampled(values, cells)
    return ["".join(_part(value, row, rows, ascii_only) for value in columns) for row in reversed(range(rows))]


def _part(value: float | None, row: int, rows: int, ascii_only: bool) -> str:
    """What a column shows in a row, 0 being the lowest, which is never empty where something is known."""
    if value is None:
        return " "
    levels = _ASCII_LEVELS if ascii_only else _LEVELS
    eighths = round(_clamp(value) * rows * 8) - row * 8
    if eighths <= 0:
        return levels[0] if row == 0 else " "
    return levels[min(8, eighths) - 1]


def _level(value: float) -> int:
    return min(7, int(_clamp(value) * 8))


def resampled(values: Sequence[float | None], cells: int) -> list[float | None]:
    """A value for each cell, the newest at the right: gaps before too few, means of equal runs of too many."""
    if len(values) <= cells:
        return [None] * (cells - len(values)) + list(values)
    edges = [round(at * len(values) / cells) for at in range(cells + 1)]
    return [_mean(values[low:high]) for low, high in pairwise(edges)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
