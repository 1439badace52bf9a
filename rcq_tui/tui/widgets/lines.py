"""Lines to read: a cursor, folding or scrolling sideways, marks for copying, and hits of a search.

Only lines that changed are drawn again. Must not know what the lines say or where they come from.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice, pairwise
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from rcq_tui.viewmodel.cards import Piece
from rcq_tui.viewmodel.folding import breaks
from rcq_tui.viewmodel.text import width

Pieces = Sequence[Piece]

_SIDE = 2
"""Cells left of a line: whether it is under the cursor or marked."""


_MOST_HITS = 100
"""Shown in one line: it may be long, and all of it the letter that is looked for."""


class Lines(ScrollView, can_focus=False, inherit_bindings=False):
    """A line is a text, or pieces of a line with the roles of their colours.

    follow: the cursor stays on the last line while lines come, until somebody goes up; going to the end begins it anew.
    empty: said where there is no line.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--cursor", "lines--marked", "lines--hit", "lines--empty", "lines--ok", "lines--busy", "lines--info",
        "lines--warn", "lines--bad", "lines--quiet", "lines--text", "lines--title", "lines--ok-bar",
        "lines--busy-bar", "lines--warn-bar",
    }  # fmt: skip

    class NearEdge(Message):
        """One reads near the first line that is there, or near the last (`down`)."""

        def __init__(self, *, down: bool) -> None:
            super().__init__()
            self.down = down

    class Moved(Message):
        """The cursor or what is visible is elsewhere."""

    def __init__(self, *, ascii_only: bool = False, follow: bool = False, cursor: bool = True) -> None:
        super().__init__()
        self.follow = self._tails = follow
        self.empty = ""
        self.wrap = False
        self.pattern: re.Pattern[str] | None = None
        self._ascii = ascii_only
        self._has_cursor = cursor
        self._lines: list[str | Pieces] = []
        self._cursor = 0
        self._anchor: int | None = None
        self._tops: list[int] | None = None
        self._folded_at = 0
        self._widest = 0
        self._styles: dict[str, Style] = {}

    # ------------------------------------------------------------ what is there

    def put(self, lines: Iterable[str | Pieces]) -> None:
        """These lines from now on; the cursor stays where it is as far as it can."""
        new = list(lines)
        if len(new) != len(self._lines):
            self.change(0, len(self._lines), new)
            return
        for at, line in enumerate(new):
            if line != self._lines[at]:
                self.change(at, at + 1, [line])

    def change(self, begin: int, end: int, new: Sequence[str | Pieces]) -> None:
        """Put new lines in the place of some; what one looks at stays where it is on the screen."""
        count, top = len(self._lines), self.scroll_offset.y
        first = self._line_of(top)
        old_rows, all_rows = self._height(begin, end), self._top_of(count)
        self._lines[begin:end] = new
        self._widest = max([self._widest, *(width(plain(line)) for line in new)])
        self._tops = None
        if end < count and end <= self._cursor:
            self._cursor = max(0, self._cursor + len(self._lines) - count)
        if end < count and end <= first:
            top += self._height(begin, begin + len(new)) - old_rows
        self._settle(top)
        below = 0 if self._top_of(len(self._lines)) == all_rows else self.size.height + all_rows
        rows = max(old_rows, self._height(begin, begin + len(new))) + below
        self._draw_rows(self._top_of(begin), max(rows, 2 if not count else 0))

    def start_over(self) -> None:
        """No lines; follow again, if it ever does."""
        self._lines, self._widest, self._tops, self._cursor, self._anchor = [], 0, None, 0, None
        self.follow = self._tails
        self._settle(0)
        self.refresh()

    def _settle(self, top: int) -> None:
        last, before = max(0, len(self._lines) - 1), self._cursor
        self._cursor = last if self.follow else min(self._cursor, last)
        self._anchor = None if self._anchor is None else min(self._anchor, last)
        self._fit()
        self._go_to(self.max_scroll_y if self.follow else top)
        if before != self._cursor:
            self._draw_again(min(before, last))

    @property
    def count(self) -> int:
        """Lines."""
        return len(self._lines)

    @property
    def cursor(self) -> int:
        """The line under the cursor, from 0."""
        return self._cursor

    @property
    def plain_lines(self) -> list[str]:
        """All of them without colours."""
        return [plain(line) for line in self._lines]

    @property
    def page(self) -> int:
        """Rows that are visible at once."""
        return max(1, self.size.height)

    # ------------------------------------------------------------ moving

    def move(self, by: int) -> None:
        """Move the cursor by so many lines, from where one looks; without a cursor, what is seen."""
        if not self._has_cursor:
            self._go_to(self.scroll_offset.y + by)
            return
        self.move_to(self._visible_cursor() + by)

    def move_to(self, line: int) -> None:
        """Move the cursor to a line, or as far as there are any."""
        last = max(0, len(self._lines) - 1)
        old, self._cursor = self._cursor, min(max(0, line), last)
        self.follow = self._tails and self._cursor == last and line >= old
        self._keep_visible()
        for at in {old, self._cursor} if self._anchor is None else range(*self._changed(old)):
            self._draw_again(at)
        if line <= self.page:
            self.post_message(self.NearEdge(down=False))
        if line >= last - self.page:
            self.post_message(self.NearEdge(down=True))
        self.post_message(self.Moved())

    def _changed(self, old: int) -> tuple[int, int]:
        return min(old, self._cursor), max(old, self._cursor) + 1

    def sideways(self, by: int) -> bool:
        """Scroll to the right, or with a negative number to the left; whether that was possible."""
        before = self.scroll_offset.x
        self.scroll_to(x=max(0, min(before + by, self.max_scroll_x)), animate=False, force=True)
        return self.scroll_offset.x != before

    def _visible_cursor(self) -> int:
        first = self._line_of(self.scroll_offset.y)
        last = self._line_of(self.scroll_offset.y + self.page - 1)
        return min(max(self._cursor, first), last)

    def _keep_visible(self) -> None:
        begin, end = self._top_of(self._cursor), self._top_of(self._cursor + 1)
        top = self.scroll_offset.y
        if begin < top:
            self._go_to(begin)
        elif end > top + self.page:
            self._go_to(min(begin, end - self.page))

    def _go_to(self, row: int) -> None:
        self.scroll_to(y=max(0, min(row, self.max_scroll_y)), animate=False, force=True)

    # ------------------------------------------------------------ looks

    def toggle_wrap(self) -> None:
        """Fold lines that are too long, or have them go on to the right."""
        line = self._line_of(self.scroll_offset.y)
        self.wrap = not self.wrap
        self._tops = None
        self._fit()
        self.scroll_to(x=0, animate=False, force=True)
        self._go_to(self.max_scroll_y if self.follow else self._top_of(line))
        self._keep_visible()
        self.refresh()

    def highlight(self, pattern: re.Pattern[str] | None) -> None:
        """Show where this is found."""
        if pattern is not self.pattern:
            self.pattern = pattern
            self.refresh()

    # ------------------------------------------------------------ marks

    @property
    def marking(self) -> bool:
        """Whether lines are being marked."""
        return self._anchor is not None

    def mark(self, on: bool) -> None:
        """Mark from the cursor's line to wherever it goes, or nothing any more."""
        self._cursor = self._visible_cursor()
        self._anchor = self._cursor if on else None
        self.refresh()

    def marked(self) -> list[str]:
        """The marked lines, else the one under the cursor."""
        begin, end = self.marks
        return [plain(line) for line in self._lines[begin:end]]

    @property
    def marks(self) -> tuple[int, int]:
        """The first marked line, and the one behind the last."""
        anchor = self._cursor if self._anchor is None else self._anchor
        return min(anchor, self._cursor), max(anchor, self._cursor) + 1

    # ------------------------------------------------------------ rows of the screen

    @property
    def _cells(self) -> int:
        return max(1, self.size.width - _SIDE)

    def _fit(self) -> None:
        across = self.size.width if self.wrap else self._widest + _SIDE
        self.virtual_size = Size(max(across, self.size.width), self._top_of(len(self._lines)))

    def _rows(self, at: int) -> int:
        return len(breaks(plain(self._lines[at]), self._cells))

    def _top_of(self, line: int) -> int:
        """The first row of a line, from the first row of all."""
        if not self.wrap:
            return min(line, len(self._lines))
        if self._tops is None or self._folded_at != self._cells:  # a new size may be drawn before its event comes
            self._folded_at = self._cells
            self._tops = [0, *accumulate(self._rows(at) for at in range(len(self._lines)))]
        return self._tops[min(line, len(self._lines))]

    def _height(self, begin: int, end: int) -> int:
        return self._top_of(end) - self._top_of(begin)

    def _line_of(self, row: int) -> int:
        last = max(0, len(self._lines) - 1)
        if not self.wrap:
            return min(max(0, row), last)
        self._top_of(0)
        return min(last, bisect_right(self._tops or [0], row) - 1)

    def _draw_again(self, at: int) -> None:
        self._draw_rows(self._top_of(at), self._height(at, at + 1))

    def _draw_rows(self, row: int, rows: int) -> None:
        region = Region(0, row - self.scroll_offset.y, self.size.width, rows)
        seen = region.intersection(Region(0, 0, self.size.width, self.size.height))
        if seen:
            self.refresh(seen)

    def on_resize(self, event: events.Resize) -> None:
        """Folding follows the width."""
        line = self._line_of(self.scroll_offset.y)
        self._tops = None
        self._fit()
        self._go_to(self.max_scroll_y if self.follow else self._top_of(line))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolls near an end may want more."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) == round(new_value):
            return
        at_end = new_value >= self.max_scroll_y
        self.follow = self._tails and (at_end or (self.follow and new_value >= old_value))
        if new_value < old_value and new_value <= self.page:
            self.post_message(self.NearEdge(down=False))
        elif new_value > old_value and new_value >= self.max_scroll_y - self.page:
            self.post_message(self.NearEdge(down=True))
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """The cursor goes to the line that is clicked."""
        at = self._line_of(event.y + self.scroll_offset.y)
        if self._lines and self._has_cursor:
            self.move_to(at)

    # ------------------------------------------------------------ drawing

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        row, base = y + self.scroll_offset.y, self.rich_style
        if not self._lines or row >= self._top_of(len(self._lines)):
            if not self._lines and y == 1 and self.empty:
                said = Segment(" " * _SIDE + self.empty, base + self._style("empty"))
                return Strip([said]).adjust_cell_length(self.size.width, base)
            return Strip.blank(self.size.width, base)
        at = self._line_of(row)
        over = self._style("cursor") if at == self._cursor and self._has_cursor else Style()
        begin, end = self._span(at, row)
        strip = self._strip(at, base, over).crop(begin, end)
        side = Segment(self._sign(at).ljust(_SIDE), base + self._style("quiet") + over)
        return Strip([side, *strip]).adjust_cell_length(self.size.width, base + over)

    def _span(self, at: int, row: int) -> tuple[int, int]:
        """The cells of a line that stand in a row."""
        if not self.wrap:
            return self.scroll_offset.x, self.scroll_offset.x + self._cells
        begins = breaks(plain(self._lines[at]), self._cells)
        part = row - self._top_of(at)
        return begins[part], begins[part + 1] if part + 1 < len(begins) else begins[part] + self._cells

    def _sign(self, at: int) -> str:
        if self._anchor is not None and self.marks[0] <= at < self.marks[1]:
            return "*" if self._ascii else "▌"
        return (">" if self._ascii else "›") if at == self._cursor and self._has_cursor else ""

    def _style(self, role: str) -> Style:
        """As the style sheet has it; what shines through there is mixed with what is below."""
        if role not in self._styles:
            name = f"lines--{role.replace('.', '-')}"
            rules, style = self.get_component_styles(name), self.get_component_rich_style(name, partial=True)
            if rules.has_rule("color"):
                style += Style(color=(self.background_colors[1] + rules.color).rich_color)
            self._styles[role] = style
        return self._styles[role]

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._styles.clear()

    def _strip(self, at: int, base: Style, over: Style) -> Strip:
        line = self._lines[at]
        pieces = [(line, "text")] if isinstance(line, str) else line
        if self._anchor is not None and self.marks[0] <= at < self.marks[1]:
            over = self._style("marked")
        segments = [Segment(text, base + self._style(role) + over) for text, role in pieces]
        return Strip(self._with_hits(segments, plain(line)))

    def _with_hits(self, segments: list[Segment], text: str) -> list[Segment]:
        spans = [] if self.pattern is None else [one.span() for one in islice(self.pattern.finditer(text), _MOST_HITS)]
        edges = sorted({edge for span in spans for edge in span})
        return _painted(segments, edges, spans, self._style("hit")) if spans else segments


def _painted(segments: list[Segment], edges: list[int], spans: list[tuple[int, int]], over: Style) -> list[Segment]:
    """Segments cut at the edges, those within a span in another style. Edges and spans are in letters."""
    painted: list[Segment] = []
    at = 0
    for text, style, _ in segments:
        cuts = [0, *(edge - at for edge in edges if at < edge < at + len(text)), len(text)]
        for begin, end in pairwise(cuts):
            inside = any(low <= at + begin < high for low, high in spans)
            painted.append(Segment(text[begin:end], (style or Style()) + over if inside else style))
        at += len(text)
    return painted


def plain(line: str | Pieces) -> str:
    """A line without colours."""
    return line if isinstance(line, str) else "".join(text for text, _ in line)
