"""Only what changed goes over the wire, and what the terminal shows then is what was drawn."""

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from rcq_tui.tui.changes import Changes, Shown

COLUMNS, ROWS = 12, 3
CONSOLE = Console(color_system="truecolor", force_terminal=True, width=COLUMNS)
STYLES = (None, Style(color="red"), Style(bold=True, bgcolor="blue"), Style(color="red", meta={"offset": (1, 2)}))
_PIECE = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|([^\x1b])")


class Terminal:
    """As much of one as updates need: it moves, changes its style and writes."""

    def __init__(self) -> None:
        self.cells = [[(" ", "")] * COLUMNS for _ in range(ROWS)]
        self._at, self._style = (0, 0), ""

    def take(self, sent: str) -> None:
        assert _PIECE.sub("", sent) == "", "nothing else is ever sent"
        for row, column, style, letter in _PIECE.findall(sent):
            y, x = self._at
            if row:
                self._at = (int(row) - 1, int(column) - 1)
            elif letter:
                wide = cell_len(letter)
                self.cells[y][x : x + wide] = [(letter, self._style), *[("", self._style)] * (wide - 1)]
                self._at = (y, x + wide)
            else:
                self._style = "" if style == "0" else style


def strip_of(pieces) -> Strip:
    return Strip([Segment(text, style) for text, style in pieces]).adjust_cell_length(COLUMNS)


def drawn(lines) -> Terminal:
    """A terminal on which these lines were drawn as Textual itself sends them."""
    whole = Terminal()
    for y, line in enumerate(lines):
        whole.take(f"\x1b[{y + 1};1H" + strip_of(line).render(CONSOLE))
    return whole


def update_of(lines, rows=None):
    """Of all lines, as after a change of layout, or of some rows in two chops each."""
    strips = [strip_of(line) for line in lines]
    if rows is None:
        return LayoutUpdate([[strip] for strip in strips], Region(0, 0, COLUMNS, ROWS))
    halves = [dict(zip((0, 5), strip.divide([5, COLUMNS]), strict=True)) for strip in strips]
    return ChopsUpdate(halves, [(y, 0, COLUMNS) for y in rows], [[5, COLUMNS]] * ROWS)


text = st.text(alphabet="ab x▌█", min_size=1, max_size=7)
line = st.lists(st.tuples(text, st.sampled_from(STYLES)), max_size=4)
picture = st.lists(line, min_size=ROWS, max_size=ROWS)


@given(pictures=st.lists(st.tuples(picture, st.booleans()), min_size=1, max_size=6))
def test_the_terminal_shows_what_was_drawn_whatever_was_there(pictures) -> None:
    shown, terminal = Shown(), Terminal()
    for number, (lines, whole) in enumerate(pictures):
        rows = None if whole or not number else range(ROWS)
        terminal.take(Changes(shown, update_of(lines, rows), (COLUMNS, ROWS)).render_segments(CONSOLE))
        assert terminal.cells == drawn(lines).cells


def sent(shown: Shown, *lines: str) -> str:
    drawing = [[(line, None)] for line in [*lines, *[""] * ROWS][:ROWS]]
    return Changes(shown, update_of(drawing), (COLUMNS, ROWS)).render_segments(CONSOLE)


def test_what_is_there_is_not_sent_again() -> None:
    shown = Shown()
    assert "hello" in sent(shown, "hello")
    assert sent(shown, "hello") == ""
    assert sent(shown, "hallo") == "\x1b[1;2Ha"
    assert sent(shown, "hallo", "b") == "\x1b[2;1Hb"
    assert sent(shown, "hallO", "B") == "\x1b[1;5HO\x1b[2;1HB"
    assert sent(shown, "XallO    .") == "\x1b[1;1HX\x1b[1;10H.\x1b[2;1H "


def test_after_another_size_or_somebody_elses_writing_all_is_sent() -> None:
    shown = Shown()
    sent(shown, "hello")
    shown.forget()
    assert "hello" in sent(shown, "hello")
    other = Changes(shown, update_of([[("hello", None)], [], []]), (COLUMNS + 1, ROWS))
    assert "hello" in other.render_segments(CONSOLE)


def test_a_strip_with_wide_characters_goes_whole_and_what_follows_it_stands_right() -> None:
    shown, terminal = Shown(), Terminal()
    for word in ("日本 ab", "日本 ac", "日x ac"):
        terminal.take(sent(shown, word))
        letters = "".join(letter for letter, _ in terminal.cells[0])
        assert letters.rstrip() == word
    assert sent(shown, "日x ad").startswith("\x1b[1;1H日"), "terminals think differently of how wide they are"
