"""A place with the two lines that every place has on top: where one is, and that the engine is gone when it is.

Must not know what is at the place.
"""

from textual.app import ComposeResult

from engine.protocol.people import Me
from engine.protocol.responses import Stats
from rcq_tui.tui.screens.base import PlaceScreen
from rcq_tui.tui.widgets.foot import Foot
from rcq_tui.tui.widgets.placebar import PlaceBar
from rcq_tui.tui.widgets.strip import Banner


class HeadedScreen(PlaceScreen):
    """A subclass composes its `body`; the foot follows."""

    def compose(self) -> ComposeResult:
        """Head, body, foot."""
        yield PlaceBar()
        yield Banner(ascii_only=self.desk.ascii_only)
        yield from self.body()
        yield Foot()

    def body(self) -> ComposeResult:
        """What is at the place."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Textual calls this besides the subclass's own."""
        self.query_one(PlaceBar).place = self.PLACE
        self.watch(self.desk, "me", self._show_me)
        self.watch(self.desk, "stats", self._show_stats)
        self.watch(self.desk, "lost", self._show_link)
        self.set_interval(1.0, self._tick_head)

    def _show_me(self, me: Me | None) -> None:
        self.query_one(PlaceBar).me = me

    def _show_stats(self, stats: Stats | None) -> None:
        bar = self.query_one(PlaceBar)
        bar.now, bar.stats = self.desk.clock(), stats

    def _show_link(self, lost: str) -> None:
        self.query_one(Banner).why = lost
        self.set_class(bool(lost), "-stale")

    def _tick_head(self) -> None:
        self.query_one(PlaceBar).now = self.desk.clock()
