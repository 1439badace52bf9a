"""Lines of coloured pieces, and which cells of one differ from another.

A piece is a text and the role of its colour. Pure; light enough for the command line. Must not know colours' values.
"""

from rcq_tui.viewmodel.text import cut, pad, width

Piece = tuple[str, str]
Line = list[Piece]

_NEAR = 10
"""Cells between two changes that are sent again with them: moving the cursor and setting a colour costs as much."""


def cells_of(line: Line) -> int:
    """How many cells the line takes."""
    return sum(width(text) for text, _ in line)


def fitted(line: Line, cells: int) -> Line:
    """The line in exactly so many cells: its last pieces cut or left out, or filled with blanks."""
    kept: Line = []
    for text, role in line:
        if width(text) >= cells:
            kept.append((pad(cut(text, cells), cells), role))
            return kept
        kept.append((text, role))
        cells -= width(text)
    return [*kept, (" " * cells, "text")]


def spread(left: Line, right: Line, cells: int) -> Line:
    """`left` at the left and `right` at the right end of so many cells; where both do not fit, `right` is left out."""
    room = cells - cells_of(right)
    if not right or cells_of(left) >= room:
        return fitted(left, cells)
    return fitted(left, room) + right


def changed(before: Line, after: Line) -> list[tuple[int, int]]:
    """Cells of `after` that show something else than `before` did, as runs of (first cell, cells)."""
    if before == after:
        return []
    old, new = _cells(before), _cells(after)
    longest = max(len(old), len(new))
    old += [("", "")] * (longest - len(old))
    new += [("", "")] * (longest - len(new))
    runs: list[tuple[int, int]] = []
    for at in (at for at in range(longest) if old[at] != new[at]):
        if runs and at - sum(runs[-1]) <= _NEAR:
            runs[-1] = (runs[-1][0], at + 1 - runs[-1][0])
        else:
            runs.append((at, 1))
    return runs


def _cells(line: Line) -> list[tuple[str, str]]:
    """What stands in each cell; the second cell of a wide letter changes with the first."""
    cells: list[tuple[str, str]] = []
    for text, role in line:
        if text.isascii():
            cells += [(char, role) for char in text]
            continue
        for char in text:
            room = width(char)
            if room == 0 and cells:
                cells[-1] = (cells[-1][0] + char, cells[-1][1])
            cells += [(char, role)] * room
    return cells
