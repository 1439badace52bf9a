"""The machines of the cluster, a few lines each, as of now.

Must not know the queue. It watches the application's readings.
"""

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from engine.protocol.cluster import NodeView
from rcq_tui.tui import messages
from rcq_tui.tui.commands import place_bindings
from rcq_tui.tui.palette import content
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.screens.scrolled import Scrolled
from rcq_tui.tui.widgets.foot import Foot
from rcq_tui.tui.widgets.pieces import Pieces
from rcq_tui.tui.widgets.strip import Banner
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel import noderows
from rcq_tui.viewmodel.nodepage import page


class NodesScreen(Scrolled, CommandScreen[None]):
    """first: the machine that is in sight when it opens."""

    BINDINGS = place_bindings(
        "back", "line", "help", "quit", "down", "up", "top", "bottom", "page-down", "page-up",
    )  # fmt: skip

    def __init__(self, first: str = "") -> None:
        super().__init__()
        self._first = first

    def compose(self) -> ComposeResult:
        """All of them in a line, then each."""
        yield Words(id="nodes-title")
        yield Banner(ascii_only=self.desk.ascii_only)
        with VerticalScroll(id="nodes-page"):
            yield Pieces(id="nodes-lines")
        yield Foot()

    def on_mount(self) -> None:
        """Keys scroll at once."""
        self.query_one(VerticalScroll).focus()
        self.watch(self.desk, "nodes", self._show_nodes)
        self.watch(self.desk, "lost", self._show_link)
        self.call_after_refresh(self._go_to_first)

    def on_resize(self, event: events.Resize) -> None:
        """Fit the lines."""
        self._show_nodes(self.desk.nodes)

    def _show_nodes(self, nodes: list[NodeView]) -> None:
        if not nodes:
            return  # between two readings after a log-in: what was known stays
        desk, cells = self.desk, max(20, self.size.width - 4)
        self.query_one("#nodes-title", Words).put(content(noderows.summary(nodes, cells)))
        shown, _ = page(nodes, desk.clock(), cells, ascii_only=desk.ascii_only)
        self.query_one("#nodes-lines", Pieces).put(shown)

    def _go_to_first(self) -> None:
        _, begins = page(self.desk.nodes, self.desk.clock(), max(20, self.size.width - 4))
        self.query_one(VerticalScroll).scroll_to(y=begins.get(self._first, 0), animate=False)

    def _show_link(self, lost: str) -> None:
        self.query_one(Banner).why = lost
        self.set_class(bool(lost), "-stale")

    # ------------------------------------------------------------ wishes

    def on_go_back(self, message: messages.GoBack) -> None:
        """To where one came from."""
        message.stop()
        self.dismiss()
