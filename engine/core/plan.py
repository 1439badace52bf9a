"""One pass: from a snapshot and a policy to a plan. The daemon, the simulator, "why" and the benchmarks call this.

Pure. Cost follows the number of pending groups: of equal jobs only the first that does not fit is looked at.
"""

import heapq
from collections.abc import Sequence

from engine.core.backfill import Placed, Refused, Timeline
from engine.core.decisions import Hold, Plan, Reserve, Start
from engine.core.ledger import Ledger
from engine.core.model import GpuUuid, PendingGroup
from engine.core.ordering import Rank, head_rank
from engine.core.placement.thermal import hot_cards
from engine.core.policy import Policy
from engine.core.reasons import Reason
from engine.core.snapshot import Gpu, Lease, Snapshot


def plan(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide what starts now, what is promised, and why the rest waits."""
    # 1. which cards are too hot, with the memory of the last pass
    hot = hot_cards(snapshot.gpus, snapshot.hot, policy.thermal)
    # 2. who holds what, and what everybody has used
    ledger = Ledger(snapshot, policy)
    # 3. go through the pending jobs in order; whenever a start may have changed what was promised before it,
    #    promise anew from the top: the last walk starts nothing, so planning again would start nothing either
    starts: list[Start] = []
    while True:
        walk = _Walk(snapshot, policy, ledger, hot, starts)
        if walk.settled():
            break
    # 4. every pending job now has exactly one outcome
    return Plan(
        now=snapshot.now,
        starts=tuple(starts),
        reservations=tuple(walk.reservations),
        holds=tuple(walk.holds),
        hot=hot,
    )


class _Walk:
    """One walk through the pending groups, best job first, given what has been started already."""

    def __init__(
        self, snapshot: Snapshot, policy: Policy, ledger: Ledger, hot: frozenset[GpuUuid], starts: list[Start]
    ) -> None:
        self._snapshot = snapshot
        self._policy = policy
        self._ledger = ledger
        self._starts = starts
        self._timeline = Timeline(snapshot, [*snapshot.leases, *(start.lease for start in starts)], hot, policy)
        self._started = {start.lease.job for start in starts}
        self.reservations: list[Reserve] = []
        self.holds: list[Hold] = []

    def settled(self) -> bool:
        """Walk; false as soon as a job was started behind a promise, which has to be made again then."""
        queue = self._ranked(self._snapshot.pending)
        while queue:
            (rank, at, number, value) = heapq.heappop(queue)
            group = self._snapshot.pending[number]
            now_rank, value = head_rank(group, at, self._snapshot.now, self._ledger, self._policy)
            if now_rank > rank:  # its owner was billed meanwhile: usage only grows, so ranks only fall
                heapq.heappush(queue, (now_rank, at, number, value))
                continue
            step = self._decide(group, at, value)
            if step is None:
                return False
            if step:
                self._push(queue, number, at + 1)
        return True

    def _ranked(self, pending: Sequence[PendingGroup]) -> list[tuple[Rank, int, int, float]]:
        queue: list[tuple[Rank, int, int, float]] = []
        for number in range(len(pending)):
            self._push(queue, number, 0, heap=False)
        heapq.heapify(queue)
        return queue

    def _push(self, queue: list[tuple[Rank, int, int, float]], number: int, at: int, *, heap: bool = True) -> None:
        """Put the next undecided job of a group into the queue."""
        group = self._snapshot.pending[number]
        while at < len(group.jobs) and group.jobs[at].job in self._started:
            at += 1
        if at < len(group.jobs):
            rank, value = head_rank(group, at, self._snapshot.now, self._ledger, self._policy)
            entry = (rank, at, number, value)
            if heap:
                heapq.heappush(queue, entry)
            else:
                queue.append(entry)

    def _decide(self, group: PendingGroup, at: int, value: float) -> bool | None:
        """Start, promise or hold. True: go on with the group's next job; false: the group is done; None: start over."""
        breaches = self._ledger.breaches(group.key)
        caps = self._ledger.type_caps(group.key)
        placed = self._timeline.place_now(group.key.shape, caps)
        reasons: tuple[Reason, ...] = breaches
        if isinstance(placed, Refused):
            binding = tuple(cap.reached for cap in caps if placed.capped and cap.left < group.key.shape.gpus)
            reasons = tuple(dict.fromkeys((*breaches, *binding, *placed.reasons)))
        elif not breaches:
            reasons = self._ledger.memory_breaches(group.key, placed.gpus)
        if isinstance(placed, Placed) and not reasons:
            return self._start(group, at, value, placed.gpus)
        within_quota = not breaches and not (isinstance(placed, Refused) and placed.capped)
        if within_quota and isinstance(placed, Refused) and len(self.reservations) < self._policy.reservation_depth:
            soonest = self._timeline.earliest(group.key.shape, caps)
            if soonest is not None:
                self._promise(group, at, value, soonest, reasons)
                return True
        self.holds.append(Hold(key=group.key, jobs=group.jobs, skip=at, score=value, reasons=reasons))
        return False

    def _start(self, group: PendingGroup, at: int, value: float, gpus: tuple[Gpu, ...]) -> bool | None:
        now = self._snapshot.now
        lease = Lease(
            job=group.jobs[at].job,
            key=group.key,
            gpus=tuple(gpu.uuid for gpu in sorted(gpus, key=lambda gpu: (gpu.index, gpu.uuid))),
            started_at=now,
            expected_end=now + group.key.shape.time_limit_s,
        )
        self._starts.append(Start(lease=lease, submitted_at=group.jobs[at].submitted_at, score=value))
        self._ledger.start(lease)
        if self.reservations:
            return None
        self._started.add(lease.job)
        self._timeline.lease(lease)
        return True

    def _promise(
        self,
        group: PendingGroup,
        at: int,
        value: float,
        soonest: tuple[float, tuple[Gpu, ...]],
        reasons: tuple[Reason, ...],
    ) -> None:
        start_at, gpus = soonest
        shape = group.key.shape
        self._timeline.promise(group.jobs[at].job, shape, gpus, start_at)
        self.reservations.append(
            Reserve(
                job=group.jobs[at].job,
                key=group.key,
                gpus=tuple(gpu.uuid for gpu in sorted(gpus, key=lambda gpu: (gpu.index, gpu.uuid))),
                start_at=start_at,
                end_at=start_at + shape.time_limit_s,
                score=value,
                reasons=reasons,
            )
        )
