"""Jobs that may run anywhere go to the cluster: those that this host cannot hold, or not start within some time.

Who goes is judged against the plan of this host; when and in which order they start there is planned like everything
else, on what the cluster has. Pure. Must not know how a plan is made, nor who runs what it starts.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from engine.core.clusterreasons import beside_cluster
from engine.core.decisions import Hold, Plan, Reserve
from engine.core.fairshare import month_with
from engine.core.model import GroupKey, JobId, PendingGroup, Shape, Waiting
from engine.core.placement.possible import impossible
from engine.core.policy import Policy
from engine.core.snapshot import CLUSTER, Cluster, Snapshot
from engine.core.taken import timeline_of
from engine.core.wants import Want

MOST_AT_ONCE = 512
"""Of one pending group so many jobs at most are considered in one pass."""
LOOKED_AT = 64
"""Of so many pending groups the soonest place here is worked out; those behind them go once they have waited."""


def spill(here: Plan, snapshot: Snapshot, policy: Policy, planned: Callable[[Snapshot, Policy], Plan]) -> Plan:
    """The plan of this host, and with it what starts on the cluster."""
    cluster = snapshot.cluster
    if cluster is None or not any(group.key.anywhere for group in snapshot.pending):
        return here
    leaving = tuple(_leaving(here, snapshot, policy, cluster)) if cluster.host.nodes else ()
    there = planned(_there(here, snapshot, cluster, leaving), policy) if leaving else None
    return beside_cluster(_both(here, there) if there else here, there, snapshot, leaving, cluster)


def runs_elsewhere(shape: Shape) -> bool:
    """Whether a cluster takes such a request: it gives whole cards, with their own power limits."""
    return not shape.share and shape.gpu_power_w is None


def cluster_of(snapshot: Snapshot) -> Snapshot:
    """The cluster that jobs of this host may go to, by itself; the same where everything is planned there."""
    cluster = snapshot.cluster
    return snapshot if cluster is None else _cluster(snapshot, cluster)


def _there(here: Plan, snapshot: Snapshot, cluster: Cluster, leaving: tuple[PendingGroup, ...]) -> Snapshot:
    """The cluster and who goes to it; what started here a moment ago counts for quotas."""
    started = [start.lease for start in here.starts]
    return replace(
        _cluster(snapshot, cluster),
        leases=(*snapshot.leases, *started),
        pending=leaving,
        month=month_with(snapshot.month, started, {gpu.uuid: gpu.memory_mb for gpu in snapshot.gpus}),
    )


def _cluster(snapshot: Snapshot, cluster: Cluster) -> Snapshot:
    return replace(
        snapshot,
        place=CLUSTER,
        host=cluster.host,
        gpus=cluster.gpus,
        others=snapshot.gpus,
        ahead=cluster.ahead,
        cluster=None,
        slots=(),
        hot=frozenset(),
    )


def _leaving(here: Plan, snapshot: Snapshot, policy: Policy, cluster: Cluster) -> Iterator[PendingGroup]:
    """Who goes, by pending group, in submission order."""
    promised: dict[GroupKey, dict[JobId, Reserve]] = {}
    for one in here.reservations:
        promised.setdefault(one.key, {})[one.job] = one
    held = {hold.key: hold for hold in here.holds}
    never = _Never(snapshot, policy)
    soon = _Soon(here, snapshot, policy)
    started = {start.lease.job for start in here.starts} | {one.job for one in snapshot.claims if not one.place}
    started |= {preempt.by.job for preempt in here.preemptions}
    starting = Counter(start.lease.key for start in here.starts)
    for group in snapshot.pending:
        key = group.key
        if not key.anywhere or not runs_elsewhere(key.shape):
            continue
        most = starting[key] + _most(key.shape, policy, cluster)
        jobs = [one for one in group.jobs[:most] if one.job not in started]
        waited = bisect_right(jobs, snapshot.now - cluster.after_s, key=lambda one: one.submitted_at)
        if key in held and (never.holds(key) or not soon.within(key, cluster.after_s)):
            waited = len(jobs)
        late_at = snapshot.now + cluster.after_s
        late = [one for one in jobs[waited:] if _is_late(promised.get(key, {}), one, late_at)]
        if going := [*jobs[:waited], *late]:
            yield PendingGroup(key, going)


def _most(shape: Shape, policy: Policy, cluster: Cluster) -> int:
    """Jobs of one kind that a plan of the cluster looks at: they start, are handed over or promised, and one more."""
    room = len(cluster.gpus) // shape.gpus if shape.gpus else cluster.host.cpu_cores // max(1, shape.cpu_cores)
    return min(MOST_AT_ONCE, room + cluster.ahead + policy.reservation_depth + 1)


def _is_late(promised: Mapping[JobId, Reserve], waiting: Waiting, late_at: float) -> bool:
    promise = promised.get(waiting.job)
    return promise is not None and promise.start_at > late_at


class _Never:
    """Which requests this host can never hold."""

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self._snapshot = snapshot
        self._power = policy.power

    def holds(self, key: GroupKey) -> bool:
        return bool(impossible(key.shape, self._snapshot.gpus, self._snapshot.host, self._power))


class _Soon:
    """Whether a job that was promised nothing could start soon, behind all that runs and was promised.

    That is the soonest that it could be; what stands before it in the queue may make it later.
    """

    def __init__(self, here: Plan, snapshot: Snapshot, policy: Policy) -> None:
        self._snapshot = snapshot
        leases = [*snapshot.leases, *(start.lease for start in here.starts)]
        self._timeline = timeline_of(snapshot, leases, here.hot, policy, by_limits=False)
        for one in here.reservations:
            want = Want(one.key.shape, one.end_at - one.start_at, one.key.owner.account)
            self._timeline.promise(one.job, want, self._timeline.cards(one.gpus), one.start_at)
        self._looked = 0

    def within(self, key: GroupKey, seconds: float) -> bool:
        self._looked += 1
        if self._looked > LOOKED_AT:
            return True
        want = Want(key.shape, self._snapshot.run_s(key), key.owner.account)
        if self._timeline.refusal(want) is None:
            return True  # room it has: its quotas hold it back, and would there as well
        return self._timeline.earliest(want, within_s=seconds) is not None


def _both(here: Plan, there: Plan) -> Plan:
    """One outcome for each job: what starts there is not promised or held here any more."""
    gone = {start.lease.job for start in there.starts}
    reserved = {one.job for one in here.reservations}
    counts = Counter(start.lease.key for start in there.starts if start.lease.job not in reserved)
    return replace(
        here,
        starts=(*here.starts, *there.starts),
        reservations=tuple(one for one in here.reservations if one.job not in gone),
        holds=tuple(_less(hold, counts[hold.key]) for hold in here.holds if hold.count > counts[hold.key]),
        preemptions=(*here.preemptions, *there.preemptions),
    )


def _less(hold: Hold, count: int) -> Hold:
    """The same without its first `count` jobs."""
    return replace(hold, skip=hold.skip + count) if count else hold
