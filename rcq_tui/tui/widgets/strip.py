"""The two lines at the top: who is logged in, how the engine is, how full the box is; and the banner when it is gone.

Must not know where the figures come from.
"""

from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.protocol.people import Me
from engine.protocol.responses import Stats
from rcq_tui.tui.palette import STYLES, content
from rcq_tui.viewmodel.strip import account_words, box_words, engine_words
from rcq_tui.viewmodel.text import clean, width


class TopStrip(Widget):
    """Account and engine on the first line, the box on the second. now: Unix seconds."""

    me: reactive[Me | None] = reactive(None)
    stats: reactive[Stats | None] = reactive(None)
    now: reactive[float] = reactive(0.0)

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__()
        self._ascii = ascii_only

    def render(self) -> RenderResult:
        """Both lines, fitted."""
        return Content("\n").join([self._first(), self._second()])

    def _first(self) -> Content:
        who = account_words(self.me)
        left = Content.assemble((" rcq ", "bold $background on $primary"), "  ") + content(who)
        if self.stats is None:
            return left
        text, role = engine_words(self.stats, self.now)
        gap = self.size.width - left.cell_length - width(text)
        return left + Content(" " * max(2, gap)) + Content.styled(text, STYLES[role])

    def _second(self) -> Content:
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
