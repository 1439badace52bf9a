"""How full the box is, in a line; and the banner when the engine is gone.

Must not know where the figures come from.
"""

from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.protocol.responses import Stats
from rcq_tui.tui.palette import content
from rcq_tui.viewmodel.strip import box_words
from rcq_tui.viewmodel.text import clean


class TopStrip(Widget):
    """The box in one line."""

    stats: reactive[Stats | None] = reactive(None)

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__()
        self._ascii = ascii_only

    def render(self) -> RenderResult:
        """The line, fitted."""
        if self.stats is None:
            return Content("")
        return content(box_words(self.stats, self.size.width, ascii_only=self._ascii))


class Banner(Widget):
    """One line that says that the engine does not answer; not there while it does."""

    why: reactive[str] = reactive("")

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__()
        self._sign = "!" if ascii_only else "▲"

    def watch_why(self, why: str) -> None:
        """Show up and go away."""
        self.display = bool(why)

    def render(self) -> RenderResult:
        """What is wrong and what happens next."""
        return Content(f" {self._sign} Disconnected, trying again. {clean(self.why)}")
