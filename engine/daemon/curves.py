"""A schedule as curves: how busy the cards were over time, and how many jobs waited how long.

Must not know how a curve is drawn.
"""

import math
from collections.abc import Sequence

from engine.core.trace import Ran
from engine.daemon.trace import CARD_MEMORY_MB

Curve = list[tuple[float, float]]
"""Points, left to right."""

PARTS = 160
"""So many equal spans of time are averaged over."""


def busy_over_time(schedule: Sequence[Ran], cards: int, until_s: float) -> Curve:
    """Part of the cards' time that was leased (0 to 1), averaged over each of `PARTS` spans up to `until_s`.

    It ends with the last job. A shared card counts by its memory. Each point stands in the middle of its span.
    """
    span = until_s / PARTS
    used = [0.0] * PARTS
    for ran in schedule:
        shape = ran.job.key.shape
        weight = shape.gpus * (shape.gpu_memory_mb / CARD_MEMORY_MB if shape.share else 1.0)
        first = min(PARTS - 1, int(ran.start_s / span))
        last = min(PARTS - 1, int(ran.end_s / span))
        for part in range(first, last + 1):
            within_s = min(ran.end_s, (part + 1) * span) - max(ran.start_s, part * span)
            used[part] += weight * max(0.0, within_s)
    ends = min(PARTS, int(max(ran.end_s for ran in schedule) / span) + 1)
    return [((part + 0.5) * span, busy / (span * cards)) for part, busy in enumerate(used[:ends])]


def waited_at_most(schedule: Sequence[Ran], points: int = 240) -> Curve:
    """Seconds of waiting, and the part of all jobs (0 to 1) that waited no longer: from the shortest to the longest."""
    waits = sorted(ran.start_s - ran.job.submit_s for ran in schedule)
    picked = sorted({math.ceil((at + 1) * len(waits) / points) - 1 for at in range(points)})
    return [(waits[at], (at + 1) / len(waits)) for at in picked]
