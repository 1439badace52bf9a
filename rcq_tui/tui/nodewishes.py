"""The side of the application that knows the machines of a cluster. Must not know how one is shown."""

from textual.app import App
from textual.reactive import var

from engine.protocol.cluster import NodeView
from rcq_tui.tui import nodemessages
from rcq_tui.tui.screens.nodes import NodesScreen
from rcq_tui.viewmodel.text import clean


class NodeWishes(App[int]):
    """An application that shows machines."""

    nodes: var[list[NodeView]] = var(list, always_update=True)

    def on_nodes_read(self, message: nodemessages.NodesRead) -> None:
        """As they are now."""
        self.nodes = message.nodes

    def on_node_chosen(self, message: nodemessages.NodeChosen) -> None:
        """One was clicked."""
        self.open_nodes(message.name)

    def on_show_nodes(self, message: nodemessages.ShowNodes) -> None:
        """All of them, or one that was named."""
        names = [node.name for node in self.nodes]
        if not names:
            self.notify("There is no cluster here: no machines but this host.", markup=False)
        elif message.said and message.said not in names:
            self.notify(f"There is no node {clean(message.said)}.", markup=False)
        else:
            self.open_nodes(message.said)

    def open_nodes(self, name: str = "") -> None:
        """Everything about the machines, this one in sight."""
        while isinstance(self.screen, NodesScreen):
            self.pop_screen()
        self.push_screen(NodesScreen(name))
