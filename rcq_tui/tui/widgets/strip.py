"""How full the box is, in a line, and where there is room the host in a second one; the banner when the engine is gone.

Must not know where the figures come from.
"""

import time
from collections.abc import Callable

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.protocol.responses import Stats
from rcq_tui.tui.widgets.pieces import Pieces
from rcq_tui.viewmodel.history import History
from rcq_tui.viewmodel.hoststrip import host_words
from rcq_tui.viewmodel.pieces import fitted
from rcq_tui.viewmodel.strip import box_words
from rcq_tui.viewmodel.text import clean


class TopStrip(Pieces):
    """The box in as many lines as it is given. clock: Unix seconds."""

    stats: reactive[Stats | None] = reactive(None)

    def __init__(self, *, ascii_only: bool, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._ascii = ascii_only
        self._clock = clock
        self._load = History()

    def watch_stats(self, stats: Stats | None) -> None:
        """New figures; how busy the processors are is remembered for two minutes."""
        if stats is not None:
            self._load.add(self._clock(), stats.host_cpu)
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """As many words as fit."""
        event.stop()
        self._draw()

    def _draw(self) -> None:
        cells, rows = self.size
        if self.stats is None or not cells:
            self.put([])
            return
        lines = [fitted(box_words(self.stats, cells, ascii_only=self._ascii), cells)]
        if rows > 1:
            lines.append(host_words(self.stats, self._load, cells, self._clock(), ascii_only=self._ascii))
        self.put(lines)


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
