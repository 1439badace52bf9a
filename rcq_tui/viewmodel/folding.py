"""Where a line that is too long goes on below. Pure. Must not know what draws it."""

import re
from collections.abc import Sequence

from rcq_tui.viewmodel.text import width

Piece = tuple[str, str]


def breaks(text: str, cells: int) -> list[int]:
    """The cells at which the rows of a text begin when each takes at most so many cells; one row at least.

    A letter of two cells goes to the next row whole.
    """
    if text.isascii():
        return list(range(0, max(1, len(text)), max(1, cells)))
    begins, used, at = [0], 0, 0
    for char in text:
        wide = width(char)
        if used + wide > cells and used:
            begins.append(at)
            used = 0
        used += wide
        at += wide
    return begins


def folded(lead: Piece, rest: Sequence[Piece], cells: int) -> list[list[Piece]]:
    """Words in lines of at most so many cells, cut between words where there are any; the first line begins with
    `lead`, the others with as many blanks.
    """
    indent = width(lead[0])
    room = max(8, cells - indent)
    rows: list[list[Piece]] = [[]]
    used = 0
    for word, role in _words(rest):
        if used and used + width(word.rstrip(" ")) > room:
            rows.append([])
            used = 0
        while width(word.rstrip(" ")) > room:
            cut = _fitting(word, room)
            rows[-1].append((word[:cut], role))
            rows.append([])
            word = word[cut:]  # noqa: PLW2901  what is left of it
        rows[-1].append((word, role))
        used += width(word)
    blank = (" " * indent, lead[1])
    return [[lead if at == 0 else blank, *_joined(row)] for at, row in enumerate(rows)]


def _words(pieces: Sequence[Piece]) -> list[Piece]:
    """Each with the blanks behind it."""
    return [(word, role) for text, role in pieces for word in re.findall(r"[^ ]+ *| +", text)]


def _joined(row: Sequence[Piece]) -> list[Piece]:
    """Words of one colour are one piece; none ends its line with a blank."""
    found: list[Piece] = []
    for text, role in row:
        if found and found[-1][1] == role:
            found[-1] = (found[-1][0] + text, role)
        else:
            found.append((text, role))
    if found:
        found[-1] = (found[-1][0].rstrip(" "), found[-1][1])
    return found


def _fitting(text: str, cells: int) -> int:
    """How many letters fit."""
    used = 0
    for at, char in enumerate(text):
        used += width(char)
        if used > cells:
            return max(1, at)
    return len(text)
