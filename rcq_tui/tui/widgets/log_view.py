"""A job's output as it grows: plain text only, following its end until somebody scrolls up.

Must not know where the output comes from.
"""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Log

from rcq_tui.tui.widgets.words import Words

MOST_LINES = 10_000
"""Lines that are kept; older ones are in the job's file."""


class Lines(Log, inherit_bindings=False):
    """Lines without markup; keys are the screen's business. follow: new lines scroll into view."""

    def __init__(self) -> None:
        super().__init__(max_lines=MOST_LINES, highlight=False, auto_scroll=False)
        self.follow = True

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Going back stops following, reaching the end starts it; growing changes nothing."""
        super().watch_scroll_y(old_value, new_value)
        at_end = new_value >= self.max_scroll_y
        self.follow = at_end or (self.follow and new_value >= old_value)


class LogView(Vertical):
    """Whole lines, and below them the one that is still being written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = Lines()
        self._unfinished = Words(id="unfinished")

    def compose(self) -> ComposeResult:
        """Lines and the unfinished one."""
        yield self.lines
        yield self._unfinished

    @property
    def following(self) -> bool:
        """Whether new lines scroll into view."""
        return self.lines.follow

    def add(self, lines: list[str], unfinished: str) -> None:
        """Append whole lines; show the unfinished one."""
        if lines:
            self.lines.write_lines(lines, scroll_end=False)
        moved = self._unfinished.display != bool(unfinished)
        self._unfinished.put(Content(unfinished))
        self._unfinished.display = bool(unfinished)
        if self.following and (lines or moved):
            self.lines.scroll_end(animate=False, x_axis=False)

    def start_over(self) -> None:
        """Empty it, for another stream."""
        self.lines.clear()
        self.lines.follow = True
        self._unfinished.display = False

    def move(self, down: int = 0, right: int = 0) -> None:
        """Scroll by lines and cells."""
        self.lines.scroll_relative(x=right, y=down, animate=False)
