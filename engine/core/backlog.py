"""How much work the box has before it: the measure of whether a long wait is the queue's length or somebody's bad luck.

Pure. This module must not know order or promises.
"""

from collections.abc import Sequence

from engine.core.estimate import foreseen_end
from engine.core.model import Shape
from engine.core.snapshot import Snapshot


def backlog_s(snapshot: Snapshot, runs_s: Sequence[float] | None = None) -> float:
    """Seconds that the whole box needs for all that runs and waits, by expected run times and perfectly packed.

    runs_s: the expected run of a job of each pending group, where that is at hand.
    """
    if runs_s is None:
        runs_s = [snapshot.run_s(group.key) for group in snapshot.pending]
    sizes = [gpu.memory_mb for gpu in snapshot.gpus]
    largest = max(sizes, default=0)
    waiting = sum(
        len(group.jobs) * run_s * part_of_box(group.key.shape, snapshot, largest)
        for group, run_s in zip(snapshot.pending, runs_s, strict=True)
    )
    running = sum(
        (foreseen_end(lease, snapshot.now) - snapshot.now) * part_of_box(lease.key.shape, snapshot, largest)
        for lease in snapshot.here
    )
    return snapshot.left_out_s + waiting + running


def part_of_box(shape: Shape, snapshot: Snapshot, largest_mb: int) -> float:
    """The part of the box that a job of `shape` takes, 0 to 1: of what it takes most of. largest_mb: of all cards."""
    cards = float(shape.gpus)
    if shape.share and largest_mb:
        cards *= min(1.0, shape.gpu_memory_mb / largest_mb)
    return max(
        cards / len(snapshot.gpus) if snapshot.gpus else 0.0,
        shape.cpu_cores / snapshot.host.cpu_cores if snapshot.host.cpu_cores else 0.0,
        shape.memory_mb / snapshot.host.memory_mb if snapshot.host.memory_mb else 0.0,
    )
