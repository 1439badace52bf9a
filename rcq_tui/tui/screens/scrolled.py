"""Keys that scroll a screen which is merely read. Must not know what stands there."""

from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget

from rcq_tui.tui import messages

FAR = 1_000_000
KEPT = 4
"""Lines of a page that stay in sight on the next, or stand around what scrolls."""


class Scrolled(Widget):
    """Whatever has one `VerticalScroll` with its text."""

    def _scroll(self, message: Message, by: int) -> None:
        message.stop()
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def on_down(self, message: messages.Down) -> None:
        """Scroll."""
        self._scroll(message, 1)

    def on_up(self, message: messages.Up) -> None:
        """Scroll."""
        self._scroll(message, -1)

    def on_page_down(self, message: messages.PageDown) -> None:
        """Scroll by a page."""
        self._scroll(message, max(1, self.size.height - KEPT))

    def on_page_up(self, message: messages.PageUp) -> None:
        """Scroll by a page."""
        self._scroll(message, -max(1, self.size.height - KEPT))

    def on_top(self, message: messages.Top) -> None:
        """The beginning."""
        self._scroll(message, -FAR)

    def on_bottom(self, message: messages.Bottom) -> None:
        """The end."""
        self._scroll(message, FAR)
