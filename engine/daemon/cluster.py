"""What a cluster offers to jobs, by the last reading of its machines.

Must not know how they are read, nor what is planned on them.
"""

from collections.abc import Iterable

from engine.core.snapshot import Host, NodeRoom
from engine.readings import NodeReading


def cluster_host(nodes: Iterable[NodeReading], read_since: float = 0.0) -> Host:
    """Cores and memory of all machines together, less what others' jobs hold; and each machine's own room.

    A machine that takes no jobs now, or was last read before `read_since` (Unix seconds), gives no more than rcq's jobs
    hold of it. Each one's own room is what it has on an idle day, whatever it takes now: a job that waits for it may.
    """
    machines = tuple(nodes)
    open_ = [node.closed is None and node.read_at >= read_since for node in machines]
    cores = [_cores(node, is_open) for node, is_open in zip(machines, open_, strict=True)]
    memory_mb = [_memory_mb(node, is_open) for node, is_open in zip(machines, open_, strict=True)]
    rooms = tuple(_room(node, is_open) for node, is_open in zip(machines, open_, strict=True))
    return Host(cpu_cores=sum(cores), memory_mb=sum(memory_mb), nodes=rooms)


def _room(node: NodeReading, is_open: bool) -> NodeRoom:
    return NodeRoom(name=node.name, cpu_cores=node.cpu_cores, memory_mb=node.memory_mb, open=is_open)


def _cores(node: NodeReading, is_open: bool) -> int:
    most = node.cpu_cores if is_open else node.cpu_cores_allocated
    return max(0, most - node.strangers_cores)


def _memory_mb(node: NodeReading, is_open: bool) -> int:
    most = node.memory_mb if is_open else node.memory_allocated_mb
    return max(0, most - node.strangers_memory_mb)
