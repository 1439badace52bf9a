"""The first screen: the box, its GPUs, and the queue.

Must not know how the state arrives; it watches the application's. Wishes about jobs go up as messages.
"""

from textual import events
from textual.app import ComposeResult

from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.people import Me
from engine.protocol.responses import Stats
from rcq_tui.tui.commands import place_bindings
from rcq_tui.tui.queuescreen import QueueScreen
from rcq_tui.tui.widgets.foot import Foot
from rcq_tui.tui.widgets.gpu_panel import GpuPanel
from rcq_tui.tui.widgets.placebar import PlaceBar
from rcq_tui.tui.widgets.queue_table import QueueTable
from rcq_tui.tui.widgets.strip import Banner, TopStrip


class DashboardScreen(QueueScreen):
    """The box at a glance."""

    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012 - Textual declares it without ClassVar
    """From so many lines on the host has one of its own."""

    BINDINGS = place_bindings(
        "open", "submit", "cancel", "hold", "filter", "mine", "finished", "line", "help", "quit", "copy",
        "requeue", "edit", "redo", "clone", "mark", "mark-all", "sort", "reverse", "fold", "columns",
        "down", "up", "right", "top", "bottom", "page-down", "page-up", "clear",
    )  # fmt: skip
    KEYLESS = ("release",)

    def __init__(self) -> None:
        super().__init__()
        self._place = "dashboard"

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        ascii_only = self.desk.ascii_only
        yield PlaceBar()
        yield TopStrip(ascii_only=ascii_only, clock=self.desk.clock)
        yield Banner(ascii_only=ascii_only)
        yield GpuPanel(ascii_only=ascii_only)
        yield from self.queue()
        yield Foot()

    def on_mount(self) -> None:
        """Watch the state; the clock drives ages and waits."""
        self.watch_queue()
        self.show_place(self._place)
        desk = self.desk
        self.watch(desk, "me", self._show_me)
        self.watch(desk, "stats", self._show_stats)
        self.watch(desk, "gpus", self._show_gpus)
        self.watch(desk, "nodes", self._show_nodes)
        self.watch(desk, "lost", self._show_link)
        self.set_interval(1.0, self._tick)

    @property
    def place(self) -> str:
        """The queue alone is a place of its own."""
        return self._place

    def show_place(self, name: str) -> None:
        """Cards and queue, or the queue alone."""
        self._place = name
        if self.query(PlaceBar):
            self.query_one(PlaceBar).place = name
            self.query_one(GpuPanel).display = name == "dashboard"

    def on_resize(self, event: events.Resize) -> None:
        """Cards where there is room, lines where there is not."""
        self.query_one(GpuPanel).fit_into(event.size.width, event.size.height)

    # ------------------------------------------------------------ state comes down

    def _show_me(self, me: Me | None) -> None:
        self.query_one(PlaceBar).me = me
        self.query_one(QueueTable).account = me.account if me else None

    def _show_stats(self, stats: Stats | None) -> None:
        bar = self.query_one(PlaceBar)
        bar.now, bar.stats = self.desk.clock(), stats
        self.query_one(TopStrip).stats = stats
        self.show_title()

    def _show_gpus(self, gpus: list[GpuView]) -> None:
        self.query_one(GpuPanel).show(gpus, self.desk.histories, self.desk.clock())

    def _show_nodes(self, nodes: list[NodeView]) -> None:
        self.query_one(GpuPanel).show_nodes(nodes)

    def _show_link(self, lost: str) -> None:
        self.query_one(Banner).why = lost
        self.set_class(bool(lost), "-stale")

    def _tick(self) -> None:
        now = self.desk.clock()
        self.query_one(PlaceBar).now = now
        self.query_one(QueueTable).tick(now)
