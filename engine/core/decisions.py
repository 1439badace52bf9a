"""What a pass decided: frozen values with numbers, no words.

Pure. Words for people are made at the edge, from these fields.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.model import GpuUuid, GroupKey, JobId, Waiting
from engine.core.reasons import Reason
from engine.core.snapshot import Claim, Lease


@dataclass(slots=True, frozen=True, kw_only=True)
class Start:
    """Start this job now with this lease.

    later: where it is handed over to wait in a cluster's own queue, when it is expected to find room (Unix seconds).
    """

    lease: Lease
    submitted_at: float
    score: float
    later: float | None = None

    @property
    def runs_at(self) -> float:
        """When it is expected to run: now, or once it has waited in the cluster's queue."""
        return self.lease.started_at if self.later is None else self.later


@dataclass(slots=True, frozen=True, kw_only=True)
class Reserve:
    """This job cannot start now; these GPUs are kept for it from `start_at` until `end_at` (Unix seconds)."""

    job: JobId
    key: GroupKey
    gpus: tuple[GpuUuid, ...]
    start_at: float
    end_at: float
    score: float
    reasons: tuple[Reason, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class Hold:
    """These equal jobs of one owner stay pending, all for the same reasons.

    jobs: the queue they stand in; the first `skip` of it have an outcome of their own (started or reserved).
    score: that of the first job held.
    """

    key: GroupKey
    jobs: Sequence[Waiting]
    skip: int
    score: float
    reasons: tuple[Reason, ...]

    @property
    def count(self) -> int:
        """How many jobs this outcome covers."""
        return len(self.jobs) - self.skip


@dataclass(slots=True, frozen=True, kw_only=True)
class Preempt:
    """Stop this lease and requeue its job, so that `by` can start on the cards that the claim names.

    rule: `reclaim` (its group borrowed what another group is guaranteed) or `priority`. lost_gpu_s: GPU-seconds of work
    that are lost by it at most.
    """

    victim: Lease
    by: Claim
    rule: str
    lost_gpu_s: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Plan:
    """One pass's outcome. Every pending job is covered by exactly one start, reservation or hold.

    preemptions: leases to stop now; the job they are stopped for has a reservation. hot: the cards that count as too
    hot from now on (the memory of the hysteresis).
    """

    now: float
    starts: tuple[Start, ...]
    reservations: tuple[Reserve, ...]
    holds: tuple[Hold, ...]
    hot: frozenset[GpuUuid]
    preemptions: tuple[Preempt, ...] = ()
