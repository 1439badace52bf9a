"""The machines of a cluster under a heading: a line each, or several in one where there are many.

Must not know where readings come from.
"""

from collections.abc import Sequence
from typing import NamedTuple

from textual import events

from engine.protocol.cluster import NodeView
from rcq_tui.tui.nodemessages import NodeChosen
from rcq_tui.tui.widgets.pieces import Pieces
from rcq_tui.viewmodel import noderows


class NodeShape(NamedTuple):
    """How they stand: so many in a line, so many lines of them."""

    across: int
    down: int


class NodeRows(Pieces):
    """Read downwards, as cards are."""

    def __init__(self, *, id: str, ascii_only: bool) -> None:
        super().__init__(id=id)
        self._ascii = ascii_only
        self._machines: Sequence[NodeView] = ()
        self._shape = NodeShape(1, 0)
        self._cells = 78

    def show(self, nodes: Sequence[NodeView], cells: int, rows: int) -> int:
        """These machines in lines of so many cells, in `rows` lines if that can be; the lines it takes."""
        self._machines, self._cells = nodes, cells
        self._shape = shaped(len(nodes), cells, rows)
        across, down = self._shape
        each = cells // across
        heading = [piece for _ in range(min(across, len(nodes))) for piece in noderows.row_titles(each)]
        shown = [noderows.row(node, each, ascii_only=self._ascii) for node in nodes]
        lines = [[piece for one in shown[at::down] for piece in one] for at in range(down)]
        self.put([noderows.summary(nodes, cells), heading, *lines])
        return down + 2

    def on_click(self, event: events.Click) -> None:
        """Everything about the machine of the line."""
        event.stop()
        across, down = self._shape
        at = event.y - 2 + down * min(across - 1, max(0, event.x - 1) // (self._cells // across))
        if 2 <= event.y < down + 2 and at < len(self._machines):
            self.post_message(NodeChosen(self._machines[at].name))


def shaped(count: int, cells: int, rows: int) -> NodeShape:
    """As few in a line as fit into so many lines, two of heading among them; else as many as there is room for."""
    room = max(1, rows - 2)
    most = max(1, cells // noderows.TINY_CELLS)
    across = next((n for n in range(1, most + 1) if -(-count // n) <= room), most)
    return NodeShape(across, -(-count // across))
