"""Where a line that is too long goes on below. Pure. Must not know what draws it."""

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


def folded(lead: Piece, text: str, role: str, cells: int) -> list[list[Piece]]:
    """A sentence in lines of at most so many cells, cut between words where there are any; the first one begins with
    `lead`, the others with as many blanks.
    """
    indent = width(lead[0])
    room = max(8, cells - indent)
    rows = [""]
    for word in text.split(" "):
        if rows[-1] and width(rows[-1]) + 1 + width(word) > room:
            rows.append(word)
        else:
            rows[-1] = f"{rows[-1]} {word}" if rows[-1] else word
        while width(rows[-1]) > room:
            cut = _fitting(rows[-1], room)
            rows[-1:] = [rows[-1][:cut], rows[-1][cut:]]
    return [[lead if at == 0 else (" " * indent, lead[1]), (row, role)] for at, row in enumerate(rows)]


def _fitting(text: str, cells: int) -> int:
    """How many letters fit."""
    used = 0
    for at, char in enumerate(text):
        used += width(char)
        if used > cells:
            return max(1, at)
    return len(text)
