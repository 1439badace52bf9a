"""Makes text from jobs and people harmless, and fits it into columns.

Everything that a stranger wrote (names, commands, groups, log lines, error details) passes through `clean` before it
reaches a terminal. Must not know where text comes from or what draws it; light enough for the command line.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, mouse
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x90-\x9f]*(?:\x07|\x1b\\|\x9c)"  # OSC: titles, links, clipboard
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x90-\x9f]*(?:\x1b\\|\x9c)"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]+[0-~]"  # character sets
    r"|\x1b[0-OQ-WYZ\\`-~]"  # two-character commands, but none of the openings above
)
"""Complete terminal sequences. No branch runs past the next opening, so matching is linear in the text."""

_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Letters by category, nothing to the eye: a name made of them would look empty."""

_MARKS = frozenset({"Mn", "Me"})
"""Categories of what is drawn onto the letter before it."""

_BY_CATEGORY = {
    "Cf": "",  # bidirectional overrides, zero-width, soft hyphen, tags, byte order mark
    "Zl": " ",
    "Zp": " ",
    "Zs": " ",
    "Cc": "\ufffd",
    "Cs": "\ufffd",
    "Co": "\ufffd",
    "Cn": "\ufffd",
}

MOST_MARKS = 4
"""On one letter: Vietnamese, Hebrew and Tibetan need no more, and hundreds of marks would be drawn over other lines."""

_ELLIPSIS = "…"


class _Table(dict[int, str]):
    """A table for `str.translate` that is filled as letters come, so that a megabyte takes milliseconds."""

    _MOST = 10_000

    def __init__(self, of: Callable[[str], str]) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, code: int) -> str:
        found = self._of(chr(code))
        if len(self) < self._MOST:  # there are a million letters, and whoever wrote them may use all
            self[code] = found
        return found


def _harmless(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return "    " if char == "\t" else chr(0x2400 + code)
    if char in _BLANKS or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return ""
    return _BY_CATEGORY.get(unicodedata.category(char), char) if code != 0x7F else "\u2421"


def _flag(char: str) -> str:
    return "1" if unicodedata.category(char) in _MARKS else "0"


_SAFE, _FLAGS = _Table(_harmless), _Table(_flag)
_TOO_MANY = "1" * (MOST_MARKS + 1)
_STACK = re.compile(_TOO_MANY + "1*")


def clean(text: object) -> str:
    """One line that is safe to show: same letters, no power over the terminal.

    Complete escape sequences, invisible characters, direction overrides and all marks on a letter beyond MOST_MARKS are
    dropped; a tab becomes four spaces; what is left of control characters shows as its picture (`␛`, `␊`). Idempotent.
    `None` is the empty string.
    """
    line = "" if text is None else str(text)
    if line.isascii() and line.isprintable():
        return line
    return _few_marks(_SEQUENCES.sub("", line).translate(_SAFE))


def _few_marks(text: str) -> str:
    flags = text.translate(_FLAGS)
    if _TOO_MANY not in flags:
        return text
    stacks = (one.span() for one in _STACK.finditer(flags))
    kept, at = [], 0
    for begin, end in stacks:
        kept.append(text[at : begin + MOST_MARKS])
        at = end
    return "".join(kept) + text[at:]


def clean_lines(text: str) -> list[str]:
    """Output of a job as safe lines, as a terminal would have left them: after a carriage return, the last text wins.

    A last line without its line feed counts as a line.
    """
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [clean(line.rstrip("\r").rpartition("\r")[2]) for line in lines]


def width(text: str) -> int:
    """How many cells of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.category(char) in _MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def cut(text: str, cells: int) -> str:
    """The text in at most so many cells; what was cut away shows as an ellipsis."""
    if width(text) <= cells:
        return text
    if cells <= 0:
        return ""
    kept, used = [], 0
    for char in text:
        used += _cells(char)
        if used > cells - 1:
            break
        kept.append(char)
    return "".join(kept) + _ELLIPSIS


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """The text in exactly so many cells, cut or filled with blanks; `right` aligns it to the right."""
    text = cut(text, cells)
    blanks = " " * (cells - width(text))
    return blanks + text if right else text + blanks


def under(title: str, lines: Sequence[str]) -> list[str]:
    """The lines as a list under their title; nothing without lines."""
    return [title, *(f"  - {line}" for line in lines)] if lines else []
