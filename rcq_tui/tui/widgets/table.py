"""A list that changes by difference: only visible lines whose text or colour changed are drawn again.

The cursor and the marks stay with their keys, wherever the lines move. What the lines are is a subclass's matter. Must
not know jobs, or what a line means.
"""

from collections.abc import Hashable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from rcq_tui.viewmodel.cards import Piece
from rcq_tui.viewmodel.text import pad

Pieces = tuple[Piece, ...]
"""The cells of a line, each fitted to its column, with the role of its colour."""


class Heading(NamedTuple):
    """A column: its title, its cells, and whether it is aligned to the right."""

    title: str
    cells: int
    right: bool = False


_EMPTY_LINE = 2
"""Of the screen: where it is said that there is none."""


class _Drawn(NamedTuple):
    pieces: Pieces
    under_cursor: bool
    marked: bool


class Table(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines under a heading that stays. drawn: how many lines were asked to be drawn again, for tests.

    A subclass says how many lines there are (`count`), what each is called (`key_at`) and shows (`pieces_at`), and
    which columns a width has (`fit`); after a change it calls `changed`. empty: said where there is no line.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--title", "table--cursor", "table--marked", "table--mine", "table--empty", "table--ok", "table--busy",
        "table--info", "table--warn", "table--bad", "table--quiet", "table--text",
    }  # fmt: skip

    class Chosen(Message):
        """The line under the cursor was clicked."""

        def __init__(self, table: "Table") -> None:
            super().__init__()
            self.table = table

    class TitleChosen(Message):
        """A column's title was clicked. column: its number, from 0."""

        def __init__(self, table: "Table", column: int) -> None:
            super().__init__()
            self.table = table
            self.column = column

    class Seen(Message):
        """Other lines are visible now, or others may be among them. top, bottom: their numbers; the cursor's is at."""

        def __init__(self, top: int, bottom: int, at: int) -> None:
            super().__init__()
            self.top, self.bottom, self.at = top, bottom, at

    def __init__(self, *, ascii_only: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = ""
        self.drawn = 0
        self.marks: set[Hashable] = set()
        self._ascii = ascii_only
        self._cursor = 0
        self._key: Hashable = None
        self._top_key: Hashable = None
        self._cells = 78
        self._headings: Sequence[Heading] = ()
        self._gap = 1
        self._lines: dict[int, _Drawn] = {}

    # ------------------------------------------------------------ what a subclass says

    def count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def key_at(self, at: int) -> Hashable:
        """What a line is called: it keeps the cursor and its mark wherever it moves."""
        raise NotImplementedError

    def pieces_at(self, at: int) -> Pieces:
        """What a line shows now, a piece for each column."""
        raise NotImplementedError

    def fit(self, cells: int) -> tuple[Sequence[Heading], int]:
        """The columns of a table of so many cells, and the blanks between them."""
        raise NotImplementedError

    def place_of(self, key: Hashable) -> int | None:
        """Where a line is now. A subclass with many lines may know better than to look at each."""
        return next((at for at in range(self.count()) if self.key_at(at) == key), None)

    # ------------------------------------------------------------ what is shown

    @property
    def empty(self) -> str:
        """What is said where there is no line."""
        return self._empty

    @empty.setter
    def empty(self, words: str) -> None:
        if words != self._empty:
            self._empty = words
            self.refresh(Region(0, _EMPTY_LINE, self.size.width, 1))

    def changed(self) -> None:
        """The lines are others now; the cursor follows its line, or stays in its place when that is gone."""
        before, top = self._cursor, self.scroll_offset.y
        in_sight = top <= before < top + self.page
        at = None if self._key is None else self.place_of(self._key)
        self._cursor = min(before if at is None else at, max(0, self.count() - 1))
        self.virtual_size = Size(self.size.width, self.count() + 1)
        first = self._cursor - before + top if in_sight else self.place_of(self._top_key)
        if top and first is not None and first != top:  # keep the line where it is on the screen, too
            self.scroll_to(y=first, animate=False, force=True)
        self._remember()
        if in_sight:
            self._keep_visible()
        self.draw_changes()
        self._tell_seen()

    def start_over(self) -> None:
        """The lines are others altogether: the cursor follows its line, or goes to the first when that is gone."""
        if self._key is None or self.place_of(self._key) is None:
            self._cursor, self._key = 0, None
            self.scroll_to(y=0, animate=False, force=True)
        self.changed()
        self._keep_visible()

    def draw_changes(self) -> None:
        """Draw again what shows something else than before."""
        for y in range(1, self.size.height):
            if self._lines.get(y) != self._wanted(y):
                self.drawn += 1
                self.refresh(Region(0, y, self.size.width, 1))

    def lay_out(self) -> None:
        """The columns are others now."""
        self._headings, self._gap = self.fit(self._cells)
        self._lines.clear()
        self.refresh()

    @property
    def cursor(self) -> int:
        """The number of the line under the cursor, from 0."""
        return self._cursor

    @property
    def at_end(self) -> bool:
        """Whether the cursor is on the last line."""
        return self._cursor >= self.count() - 1

    @property
    def page(self) -> int:
        """Lines that are visible at once."""
        return max(1, self.size.height - 1)

    def move(self, by: int) -> None:
        """Move the cursor by so many lines, as far as there are any."""
        self._cursor = min(max(0, self._cursor + by), max(0, self.count() - 1))
        self._remember()
        self._keep_visible()
        self.draw_changes()

    def toggle_mark(self) -> None:
        """Mark the line under the cursor, or take its mark away; the cursor goes on to the next."""
        if self._key is not None:
            self.marks ^= {self._key}
            self.move(1)
            self.draw_changes()

    def toggle_all(self) -> None:
        """Mark every line; where each has a mark, take them all away."""
        keys = {self.key_at(at) for at in range(self.count())}
        self.marks = set() if keys <= self.marks else self.marks | keys
        self.draw_changes()

    def go_to(self, key: Hashable) -> None:
        """Put the cursor on a line, if it is there."""
        if (at := self.place_of(key)) is not None:
            self.move(at - self._cursor)

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks.clear()
        self.draw_changes()

    # ------------------------------------------------------------ drawing

    def _remember(self) -> None:
        self._key = self.key_at(self._cursor) if self._cursor < self.count() else None
        top = self.scroll_offset.y
        self._top_key = self.key_at(top) if top < self.count() else None

    def _tell_seen(self) -> None:
        top = self.scroll_offset.y
        self.post_message(self.Seen(top, top + self.page, self._cursor))

    def _keep_visible(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + self.page:
            self.scroll_to(y=self._cursor - self.page + 1, animate=False, force=True)

    def _wanted(self, y: int) -> _Drawn | None:
        at = y - 1 + self.scroll_offset.y
        if at >= self.count():
            return None
        return _Drawn(self.pieces_at(at), at == self._cursor, self.key_at(at) in self.marks)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        if y == 0:
            titles = [(pad(one.title, one.cells, right=one.right), "title") for one in self._headings]
            return self._strip(titles, Style(), " ")
        wanted = self._wanted(y)
        if wanted is None:
            self._lines.pop(y, None)
            return self._blank(y)
        self._lines[y] = wanted
        over = self._style("cursor") if wanted.under_cursor else Style()
        sign = ("*" if self._ascii else "◆") if wanted.marked else " "
        return self._strip(wanted.pieces, over, sign)

    def _style(self, role: str) -> Style:
        return self.get_component_rich_style(f"table--{role}", partial=True)

    def _strip(self, pieces: Sequence[Piece], over: Style, sign: str) -> Strip:
        base = self.rich_style
        between = Segment(" " * self._gap, base + over)
        segments = [Segment(sign, base + self._style("marked") + over)]
        for text, role in pieces:
            segments += [Segment(text, base + self._style(role) + over), between]
        return Strip(segments).adjust_cell_length(self.size.width, base + over)

    def _blank(self, y: int) -> Strip:
        base = self.rich_style
        if self.count() or y != _EMPTY_LINE:
            return Strip.blank(self.size.width, base)
        style = base + self._style("empty")
        return Strip([Segment("   " + self._empty, style)]).adjust_cell_length(self.size.width, base)

    # ------------------------------------------------------------ events

    def on_resize(self, event: events.Resize) -> None:
        """Columns follow the width."""
        self._cells = event.size.width - 2  # a blank at either side
        self.virtual_size = Size(event.size.width, self.count() + 1)
        self.lay_out()
        self._keep_visible()
        self._tell_seen()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Every line moves."""
        super().watch_scroll_y(old_value, new_value)
        self._remember()
        self._tell_seen()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click goes to a line; one on the line under the cursor chooses it."""
        at = event.y - 1 + self.scroll_offset.y
        if event.y < 1:
            self._click_title(event.x - 1)
        if event.y < 1 or at >= self.count():
            return
        if at == self._cursor:
            self.post_message(self.Chosen(self))
        self.move(at - self._cursor)

    def _click_title(self, x: int) -> None:
        for column, heading in enumerate(self._headings):
            if 0 <= x < heading.cells:
                self.post_message(self.TitleChosen(self, column))
            x -= heading.cells + self._gap
