"""What those who wait are told of a cluster: that nothing is known of it, that its queue is full, when they may go.

Pure. Must not know who goes there and when (`engine.core.overflow` does), nor words.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.core.decisions import Plan
from engine.core.model import GroupKey, JobId, PendingGroup, Shape, Waiting
from engine.core.placement.possible import able_nodes
from engine.core.reasons import (
    ArrayFull,
    ClusterOutOfUse,
    ClusterQueueFull,
    ClusterUnknown,
    GoesToCluster,
    QuotaReached,
    Reason,
)
from engine.core.snapshot import CLUSTER, Cluster, Snapshot

Reasons = tuple[Reason, ...]
Tell = Callable[[GroupKey, Waiting, Reasons, float | None], Reasons]
"""From a job's key, its place in the queue, its reasons, and when it is promised a start here: what it is told."""

LIMITS = (QuotaReached, ArrayFull)
"""What holds a job back wherever it would run."""


def on_cluster(decided: Plan, snapshot: Snapshot) -> Plan:
    """The plan of a cluster, with what else its waiting jobs are told."""
    if not snapshot.host.nodes:
        unknown = ClusterUnknown()
        return _retold(decided, snapshot, lambda _key, _job, reasons, _at: (*_limits(reasons), unknown))
    waiting = sum(lease.waits for lease in snapshot.here) + len(decided.starts)
    if waiting < max(1, snapshot.ahead):
        return decided
    full = ClusterQueueFull(waiting=waiting, most=snapshot.ahead)
    return _retold(
        decided, snapshot, lambda _key, _job, reasons, _at: reasons if _limits(reasons) else (*reasons, full)
    )


def beside_cluster(
    decided: Plan, there: Plan | None, snapshot: Snapshot, leaving: Iterable[PendingGroup], cluster: Cluster
) -> Plan:
    """The plan of a host with a cluster beside it, with what else those are told who may run anywhere.

    there: the plan of the cluster for those who are `leaving`.
    """
    if not any(group.key.anywhere for group in snapshot.pending):
        return decided
    return _retold(decided, snapshot, _Beside(decided, there, snapshot, leaving, cluster).told)


class _Beside:
    """What a job that may run anywhere is told."""

    def __init__(
        self, decided: Plan, there: Plan | None, snapshot: Snapshot, leaving: Iterable[PendingGroup], cluster: Cluster
    ) -> None:
        self._now = snapshot.now
        self._cluster = cluster
        self._leaving = {one.job for group in leaving for one in group.jobs}
        self._cleared_for = {claim.job for claim in snapshot.claims} | {one.by.job for one in decided.preemptions}
        here = sum(start.lease.place == CLUSTER for start in decided.starts)
        self._waiting = here + sum(lease.waits for lease in snapshot.leases if lease.place == CLUSTER)
        self._there = {hold.key: hold.reasons for hold in there.holds} if there else {}
        self._able: dict[Shape, int] = {}

    def told(self, key: GroupKey, waiting: Waiting, reasons: Reasons, start_at: float | None) -> Reasons:
        if not key.anywhere or _limits(reasons) or waiting.job in self._cleared_for:
            return reasons
        if not self._cluster.host.nodes:
            return (*reasons, ClusterUnknown())
        nodes = self._nodes(key.shape)
        if not nodes:
            return reasons
        goes_at = waiting.submitted_at + self._cluster.after_s
        if waiting.job in self._leaving or goes_at <= self._now:
            return (*reasons, *self._stays(key, nodes))
        if start_at is not None and start_at <= goes_at:
            return reasons
        return (*reasons, GoesToCluster(at=goes_at, after_s=self._cluster.after_s))

    def _stays(self, key: GroupKey, nodes: int) -> Reasons:
        """Why a job that may go has not gone."""
        if limits := _limits(self._there.get(key, ())):
            return limits
        if self._waiting >= max(1, self._cluster.ahead):
            return (ClusterQueueFull(waiting=self._waiting, most=self._cluster.ahead),)
        return (ClusterOutOfUse(nodes=nodes),)

    def _nodes(self, shape: Shape) -> int:
        if (known := self._able.get(shape)) is None:
            known = self._able[shape] = able_nodes(shape, self._cluster.gpus, self._cluster.host)
        return known


def of_job(reasons: Reasons, submitted_at: float) -> Reasons:
    """The reasons that a pending group shares, with the time at which one job of it may go."""
    return tuple(
        replace(one, at=max(one.at, submitted_at + one.after_s)) if isinstance(one, GoesToCluster) else one
        for one in reasons
    )


def _limits(reasons: Reasons) -> Reasons:
    return tuple(reason for reason in reasons if isinstance(reason, LIMITS))


def _retold(decided: Plan, snapshot: Snapshot, tell: Tell) -> Plan:
    """The same outcomes with what `tell` makes of their reasons; a group is told what its first held job is.

    Of a group those start and are promised something that stand first.
    """
    reserved = {one.key for one in decided.reservations}
    decided_of = Counter(one.key for one in decided.reservations)
    decided_of.update(one.lease.key for one in decided.starts)
    heads = (group.jobs[: decided_of[group.key]] for group in snapshot.pending if group.key in reserved)
    places: dict[JobId, Waiting] = {one.job: one for jobs in heads for one in jobs}
    reservations = tuple(
        replace(one, reasons=tell(one.key, places[one.job], one.reasons, one.start_at)) if one.job in places else one
        for one in decided.reservations
    )
    holds = tuple(
        replace(hold, reasons=tell(hold.key, hold.jobs[hold.skip], hold.reasons, None)) for hold in decided.holds
    )
    return replace(decided, reservations=reservations, holds=holds)
