"""How the engine itself does. Must not know how that is worded."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from engine.protocol.enginefigures import EngineView, PassView
from rcq_tui.tui.adminpages.base import AdminPage
from rcq_tui.tui.palette import page
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.enginepage import engine_lines


class EnginePage(AdminPage):
    """Facts, passes, timers; they scroll."""

    TITLE: ClassVar[str] = "Engine"

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(ascii_only=ascii_only)
        self._told: tuple[EngineView, list[PassView]] | None = None
        self._words = Words(id="admin-words")
        self._scroll = VerticalScroll(self._words, can_focus=False)

    def compose(self) -> ComposeResult:
        """Title and lines."""
        yield self.title
        yield self._scroll

    async def look(self) -> None:
        """Fetch and show."""
        self._told = await self.desk.api.engine(), await self.desk.api.passes(60)
        self.draw()

    def draw(self) -> None:
        """As of the last look."""
        self.say_title()
        if self._told is not None:
            engine, passes = self._told
            cells = max(40, self.size.width - 4)
            self._words.put(page(engine_lines(engine, passes, cells, ascii_only=self.ascii_only)))

    def forbidden(self, why: str) -> None:
        """Nothing to see, and why."""
        self._told = None
        self._words.put(page([]))
        super().forbidden(why)

    def move(self, by: int) -> None:
        """Scroll."""
        self._scroll.scroll_relative(y=by, animate=False)
