"""What happens to machines of a cluster, and wishes about them. Must not know screens."""

from dataclasses import dataclass

from textual.message import Message

from engine.protocol.cluster import NodeView
from rcq_tui.tui.messages import Wish


@dataclass
class NodesRead(Message):
    """The machines were read."""

    nodes: list[NodeView]


class ShowNodes(Wish):
    """Show everything about the machines; the one that is said comes first into sight."""


class NodeChosen(Message):
    """A machine was clicked."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
