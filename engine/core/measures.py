"""What a schedule is judged by: waits, bounded slowdown, utilisation, and how true estimates and promises were.

Formulas as in Feitelson's workload literature; tau = 10 s. Pure.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.core.estimate import quantile
from engine.core.model import GroupName
from engine.core.trace import Ran

TAU_S = 10.0
WIDE_GPUS = 4
LATE_S = 1.0
"""Whoever starts so much later than promised is late."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Measures:
    """Seconds and ratios over all jobs of a schedule. wide: jobs of at least 4 GPUs; bsld: bounded slowdown.

    utilization: GPU time used up to the last arrival, of what the cards had (shared cards count by memory).
    estimate_ratio: the run time that a job started with, of its real one; estimate_under: the part of the jobs that
    outran it. promised: jobs that had a promise; first and last: of the errors of the promise that they had first, and
    last before they started: how far from it they started, seconds either way; late: the part that started later
    than that. preemptions: how often a run was stopped for another. groups_jain: Jain's index of the GPU time that
    groups got by the last arrival, 1 is the same for each.
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
    estimate_ratio_mean: float
    estimate_ratio_median: float
    estimate_under: float
    promised: int
    first_promise_error_mean_s: float
    first_promise_error_median_s: float
    first_promise_error_p95_s: float
    first_promise_late: float
    last_promise_error_mean_s: float
    last_promise_error_median_s: float
    last_promise_error_p95_s: float
    last_promise_late: float
    preemptions: int
    groups_jain: float


def measure(schedule: Sequence[Ran], cards: int, card_memory_mb: int) -> Measures:
    """Judge a schedule of at least one job on `cards` equal cards."""
    waits = sorted(ran.start_s - ran.job.submit_s for ran in schedule)
    wide = [ran.start_s - ran.job.submit_s for ran in schedule if ran.job.key.shape.gpus >= WIDE_GPUS]
    last_arrival = max(ran.job.submit_s for ran in schedule)
    used: dict[GroupName, float] = defaultdict(float)
    for ran in schedule:
        seconds = max(0.0, min(ran.end_s, last_arrival) - ran.start_s)
        used[ran.job.key.owner.group] += _cards_used(ran, card_memory_mb) * seconds
    capacity = cards * last_arrival
    ratios = [ran.expected_s / max(1.0, ran.end_s - ran.start_s) for ran in schedule]
    first = _kept([(ran.first_promise_s, ran.start_s) for ran in schedule])
    last = _kept([(ran.last_promise_s, ran.start_s) for ran in schedule])
    return Measures(
        jobs=len(schedule),
        wait_mean_s=math.fsum(waits) / len(waits),
        wait_median_s=quantile(waits, 0.5),
        wait_p95_s=quantile(waits, 0.95),
        wait_max_s=waits[-1],
        wide_jobs=len(wide),
        wide_wait_mean_s=math.fsum(wide) / len(wide) if wide else 0.0,
        wide_wait_max_s=max(wide, default=0.0),
        bsld_mean=math.fsum(_slowdown(ran) for ran in schedule) / len(schedule),
        utilization=math.fsum(used.values()) / capacity if capacity else 0.0,
        makespan_s=max(ran.end_s for ran in schedule),
        estimate_ratio_mean=math.fsum(ratios) / len(ratios),
        estimate_ratio_median=quantile(ratios, 0.5),
        estimate_under=sum(ratio < 1.0 for ratio in ratios) / len(ratios),
        promised=first.jobs,
        first_promise_error_mean_s=first.mean_s,
        first_promise_error_median_s=first.median_s,
        first_promise_error_p95_s=first.p95_s,
        first_promise_late=first.late,
        last_promise_error_mean_s=last.mean_s,
        last_promise_error_median_s=last.median_s,
        last_promise_error_p95_s=last.p95_s,
        last_promise_late=last.late,
        preemptions=sum(ran.attempts - 1 for ran in schedule),
        groups_jain=_jain(list(used.values())),
    )


class Kept(NamedTuple):
    """How promises were kept: of so many jobs, errors in seconds either way, and the part that was late."""

    jobs: int
    mean_s: float
    median_s: float
    p95_s: float
    late: float


def _kept(promises: Sequence[tuple[float | None, float]]) -> Kept:
    """Of pairs of promised and real starts; all is 0 where nothing was promised."""
    late_s = [start_s - promised_s for promised_s, start_s in promises if promised_s is not None]
    if not late_s:
        return Kept(0, 0.0, 0.0, 0.0, 0.0)
    off_s = [abs(by) for by in late_s]
    late = sum(by > LATE_S for by in late_s) / len(late_s)
    return Kept(len(off_s), math.fsum(off_s) / len(off_s), quantile(off_s, 0.5), quantile(off_s, 0.95), late)


def _jain(parts: Sequence[float]) -> float:
    """Jain's fairness index, 1 / parts to 1; 1 where nobody got anything."""
    squares = math.fsum(part * part for part in parts)
    return math.fsum(parts) ** 2 / (len(parts) * squares) if squares else 1.0


def _slowdown(ran: Ran) -> float:
    """Bounded slowdown: max(1, (wait + run) / max(run, tau))."""
    run_s = ran.end_s - ran.start_s
    return max(1.0, (ran.end_s - ran.job.submit_s) / max(run_s, TAU_S))


def _cards_used(ran: Ran, card_memory_mb: int) -> float:
    shape = ran.job.key.shape
    return shape.gpus * (shape.gpu_memory_mb / card_memory_mb if shape.share else 1.0)
