"""A job's output as it grows: plain text only, following its end until somebody scrolls up.

Must not know where the output comes from.
"""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Log, Static

from rcq_tui.tui.palette import STYLES

MOST_LINES = 10_000
"""Lines that are kept; older ones are in the job's file."""


class Lines(Log, inherit_bindings=False):
    """Lines without markup; keys are the screen's business."""


class LogView(Vertical):
    """Whole lines, and below them the one that is still being written."""

    def compose(self) -> ComposeResult:
        """Lines and the unfinished one."""
        yield Lines(max_lines=MOST_LINES, highlight=False, auto_scroll=False)
        yield Static("", id="unfinished", markup=False)

    @property
    def lines(self) -> Lines:
        """The scrolling part."""
        return self.query_one(Lines)

    @property
    def following(self) -> bool:
        """Whether the end is in view, so that new lines scroll it."""
        return self.lines.is_vertical_scroll_end

    def add(self, lines: list[str], unfinished: str) -> None:
        """Append whole lines; show the unfinished one."""
        follow = self.following
        if lines:
            self.lines.write_lines(lines, scroll_end=False)
        tail = self.query_one("#unfinished", Static)
        tail.update(Content(unfinished))
        tail.display = bool(unfinished)
        if follow:
            self.lines.scroll_end(animate=False, immediate=True, x_axis=False)

    def start_over(self, note: str) -> None:
        """Empty it; the note stands there until there is output."""
        self.lines.clear()
        tail = self.query_one("#unfinished", Static)
        tail.update(Content.styled(note, STYLES["quiet"]))
        tail.display = bool(note)

    def move(self, down: int = 0, right: int = 0) -> None:
        """Scroll by lines and cells."""
        self.lines.scroll_relative(x=right, y=down, animate=False)
