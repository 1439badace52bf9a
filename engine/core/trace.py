"""What a simulation takes and yields: jobs of a trace, the box, how each ran.

Pure values. This module must not know how a schedule comes about, nor file formats.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from engine.core.model import GpuUuid, GroupKey, GroupName, JobId
from engine.core.snapshot import Gpu, GroupTerms, Host, Lease, Quotas


@dataclass(slots=True, frozen=True, kw_only=True)
class TraceJob:
    """A job of a trace: when it came (seconds), how long it really ran (seconds), and what it asked for."""

    job: JobId
    key: GroupKey
    submit_s: float
    runtime_s: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Ran:
    """A job's place in the schedule, seconds; of a job that was stopped and began again, its last attempt.

    expected_s: the run time that it started with. first_promise_s, last_promise_s: the starts that it was promised
    first and last, if ever. attempts: how often it was started.
    """

    job: TraceJob
    start_s: float
    end_s: float
    gpus: tuple[GpuUuid, ...]
    expected_s: float = 0.0
    first_promise_s: float | None = None
    last_promise_s: float | None = None
    attempts: int = 1


@dataclass(slots=True, frozen=True, kw_only=True)
class Box:
    """The machine that is simulated."""

    gpus: tuple[Gpu, ...]
    host: Host
    groups: dict[GroupName, GroupTerms]
    quotas: Quotas = field(default_factory=Quotas)


@dataclass(slots=True, frozen=True, kw_only=True)
class Warm:
    """A card at an instant: degrees Celsius; from then on its power in watts and its speed (1: full speed)."""

    temperature_c: float
    throttled: bool
    power_w: float
    speed: float


Heat = Callable[[float, Sequence[Lease], Container[GpuUuid]], tuple[Warm, ...]]
"""The cards of the box, in its order, at an instant (seconds) that never goes back.

From then on they carry these leases, and the named ones have `Thermal.power_cap_share` of their power limit.
"""


class Estimates(StrEnum):
    """What the planner is told of run times: what history says, limits, the truth, or the group's last two's mean."""

    HISTORY = "history"
    LIMIT = "limit"
    ACTUAL = "actual"
    LAST2 = "last2"
