"""What a schedule is judged by: waits, bounded slowdown, utilisation.

Formulas as in Feitelson's workload literature; tau = 10 s. Pure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.trace import Ran

TAU_S = 10.0
WIDE_GPUS = 4


@dataclass(slots=True, frozen=True, kw_only=True)
class Measures:
    """Seconds and ratios over all jobs of a schedule. wide: jobs of at least 4 GPUs; bsld: bounded slowdown.

    utilization: GPU time used up to the last arrival, of what the cards had (shared cards count by memory).
    """

    jobs: int
    wait_mean_s: float
    wait_median_s: float
    wait_p95_s: float
    wait_max_s: float
    wide_jobs: int
    wide_wait_mean_s: float
    wide_wait_max_s: float
    bsld_mean: float
    utilization: float
    makespan_s: float


def measure(schedule: Sequence[Ran], cards: int, card_memory_mb: int) -> Measures:
    """Judge a schedule of at least one job on `cards` equal cards."""
    waits = sorted(ran.start_s - ran.job.submit_s for ran in schedule)
    wide = [ran.start_s - ran.job.submit_s for ran in schedule if ran.job.key.shape.gpus >= WIDE_GPUS]
    last_arrival = max(ran.job.submit_s for ran in schedule)
    used = sum(
        _cards_used(ran, card_memory_mb) * max(0.0, min(ran.end_s, last_arrival) - ran.start_s) for ran in schedule
    )
    capacity = cards * last_arrival
    return Measures(
        jobs=len(schedule),
        wait_mean_s=math.fsum(waits) / len(waits),
        wait_median_s=_quantile(waits, 0.5),
        wait_p95_s=_quantile(waits, 0.95),
        wait_max_s=waits[-1],
        wide_jobs=len(wide),
        wide_wait_mean_s=math.fsum(wide) / len(wide) if wide else 0.0,
        wide_wait_max_s=max(wide, default=0.0),
        bsld_mean=math.fsum(_slowdown(ran) for ran in schedule) / len(schedule),
        utilization=used / capacity if capacity else 0.0,
        makespan_s=max(ran.end_s for ran in schedule),
    )


def _slowdown(ran: Ran) -> float:
    """Bounded slowdown: max(1, (wait + run) / max(run, tau))."""
    run_s = ran.end_s - ran.start_s
    return max(1.0, (ran.end_s - ran.job.submit_s) / max(run_s, TAU_S))


def _cards_used(ran: Ran, card_memory_mb: int) -> float:
    shape = ran.job.key.shape
    return shape.gpus * (shape.gpu_memory_mb / card_memory_mb if shape.share else 1.0)


def _quantile(ascending: Sequence[float], part: float) -> float:
    """Linear interpolation between closest ranks."""
    place = part * (len(ascending) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (place - below)
