"""What an attempt did with its cards over its life, in steps of equal length. Must not know how it is kept or drawn."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True, kw_only=True)
class SeriesPoints:
    """One figure for each step, the mean of it; `None` where nothing was read. All three are equally long.

    gpu_utilization: of its cards in the mean, 0 to 1. gpu_memory_mb: MiB that it had on all of them together, its own
    where that is known. power_w: watts of all of them together, of a shared one its part.
    """

    gpu_utilization: list[float | None]
    gpu_memory_mb: list[int | None]
    power_w: list[float | None]


@dataclass(slots=True, frozen=True, kw_only=True)
class JobSeries:
    """One attempt of a job, from `start_at` (Unix seconds) in steps of `step_s` seconds; 240 steps at most.

    Steps double as it runs on. start_at: `None` where nothing was read of it (yet); then there are no points. gpus:
    cards that it holds or held. attempts: those that can be asked for, in order.
    """

    id: int
    attempt: int
    attempts: list[int]
    gpus: int
    step_s: float
    start_at: float | None
    points: SeriesPoints
