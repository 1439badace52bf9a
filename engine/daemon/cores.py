"""Which CPU cores a job is kept on, where cores are pinned: its own, and near its GPUs where that is possible.

The core counts cores, this gives them names. Must not know how a process is kept on them.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.daemon.books import Books, Live

NODES = Path("/sys/devices/system/node")


class Cores:
    """Gives out the cores that this process may use. nodes: the NUMA node of each core."""

    def __init__(self, books: Books, nodes: Mapping[int, int]) -> None:
        self._books = books
        self._nodes = nodes

    def give(self, live: Live) -> tuple[int, ...]:
        """Cores of its own for an attempt, from now on; none where too few are left.

        That can be where the settings promise more cores than there are, or while a job still runs that was started
        before cores were pinned. Cores on the NUMA node of its GPUs come first, then those of the node with most left.
        """
        wanted = live.lease.key.shape.cpu_cores
        taken = {core for other in self._books.live.values() if other is not live for core in other.cores}
        free = [core for core in self._nodes if core not in taken]
        if len(free) < wanted:
            return ()
        left = Counter(self._nodes[core] for core in free)
        near = self._near(live)

        def order(core: int) -> tuple[int, int, int, int]:
            node = self._nodes[core]
            return (-near[node], -left[node], node, core)

        live.cores = tuple(sorted(sorted(free, key=order)[:wanted]))
        return live.cores

    def _near(self, live: Live) -> Counter[int]:
        """How many of its GPUs are on each node."""
        cards = (self._books.cards.get(uuid) for uuid in live.lease.gpus)
        nodes = (card.reading.numa_node for card in cards if card is not None)
        return Counter(node for node in nodes if node is not None)


def nodes_of_host(place: Path = NODES) -> dict[int, int]:
    """The NUMA node of each core that this process may use; 0 for all where the host does not tell."""
    usable = sorted(os.sched_getaffinity(0))
    nodes = dict.fromkeys(usable, 0)
    for folder in sorted(place.glob("node[0-9]*")):
        for core in listed((folder / "cpulist").read_text()):
            if core in nodes:
                nodes[core] = int(folder.name.removeprefix("node"))
    return nodes


def listed(text: str) -> Iterable[int]:
    """The numbers of a kernel list such as `0-3,8,10-11`."""
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            yield from range(int(first), int(last or first) + 1)
