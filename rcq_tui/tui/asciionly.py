"""Takes every sign that is not ASCII out of what is drawn, for terminals and fonts that have no others.

The view models choose better signs where they are told to; this sees to what is left: frames, scroll bars, names in
other alphabets. Must not know what is drawn.
"""

import unicodedata
from functools import lru_cache

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from rcq_tui.viewmodel.text import width

_SIGNS = {
    "…": "~", "·": "-", "–": "-", "—": "-", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "°": "'", "×": "x",
    "↓": "v", "↑": "^", "←": "<", "→": ">", "▶": ">", "▼": "v", "▲": "!", "●": "*", "○": "o", "◆": "*", "✓": "+",
    "✗": "x", "•": "*", "│": "|", "┃": "|", "║": "|", "█": "#", "▌": "#", "▐": "#", "▊": "#", "▎": "|", "▏": "|",
    "■": "#", "□": "o", "≤": "<", "≥": ">", "≈": "~", "∞": "-",
}  # fmt: skip
_LINES = "─━╌╍┄┅┈┉═╸╺╴╶▁▔▂▃▄▅▆▇▀"
_CORNERS = range(0x250C, 0x2580)


class AsciiOnly(LineFilter):
    """Each sign becomes one of as many cells."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments in ASCII."""
        return [
            segment if segment.control or segment.text.isascii() else Segment(ascii_text(segment.text), segment.style)
            for segment in segments
        ]


def ascii_text(text: str) -> str:
    """The text in ASCII, in as many cells as before."""
    return "".join(char if char.isascii() else _ascii(char) for char in text)


@lru_cache(4096)
def _ascii(char: str) -> str:
    if char in _SIGNS:
        return _SIGNS[char]
    if char in _LINES:
        return "-"
    if ord(char) in _CORNERS:
        return "+"
    cells = width(char)
    plain = unicodedata.normalize("NFKD", char)[:1]
    return (plain if plain.isascii() and plain.isprintable() and plain else "?") + "?" * (cells - 1) if cells else ""
