"""Whether a job could find room at all once some leases were gone, by counting alone: a "no" needs no plan.

Pure. Must not know time, promises, heat or caps: those only ever take room away.
"""

from collections import Counter
from collections.abc import Sequence

from engine.core.model import GpuUuid, Shape
from engine.core.placement.fits import matches
from engine.core.snapshot import Lease, Snapshot


class Reach:
    """For jobs of `shape`. leases: all that there are; who waits in the place's own queue holds no room yet."""

    def __init__(self, shape: Shape, snapshot: Snapshot, leases: Sequence[Lease]) -> None:
        mine = [lease for lease in leases if lease.place == snapshot.place and not lease.waits]
        self._shape = shape
        self._machine = {gpu.uuid: gpu.node for gpu in snapshot.gpus if matches(gpu, shape)}
        self._holders: Counter[GpuUuid] = Counter(uuid for lease in mine for uuid in lease.gpus)
        self._free = Counter(node for uuid, node in self._machine.items() if uuid not in self._holders)
        self._most = max(self._free.values(), default=0)
        self._cores = snapshot.host.cpu_cores - sum(lease.key.shape.cpu_cores for lease in mine)
        self._memory_mb = snapshot.host.memory_mb - sum(lease.key.shape.memory_mb for lease in mine)

    def holds(self, gone: Sequence[Lease]) -> bool:
        """Whether there may be room without these leases; false where there surely is none."""
        shape = self._shape
        if self._cores + sum(lease.key.shape.cpu_cores for lease in gone) < shape.cpu_cores:
            return False
        if self._memory_mb + sum(lease.key.shape.memory_mb for lease in gone) < shape.memory_mb:
            return False
        return shape.share or self._most >= shape.gpus or self._freed(gone) >= shape.gpus

    def _freed(self, gone: Sequence[Lease]) -> int:
        """The most cards that one machine would have free."""
        left = Counter(uuid for lease in gone if not lease.waits for uuid in lease.gpus if uuid in self._machine)
        freed = Counter(self._machine[uuid] for uuid, count in left.items() if count == self._holders[uuid])
        return max((self._free[node] + count for node, count in freed.items()), default=self._most)
