"""Cores, memory and cards in figures: how much there is where jobs are planned, and what jobs hold of it.

Must not know who is told.
"""

from engine.core.model import GpuUuid
from engine.core.snapshot import CLUSTER, Host
from engine.daemon.books import Books
from engine.daemon.live import Live


def room_of(books: Books) -> tuple[Host, Host]:
    """All that there is and all that is held: of this host, or of the cluster where everything is planned there.

    A machine of the cluster counts in full, as its cards do, whoever has it and whether or not it takes jobs now.
    Who waits in the cluster's queue holds nothing of it yet.
    """
    alone = books.capacity is not None and books.capacity.alone
    place = CLUSTER if alone else ""
    room = _whole(books.capacity.host()) if books.capacity is not None and alone else books.host
    there = [live for live in books.live.values() if live.lease.place == place and not live.waits]
    shapes = [live.lease.key.shape for live in there]
    held = Host(cpu_cores=sum(shape.cpu_cores for shape in shapes), memory_mb=sum(shape.memory_mb for shape in shapes))
    return room, held


def cards_of(books: Books) -> set[GpuUuid]:
    """The cards that belong to that room."""
    alone = books.capacity is not None and books.capacity.alone
    return {card.reading.uuid for card in books.cards.all() if (card.reading.node is not None) is alone}


def _whole(cluster: Host) -> Host:
    return Host(
        cpu_cores=sum(node.cpu_cores for node in cluster.nodes), memory_mb=sum(node.memory_mb for node in cluster.nodes)
    )


def on_cards(books: Books) -> dict[GpuUuid, list[Live]]:
    """Who is on each card, by job id. Who waits in a cluster's queue is on none yet, whatever the plan had in mind."""
    there = {uuid: [live for live in some if not live.waits] for uuid, some in books.users().items()}
    return {uuid: some for uuid, some in there.items() if some}
