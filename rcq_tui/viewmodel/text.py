"""Makes text from jobs and people harmless, and fits it into columns.

Everything that a stranger wrote (names, commands, groups, log lines, error details) passes through `clean` before it
reaches a terminal. Must not know where text comes from or what draws it; light enough for the command line.
"""

import re
import unicodedata

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

_ELLIPSIS = "…"


def _harmless(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return "    " if char == "\t" else chr(0x2400 + code)
    if char in _BLANKS or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return ""
    return _BY_CATEGORY.get(unicodedata.category(char), char) if code != 0x7F else "\u2421"


def clean(text: object) -> str:
    """One line that is safe to show: same letters, no power over the terminal.

    Complete escape sequences, invisible characters and direction overrides are dropped; a tab becomes four spaces;
    what is left of control characters shows as its picture (`␛`, `␊`). Idempotent. `None` is the empty string.
    """
    line = "" if text is None else str(text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(map(_harmless, _SEQUENCES.sub("", line)))


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
    if unicodedata.category(char) in {"Mn", "Me"}:
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
