"""A trace on virtual time, decided by the engine's own `plan()`.

Pure: jobs in, schedule out; it takes no longer than its passes do. This module must not know file formats.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from engine.core.baselines import Planner
from engine.core.decisions import Plan
from engine.core.fairshare import charge, decayed
from engine.core.model import GpuUuid, GroupKey, GroupName, JobId, PendingGroup, Waiting
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import Gpu, GroupTerms, Host, Lease, Quotas, Snapshot


@dataclass(slots=True, frozen=True, kw_only=True)
class TraceJob:
    """A job of a trace: when it came (seconds), how long it really ran (seconds), and what it asked for."""

    job: JobId
    key: GroupKey
    submit_s: float
    runtime_s: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Ran:
    """A job's place in the schedule, seconds."""

    job: TraceJob
    start_s: float
    end_s: float
    gpus: tuple[GpuUuid, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class Box:
    """The machine that is simulated."""

    gpus: tuple[Gpu, ...]
    host: Host
    groups: dict[GroupName, GroupTerms]
    quotas: Quotas = field(default_factory=Quotas)


Heat = Callable[[float, Sequence[Lease]], tuple[Gpu, ...]]
"""The cards as they are read at an instant (seconds), which from then on carry these leases; instants never go back."""
COOLING_PASS_S = 5.0
"""While jobs wait and a card is too hot, a pass at least this often."""


class Estimates(StrEnum):
    """What the planner is told of a job's run time: its limit, the truth, or its group's last two in the mean."""

    LIMIT = "limit"
    ACTUAL = "actual"
    LAST2 = "last2"


def apply(snapshot: Snapshot, decided: Plan, policy: Policy) -> Snapshot:
    """The snapshot as it is right after the plan's starts: leases taken, owners charged, queues shorter."""
    sizes = {gpu.uuid: gpu.memory_mb for gpu in snapshot.gpus}
    usage = dict(snapshot.usage_gpu_s)
    for start in decided.starts:
        group = start.lease.key.owner.group
        usage[group] = usage.get(group, 0.0) + charge(start.lease, start.lease.expected_end, sizes, policy.core_weight)
    started = {start.lease.job for start in decided.starts}
    waiting = (
        PendingGroup(group.key, tuple(entry for entry in group.jobs if entry.job not in started))
        for group in snapshot.pending
    )
    return replace(
        snapshot,
        leases=(*snapshot.leases, *(start.lease for start in decided.starts)),
        pending=tuple(group for group in waiting if group.jobs),
        usage_gpu_s=usage,
        hot=decided.hot,
    )


@dataclass(slots=True)
class _World:
    """What the simulation remembers between passes."""

    box: Box
    policy: Policy
    heat: Heat | None
    pending: dict[GroupKey, list[Waiting]] = field(default_factory=dict)
    running: dict[JobId, Lease] = field(default_factory=dict)
    usage: dict[GroupName, float] = field(default_factory=lambda: defaultdict(float))
    usage_at: float = 0.0
    hot: frozenset[GpuUuid] = frozenset()
    told: dict[GroupKey, float] = field(default_factory=dict)
    last_run_s: dict[GroupName, list[float]] = field(default_factory=dict)

    def snapshot(self, now: float) -> Snapshot:
        faded = decayed(1.0, now - self.usage_at, self.policy.half_life_s)
        for group in self.usage:
            self.usage[group] *= faded
        self.usage_at = now
        return Snapshot(
            now=now,
            host=self.box.host,
            gpus=self.read(now),
            leases=tuple(self.running.values()),
            pending=tuple(PendingGroup(key, jobs) for key, jobs in self.pending.items()),
            groups=self.box.groups,
            quotas=self.box.quotas,
            usage_gpu_s=self.usage,
            estimates=self._estimates(),
            hot=self.hot,
        )

    def read(self, now: float) -> tuple[Gpu, ...]:
        """The cards as they are now, and from now on under today's leases."""
        return self.heat(now, tuple(self.running.values())) if self.heat else self.box.gpus

    def ran(self, job: TraceJob) -> None:
        """Remember how long a job really ran."""
        runs = self.last_run_s.setdefault(job.key.owner.group, [])
        runs.append(job.runtime_s)
        del runs[:-2]

    def _estimates(self) -> dict[GroupKey, float]:
        if self.told:
            return self.told
        means = {group: sum(runs) / len(runs) for group, runs in self.last_run_s.items()}
        known = ((key, means[key.owner.group]) for key in self.pending if key.owner.group in means)
        return {key: min(run_s, float(key.shape.time_limit_s)) for key, run_s in known}


def simulate(
    trace: Sequence[TraceJob],
    box: Box,
    policy: Policy,
    *,
    planner: Planner = plan,
    estimates: Estimates = Estimates.LIMIT,
    heat: Heat | None = None,
) -> Iterator[Ran]:
    """Run the trace to its end and yield each job as it ends.

    A pass runs at every arrival and every end. Jobs are planned by what `estimates` tells and end after their real run
    time. heat: how warm the cards get; without it they stay as the box has them. A job that may never start is never
    yielded.
    """
    world = _World(box, policy, heat)
    if estimates is Estimates.ACTUAL:
        trace = [replace(job, key=replace(job.key, kind=job.job)) for job in trace]
        world.told = {job.key: job.runtime_s for job in trace}
    sizes = {gpu.uuid: gpu.memory_mb for gpu in box.gpus}
    arrivals = sorted(trace, key=lambda job: (job.submit_s, job.job))
    jobs = {job.job: job for job in trace}
    ends: list[tuple[float, JobId]] = []
    at = 0
    cooler = float("inf")
    while at < len(arrivals) or ends or cooler < float("inf"):
        arrival = arrivals[at].submit_s if at < len(arrivals) else float("inf")
        now = min(arrival, ends[0][0] if ends else float("inf"), cooler)
        # 1. who has ended gives back its lease, and what it was charged too much
        while ends and ends[0][0] <= now:
            _, ended = heapq.heappop(ends)
            lease = world.running.pop(ended)
            refund = charge(lease, lease.expected_end, sizes, policy.core_weight) - charge(
                lease, now, sizes, policy.core_weight
            )
            group = lease.key.owner.group
            age_s = now - lease.started_at
            world.usage[group] = max(0.0, world.usage[group] - decayed(refund, age_s, policy.half_life_s))
            if estimates is Estimates.LAST2:
                world.ran(jobs[ended])
            yield Ran(job=jobs[ended], start_s=lease.started_at, end_s=now, gpus=lease.gpus)
        # 2. who has arrived waits
        while at < len(arrivals) and arrivals[at].submit_s <= now:
            job = arrivals[at]
            world.pending.setdefault(job.key, []).append(Waiting(job.submit_s, job.job))
            at += 1
        # 3. one pass
        decided = planner(world.snapshot(now), policy)
        world.hot = decided.hot
        for start in decided.starts:
            lease = start.lease
            queue = world.pending[lease.key]
            queue.remove(Waiting(start.submitted_at, lease.job))
            if not queue:
                del world.pending[lease.key]
            world.running[lease.job] = lease
            world.usage[lease.key.owner.group] += charge(lease, lease.expected_end, sizes, policy.core_weight)
            heapq.heappush(ends, (now + jobs[lease.job].runtime_s, lease.job))
        if heat is not None:
            world.read(now)
            cooler = now + COOLING_PASS_S if world.hot and world.pending else float("inf")
