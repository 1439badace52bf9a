"""The plan run forward: when each pending job starts if every run ends as expected and nobody submits anything more.

A forecast is no promise: a better job may come, a run may take longer. Its cost is bounded by passes and by how many
groups each of them looks at; of a time that it did not reach it says nothing. Pure.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from engine.core.backfill import COOLING_S, SETTLING_S
from engine.core.backlog import part_of_box
from engine.core.decisions import Plan
from engine.core.estimate import foreseen_end
from engine.core.fairshare import decayed
from engine.core.model import GpuUuid, GroupKey, JobId, PendingGroup, Waiting
from engine.core.overflow import cluster_of
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.simulate import apply
from engine.core.snapshot import Claim, Lease, Month, Snapshot
from engine.core.taken import queue_of

LOOKS = 60_000
"""So many groups are looked at in one forecast, over all of its passes."""
LEAST_PASSES = 10


@dataclass(slots=True, frozen=True, kw_only=True)
class Bounds:
    """How far a forecast goes: seconds ahead, and passes."""

    horizon_s: float = 72 * 3600.0
    passes: int = 300


@dataclass(slots=True, frozen=True, kw_only=True)
class Foreseen:
    """A pending job's start and expected end (Unix seconds) on these cards, as far as can be foreseen.

    place: where that is, as a lease has it.
    """

    job: JobId
    key: GroupKey
    gpus: tuple[GpuUuid, ...]
    start_at: float
    end_at: float
    place: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class Forecast:
    """The future as seen at `now`. Who is pending and not in `starts` starts later than `until` (Unix seconds)."""

    now: float
    until: float
    starts: Mapping[JobId, Foreseen]


def frozen(snapshot: Snapshot, policy: Policy) -> Snapshot:
    """A copy that nothing changes any more, with only the heads of the queues.

    A pass of it decides the same: of one group it never looks at more jobs than can start (each needs a core), be
    handed over or be promised, and one. Only the counts of its holds are smaller.
    """
    most = snapshot.host.cpu_cores + snapshot.ahead + policy.reservation_depth + 1
    if snapshot.cluster is not None:
        most += snapshot.cluster.host.cpu_cores + snapshot.cluster.ahead
    heads = replace(
        snapshot,
        pending=tuple(PendingGroup(group.key, tuple(group.jobs[:most])) for group in snapshot.pending),
        groups=dict(snapshot.groups),
        usage_gpu_s=dict(snapshot.usage_gpu_s),
        usage_accounts_gpu_s=dict(snapshot.usage_accounts_gpu_s),
        month=Month(
            accounts=dict(snapshot.month.accounts),
            groups=dict(snapshot.month.groups),
            services=dict(snapshot.month.services),
        ),
        estimates=dict(snapshot.estimates),
    )
    return replace(heads, left_out_s=snapshot.left_out_s + _left_out_s(snapshot, most))


def _left_out_s(snapshot: Snapshot, most: int) -> float:
    """Seconds of the whole box for what waits beyond the first `most` jobs of each group: promises depend on it."""
    largest = max((gpu.memory_mb for gpu in snapshot.gpus), default=0)
    return sum(
        (len(group.jobs) - most) * snapshot.run_s(group.key) * part_of_box(group.key.shape, snapshot, largest)
        for group in snapshot.pending
        if len(group.jobs) > most
    )


def cut_short(whole: Snapshot, heads: Snapshot) -> frozenset[GroupKey]:
    """The groups of which a frozen copy holds less than there is."""
    counts = {group.key: len(group.jobs) for group in heads.pending}
    return frozenset(group.key for group in whole.pending if counts.get(group.key, 0) < len(group.jobs))


def forecast(
    snapshot: Snapshot, policy: Policy, bounds: Bounds = Bounds(), cut: frozenset[GroupKey] = frozenset()
) -> Forecast:
    """Run the plan forward within `bounds`, from any snapshot; it is frozen first.

    cut: of an earlier frozen copy, the groups that are not all in it: where such a queue runs out, the forecast ends.
    """
    return _Future(snapshot, policy, bounds, cut).told()


class _Future:
    """The world as it moves on, and what has started in it so far."""

    def __init__(self, snapshot: Snapshot, policy: Policy, bounds: Bounds, cut: frozenset[GroupKey]) -> None:
        heads = frozen(snapshot, policy)
        self._cut = cut | cut_short(snapshot, heads)
        self._now = snapshot.now
        self._until = snapshot.now + bounds.horizon_s
        self._passes = min(bounds.passes, max(LEAST_PASSES, LOOKS // max(1, len(snapshot.pending))))
        self._policy = policy
        self._cooled_at = snapshot.now + COOLING_S
        self._stopped: dict[JobId, Lease] = {}
        self._starts: dict[JobId, Foreseen] = {}
        self._handed: set[JobId] = set()
        self._room_at: list[float] = []
        self._world = self._begun(replace(heads, leases=tuple(self._due(lease) for lease in heads.leases)))

    def told(self) -> Forecast:
        """What is foreseen."""
        return Forecast(now=self._now, until=self._run(), starts=self._starts)

    def _run(self) -> float:
        """Pass after pass; until when the future is known."""
        for _ in range(self._passes):
            # 1. decide, and take it as done
            decided = plan(self._world, self._policy)
            after = self._applied(decided)
            # 2. where the copied part of a queue ran out, the rest of it is missing from this pass on
            if self._cut - {group.key for group in after.pending}:
                return self._world.now
            self._note(decided)
            # 3. on to the next moment at which something changes
            then = self._next(after)
            if not after.pending or then is None or then > self._until:
                return self._until
            self._world = self._begun(self._moved(after, then))
        return self._world.now

    def _applied(self, decided: Plan) -> Snapshot:
        """The world right after the plan: who finds room on the cluster begins at once, too.

        Queues that nothing started from are not copied.
        """
        busy = {start.lease.key for start in decided.starts}
        touched = tuple(group for group in self._world.pending if group.key in busy)
        rest = tuple(group for group in self._world.pending if group.key not in busy)
        after = apply(replace(self._world, pending=touched), decided, self._policy)
        at_once = {start.lease.job for start in decided.starts if start.later is None}
        leases = (replace(one, waits=False) if one.waits and one.job in at_once else one for one in after.leases)
        return self._stopping(replace(after, pending=(*rest, *after.pending), leases=tuple(leases)), decided)

    def _stopping(self, after: Snapshot, decided: Plan) -> Snapshot:
        """Victims are on their way out; whom they make room for has claimed their cards."""
        started = {start.lease.job for start in decided.starts}
        claims = {claim.job: claim for claim in after.claims if claim.job not in started}
        ends_at = after.now + self._policy.preemption.grace_s
        for preempt in decided.preemptions:
            claims[preempt.by.job] = preempt.by
            if preempt.victim.expected_end > ends_at:  # else it is done before it is stopped
                self._stopped[preempt.victim.job] = preempt.victim
        leases = tuple(
            replace(lease, ending=True, expected_end=min(lease.expected_end, ends_at))
            if lease.job in self._stopped and not lease.ending
            else lease
            for lease in after.leases
        )
        return replace(after, leases=leases, claims=_ordered(claims))

    def _note(self, decided: Plan) -> None:
        """A job that was stopped and starts again keeps the first start that was foreseen."""
        for start in decided.starts:
            if start.later is not None:
                self._room_at.append(start.later)
            if start.lease.job not in self._starts:
                self._starts[start.lease.job] = _foreseen(start.lease, start.runs_at)
                self._handed.add(start.lease.job)

    def _begun(self, world: Snapshot) -> Snapshot:
        """Who waits in the cluster's queue begins as soon as it finds room there, whatever was foreseen before."""
        self._room_at = []
        if not any(map(_queued, world.leases)):
            return world
        begun: dict[JobId, Lease] = {}
        queue = queue_of(cluster_of(world), self._policy)
        self._room_at = [at for _, at, _ in queue if at is not None]
        for lease, at, gpus in queue:
            if at is not None and at <= world.now and _queued(lease):
                begun[lease.job] = replace(lease, gpus=gpus, waits=False)
                if lease.job in self._handed:
                    self._handed.discard(lease.job)
                    self._starts[lease.job] = _foreseen(begun[lease.job], at)
        return replace(world, leases=tuple(begun.get(lease.job, lease) for lease in world.leases))

    def _next(self, after: Snapshot) -> float | None:
        edges = [lease.expected_end for lease in after.leases if not _queued(lease)]
        edges += self._room_at
        edges += [edge for slot in after.slots for edge in (slot.start, slot.end)]
        edges += _leaving_at(after)
        if after.hot:
            edges.append(self._cooled_at)
        if any(gpu.settling for gpu in after.gpus):
            edges.append(after.now + SETTLING_S)
        return min((edge for edge in edges if edge > after.now), default=None)

    def _moved(self, after: Snapshot, then: float) -> Snapshot:
        """The world at `then`: runs have ended, usage has faded, hot cards have cooled, slots are over."""
        faded = decayed(1.0, then - after.now, self._policy.half_life_s)
        leases = [_later(lease, then - after.now) if _queued(lease) else lease for lease in after.leases]
        over = [lease for lease in leases if lease.expected_end <= then]
        moved = replace(
            after,
            now=then,
            leases=tuple(lease for lease in leases if lease.expected_end > then),
            usage_gpu_s={group: used * faded for group, used in after.usage_gpu_s.items()},
            usage_accounts_gpu_s={owner: used * faded for owner, used in after.usage_accounts_gpu_s.items()},
            slots=tuple(slot for slot in after.slots if slot.end > then),
            pending=self._requeued(after, over),
        )
        moved = _settled(moved)
        return _cooled(moved) if then >= self._cooled_at and moved.hot else moved

    def _requeued(self, after: Snapshot, over: list[Lease]) -> tuple[PendingGroup, ...]:
        """Stopped jobs wait again, as if submitted when they had started: what they waited before is not known."""
        queues = {group.key: group.jobs for group in after.pending}
        for lease in over:
            if self._stopped.pop(lease.job, None) is not None:
                queue = (*queues.get(lease.key, ()), Waiting(lease.started_at, lease.job))
                queues[lease.key] = tuple(sorted(queue))
        return tuple(PendingGroup(key, jobs) for key, jobs in queues.items())

    def _due(self, lease: Lease) -> Lease:
        """A run that outlasts what was expected of it ends when the plan takes it to end."""
        end = foreseen_end(lease, self._now)
        return lease if end == lease.expected_end else replace(lease, expected_end=end)


def _foreseen(lease: Lease, start_at: float) -> Foreseen:
    end_at = start_at + lease.expected_end - lease.started_at
    return Foreseen(job=lease.job, key=lease.key, gpus=lease.gpus, start_at=start_at, end_at=end_at, place=lease.place)


def _queued(lease: Lease) -> bool:
    """Whether it waits in the cluster's queue, and will run."""
    return lease.waits and not lease.ending


def _later(lease: Lease, by_s: float) -> Lease:
    """All of its run is still before it."""
    return replace(lease, started_at=lease.started_at + by_s, expected_end=lease.expected_end + by_s)


def _leaving_at(world: Snapshot) -> Iterator[float]:
    """When the next job of each group may go to the cluster, of those that may run anywhere."""
    if world.cluster is None:
        return
    after_s = world.cluster.after_s
    for jobs in (group.jobs for group in world.pending if group.key.anywhere):
        at = bisect_right(jobs, world.now - after_s, key=lambda one: one.submitted_at)
        if at < len(jobs):
            yield jobs[at].submitted_at + after_s


def _settled(snapshot: Snapshot) -> Snapshot:
    """What a job left behind on its cards is gone by the next moment that matters."""
    if not any(gpu.settling for gpu in snapshot.gpus):
        return snapshot
    return replace(
        snapshot,
        gpus=tuple(replace(gpu, settling=False, memory_used_mb=None) if gpu.settling else gpu for gpu in snapshot.gpus),
    )


def _cooled(snapshot: Snapshot) -> Snapshot:
    cards = tuple(
        replace(gpu, temperature_c=None, margin_c=None, throttled=False) if gpu.uuid in snapshot.hot else gpu
        for gpu in snapshot.gpus
    )
    return replace(snapshot, gpus=cards, hot=frozenset())


def _ordered(claims: Mapping[JobId, Claim]) -> tuple[Claim, ...]:
    return tuple(sorted(claims.values(), key=lambda claim: (claim.submitted_at, claim.job)))
