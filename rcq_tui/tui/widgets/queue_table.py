"""The queue as a table that changes by difference: only visible lines whose text or colour changed are drawn again.

A cursor stays on its job, wherever the job moves. Must not know where jobs come from or what opening one means.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.protocol.responses import JobRow
from rcq_tui.tui.messages import OpenJob
from rcq_tui.viewmodel.queue import Column, columns, fitted, gap
from rcq_tui.viewmodel.states import FINISHED, colour, shown
from rcq_tui.viewmodel.text import pad

_Drawn = tuple[tuple[str, ...], str, bool]
"""What a line shows: its cells, the state that colours it, whether the cursor is on it."""


class QueueTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Jobs, one a line, under a heading that stays. drawn: how many lines were asked to be drawn again, for tests."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "queue--title", "queue--cursor", "queue--mine", "queue--empty",
        "queue--ok", "queue--busy", "queue--info", "queue--warn", "queue--bad", "queue--quiet", "queue--text",
    }  # fmt: skip

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.account: str | None = None
        self.empty = ""
        self.drawn = 0
        self._ascii = ascii_only
        self._jobs: Sequence[JobRow] = ()
        self._now = 0.0
        self._cursor = 0
        self._cells = 78
        self._layout: tuple[Column, ...] = columns(self._cells)
        self._lines: dict[int, _Drawn] = {}

    # ------------------------------------------------------------ what is shown

    def show(self, jobs: Sequence[JobRow], now: float) -> None:
        """Show these jobs as of `now`; the cursor follows its job, or stays in its place when the job is gone."""
        before, selected = self._cursor, self.selected
        at = next((at for at, job in enumerate(jobs) if selected and job.id == selected.id), None)
        self._jobs, self._now = jobs, now
        self._cursor = min(before if at is None else at, max(0, len(jobs) - 1))
        self.virtual_size = Size(self.size.width, len(jobs) + 1)
        if self.scroll_offset.y:  # keep the job on its line of the screen, too
            self.scroll_to(y=self.scroll_offset.y + self._cursor - before, animate=False, force=True)
        self._keep_visible()
        self._draw_changes()

    def tick(self, now: float) -> None:
        """Time has passed."""
        self._now = now
        self._draw_changes()

    @property
    def selected(self) -> JobRow | None:
        """The job under the cursor."""
        return self._jobs[self._cursor] if self._jobs else None

    @property
    def at_end(self) -> bool:
        """Whether the cursor is on the last job."""
        return self._cursor >= len(self._jobs) - 1

    @property
    def page(self) -> int:
        """Jobs that are visible at once."""
        return max(1, self.size.height - 1)

    def move(self, by: int) -> None:
        """Move the cursor by so many jobs, as far as there are any."""
        self._cursor = min(max(0, self._cursor + by), max(0, len(self._jobs) - 1))
        self._keep_visible()
        self._draw_changes()

    # ------------------------------------------------------------ drawing

    def _keep_visible(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + self.page:
            self.scroll_to(y=self._cursor - self.page + 1, animate=False, force=True)

    def _draw_changes(self) -> None:
        for y in range(1, self.size.height):
            if self._lines.get(y) != self._wanted(y):
                self.drawn += 1
                self.refresh(Region(0, y, self.size.width, 1))

    def _wanted(self, y: int) -> _Drawn | None:
        at = y - 1 + self.scroll_offset.y
        if at >= len(self._jobs):
            return None
        job = self._jobs[at]
        cells = tuple(fitted(job, self._now, self._layout, ascii_only=self._ascii))
        return cells, shown(job.state, job.paused_since), at == self._cursor

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        if y == 0:
            titles = [pad(column.title, column.cells, right=column.right) for column in self._layout]
            return self._strip([(title, "title") for title in titles], Style())
        wanted = self._wanted(y)
        if wanted is None:
            self._lines.pop(y, None)
            return self._blank(y)
        self._lines[y] = wanted
        cells, state, under_cursor = wanted
        cursor = self.get_component_rich_style("queue--cursor", partial=True) if under_cursor else Style()
        return self._strip(self._coloured(cells, state), cursor)

    def _coloured(self, cells: tuple[str, ...], state: str) -> list[tuple[str, str]]:
        rest = "quiet" if state in FINISHED or state == "held" else "text"
        roles = {"state": colour(state), "why": colour(state) if state == "failed" else "quiet"}
        pairs = [(cell, roles.get(column.key, rest)) for cell, column in zip(cells, self._layout, strict=True)]
        who = next(at for at, column in enumerate(self._layout) if column.key == "who")
        if self.account and cells[who].strip() == self.account:
            pairs[who] = (cells[who], "mine")
        return pairs

    def _strip(self, pairs: Sequence[tuple[str, str]], over: Style) -> Strip:
        base = self.rich_style
        between = Segment(" " * gap(self._cells), base + over)
        segments = [Segment(" ", base + over)]
        for text, role in pairs:
            style = base + self.get_component_rich_style(f"queue--{role}", partial=True) + over
            segments += [Segment(text, style), between]
        return Strip(segments).adjust_cell_length(self.size.width, base + over)

    def _blank(self, y: int) -> Strip:
        base = self.rich_style
        if self._jobs or y != 2:
            return Strip.blank(self.size.width, base)
        style = base + self.get_component_rich_style("queue--empty", partial=True)
        return Strip([Segment("   " + self.empty, style)]).adjust_cell_length(self.size.width, base)

    # ------------------------------------------------------------ events

    def on_resize(self, event: events.Resize) -> None:
        """Columns follow the width."""
        self._cells = event.size.width - 2  # a blank at either side
        self._layout = columns(self._cells)
        self.virtual_size = Size(event.size.width, len(self._jobs) + 1)
        self._lines.clear()
        self._keep_visible()
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Every line moves."""
        super().watch_scroll_y(old_value, new_value)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click goes to a job; one on the job under the cursor opens it."""
        at = event.y - 1 + self.scroll_offset.y
        if event.y < 1 or at >= len(self._jobs):
            return
        if at == self._cursor:
            self.post_message(OpenJob())
        self.move(at - self._cursor)
