"""One walk through the pending groups, best job first: start, promise or hold.

Pure. Must not know preemption: whom others make way for is in the snapshot's claims.
"""

import heapq
from typing import NamedTuple

from engine.core.backfill import COOLING_S, Placed, Refused, Timeline, Want
from engine.core.decisions import Hold, Reserve, Start
from engine.core.ledger import Ledger
from engine.core.model import GpuUuid, GroupKey, JobId, PendingGroup, Waiting
from engine.core.ordering import STARVED, Rank, by_limits, head_rank, may_be_promised
from engine.core.policy import Policy
from engine.core.reasons import Reason
from engine.core.snapshot import Claim, Gpu, Lease, Snapshot

Entry = tuple[Rank, int, int, float]
"""Rank, place in the group, number of the group, score."""


class Turn(NamedTuple):
    """The job whose turn it is: the `at`-th of its group, and its score."""

    group: PendingGroup
    at: int
    value: float

    @property
    def key(self) -> GroupKey:
        """What it asks for."""
        return self.group.key

    @property
    def waiting(self) -> Waiting:
        """The job itself."""
        return self.group.jobs[self.at]


class Walk:
    """One walk, given what has been started already. `starts` and the ledger grow; the rest is this walk's own.

    order: whom only want of room kept from starting, best first, and how
    many promises had been made before it.
    """

    def __init__(
        self, snapshot: Snapshot, policy: Policy, ledger: Ledger, hot: frozenset[GpuUuid], starts: list[Start]
    ) -> None:
        self.snapshot = snapshot
        self.policy = policy
        self.ledger = ledger
        self.hot = hot
        self._starts = starts
        self.by_limits = by_limits(snapshot, policy)
        self._timeline = Timeline(snapshot, self.leases, hot, policy, by_limits=self.by_limits)
        self._done: set[JobId] = {start.lease.job for start in starts}
        self.reservations: list[Reserve] = []
        self.holds: list[Hold] = []
        self.order: list[tuple[Turn, int]] = []

    @property
    def leases(self) -> list[Lease]:
        """All that is held, the new starts too."""
        return [*self.snapshot.leases, *(start.lease for start in self._starts)]

    def settled(self) -> bool:
        """Walk; false as soon as a job was started behind a promise, which has to be made again then."""
        if self.snapshot.claims and not self._claimed():
            return False
        queue = self._ranked()
        while queue:
            (rank, at, number, value) = heapq.heappop(queue)
            group = self.snapshot.pending[number]
            now_rank, value = head_rank(group, at, self.snapshot.now, self.ledger, self.policy)
            if now_rank > rank:  # its owner was billed meanwhile: usage only grows, so ranks only fall
                heapq.heappush(queue, (now_rank, at, number, value))
                continue
            step = self._decide(Turn(group, at, value), starved=rank[0] == STARVED)
            if step is None:
                return False
            if step:
                self._push(queue, number, at + 1)
        return True

    def want(self, key: GroupKey) -> Want:
        """What a job of `key` needs a place for."""
        run_s = float(key.shape.time_limit_s) if self.by_limits else self.ledger.run_s(key)
        return Want(shape=key.shape, run_s=run_s, account=key.owner.account)

    def _ranked(self) -> list[Entry]:
        queue: list[Entry] = []
        for number in range(len(self.snapshot.pending)):
            self._push(queue, number, 0, heap=False)
        heapq.heapify(queue)
        return queue

    def _push(self, queue: list[Entry], number: int, at: int, *, heap: bool = True) -> None:
        """Put the next undecided job of a group into the queue."""
        group = self.snapshot.pending[number]
        first = self._first(group, at)
        if first is not None:
            at = first
            rank, value = head_rank(group, at, self.snapshot.now, self.ledger, self.policy)
            entry = (rank, at, number, value)
            if heap:
                heapq.heappush(queue, entry)
            else:
                queue.append(entry)

    def _first(self, group: PendingGroup, at: int) -> int | None:
        """The first job of a group, from `at` on, that has no outcome of its own yet."""
        while at < len(group.jobs) and group.jobs[at].job in self._done:
            at += 1
        return at if at < len(group.jobs) else None

    def _decide(self, turn: Turn, *, starved: bool) -> bool | None:
        """Start, promise or hold. True: go on with the group's next job; false: the group is done; None: start over."""
        want = self.want(turn.key)
        breaches = self.ledger.breaches(turn.key)
        caps = self.ledger.type_caps(turn.key)
        placed = self._timeline.place_now(want, caps)
        reasons: tuple[Reason, ...] = breaches
        if isinstance(placed, Refused):
            binding = tuple(cap.reached for cap in caps if placed.capped and cap.left < turn.key.shape.gpus)
            reasons = tuple(dict.fromkeys((*breaches, *binding, *placed.reasons)))
        elif not breaches:
            reasons = self.ledger.memory_breaches(turn.key, placed.gpus)
        if isinstance(placed, Placed) and not reasons:
            return self._start(turn, placed.gpus)
        within_quota = not breaches and not (isinstance(placed, Refused) and placed.capped)
        if within_quota and isinstance(placed, Refused):
            self.order.append((turn, len(self.reservations)))
            if self._deserves(turn, starved=starved):
                within_s = float("inf") if starved else self.policy.promise_window_s
                soonest = self._timeline.earliest(want, caps, within_s=within_s)
                if soonest is not None:
                    self._promise(turn, want, soonest, reasons)
                    return True
        self.holds.append(Hold(key=turn.key, jobs=turn.group.jobs, skip=turn.at, score=turn.value, reasons=reasons))
        return False

    def _deserves(self, turn: Turn, *, starved: bool) -> bool:
        """Whether it is a promise's turn."""
        if len(self.reservations) >= self.policy.reservation_depth:
            return False
        return starved or may_be_promised(turn.waiting.submitted_at, self.snapshot.now, self.ledger)

    def _start(self, turn: Turn, gpus: tuple[Gpu, ...]) -> bool | None:
        now = self.snapshot.now
        lease = Lease(
            job=turn.waiting.job,
            key=turn.key,
            gpus=_uuids(gpus),
            started_at=now,
            expected_end=now + self.ledger.run_s(turn.key),
        )
        self._starts.append(Start(lease=lease, submitted_at=turn.waiting.submitted_at, score=turn.value))
        self.ledger.start(lease)
        if self.reservations:
            return None
        self._done.add(lease.job)
        self._timeline.lease(lease)
        return True

    def _promise(
        self, turn: Turn, want: Want, soonest: tuple[float, tuple[Gpu, ...]], reasons: tuple[Reason, ...]
    ) -> None:
        start_at, gpus = soonest
        self._timeline.promise(turn.waiting.job, want, gpus, start_at)
        self._done.add(turn.waiting.job)
        self.reservations.append(
            Reserve(
                job=turn.waiting.job,
                key=turn.key,
                gpus=_uuids(gpus),
                start_at=start_at,
                end_at=start_at + want.run_s,
                score=turn.value,
                reasons=reasons,
            )
        )

    def _claimed(self) -> bool:
        """First those that others made way for: start them on their cards, or keep these for them. False: start over.

        Equal jobs of one owner are as good as each other: the first of them takes the claim.
        """
        groups = {group.key: group for group in self.snapshot.pending}
        for claim in self.snapshot.claims:
            group = groups.get(claim.key)
            at = self._first(group, 0) if group else None
            if group is None or at is None or self._is_void(claim):
                continue
            _, value = head_rank(group, at, self.snapshot.now, self.ledger, self.policy)
            if not self._keep(Turn(group, at, value), claim):
                return False
        return True

    def _keep(self, turn: Turn, claim: Claim) -> bool:
        if self.ledger.breaches(claim.key):
            return True  # a quota that fell meanwhile holds it back; nothing is kept for it
        want = self.want(claim.key)
        start_at = self._timeline.cleared_at(claim.gpus, claim.key.shape)
        gpus = self._timeline.cards(claim.gpus)
        if start_at <= self.snapshot.now and self._timeline.startable(want, gpus):
            self._start(turn, gpus)
            return not self.reservations
        placed = self._timeline.place_now(want)
        reasons = placed.reasons if isinstance(placed, Refused) else ()
        soonest = max(start_at, self.snapshot.now + COOLING_S) if start_at <= self.snapshot.now else start_at
        self._promise(turn, want, (soonest, gpus), reasons)
        return True

    def _is_void(self, claim: Claim) -> bool:
        """Whether somebody has a card of it whole who is not on the way out, or a card of it is gone."""
        if len(self._timeline.cards(claim.gpus)) < len(claim.gpus):
            return True
        staying = [lease for lease in self.leases if not lease.ending and not lease.key.shape.share]
        return any(uuid in lease.gpus for lease in staying for uuid in claim.gpus)


def _uuids(gpus: tuple[Gpu, ...]) -> tuple[GpuUuid, ...]:
    return tuple(gpu.uuid for gpu in sorted(gpus, key=lambda gpu: (gpu.index, gpu.uuid)))
