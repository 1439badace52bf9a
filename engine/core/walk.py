"""One walk through the pending groups, best job first: start, promise or hold.

Pure. Must not know preemption: whom others make way for is in the snapshot's claims.
"""

import heapq
from functools import cached_property

from engine.core.backfill import Timeline
from engine.core.decisions import Hold, Reserve, Start
from engine.core.model import GpuUuid, GroupKey, JobId
from engine.core.ordering import may_be_promised, patience_s
from engine.core.policy import Policy
from engine.core.reasons import Reason
from engine.core.snapshot import Claim, Gpu, Lease, Snapshot
from engine.core.standing import Entry, Standings, Turn, is_starved
from engine.core.wants import Refused, Want


class Walk:
    """One walk, given what has been started already. `starts` and the ledger grow; the rest is this walk's own.

    order: whom only want of room kept from starting, best first, and how many promises had been made before it.
    timeline: what is taken by all that is held, the walk's own to promise on. standings: the pending groups.
    keeps_cleared: cards are kept for somebody for whom others were stopped.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        policy: Policy,
        standings: Standings,
        hot: frozenset[GpuUuid],
        *,
        starts: list[Start],
        timeline: Timeline,
    ) -> None:
        self.snapshot = snapshot
        self.policy = policy
        self.ledger = standings.ledger
        self.hot = hot
        self.standings = standings
        self._starts = starts
        self.by_limits = standings.by_limits
        self.timeline = timeline
        self._done: set[JobId] = {start.lease.job for start in starts}
        self.reservations: list[Reserve] = []
        self._held: list[tuple[Turn, tuple[Reason, ...]]] = []
        self._handed: dict[int, int] = {}
        self._also: dict[int, tuple[Reason, ...]] = {}
        self.order: list[tuple[Turn, int]] = []
        self.keeps_cleared = False

    @cached_property
    def holds(self) -> list[Hold]:
        """Who is neither started nor promised anything; of a walk that has settled."""
        return [
            Hold(
                key=turn.key, jobs=turn.group.jobs, skip=skip, score=turn.value, reasons=self._with_more(turn, reasons)
            )
            for turn, reasons in self._held
            if (skip := max(turn.at, self._handed.get(turn.number, 0))) < len(turn.group.jobs)
        ]

    @property
    def leases(self) -> list[Lease]:
        """All that is held, the new starts too."""
        return [*self.snapshot.leases, *(start.lease for start in self._starts)]

    def settled(self) -> bool:
        """Walk; false as soon as a job was started behind a promise, which has to be made again then."""
        if self.snapshot.claims and not self._claimed():
            return False
        ahead = iter(self.standings.ranked({start.lease.job for start in self._starts}))
        entry = next(ahead, None)
        later: list[Entry] = []
        while entry or later:
            if entry is None or (later and later[0] < entry):
                taken = heapq.heappop(later)
            else:
                taken, entry = entry, next(ahead, None)
            after = self._taken(taken)
            if after is None:
                return False
            if after:
                heapq.heappush(later, after[0])
        return True

    def hand_over(self, turn: Turn, soonest: tuple[float, tuple[Gpu, ...]]) -> None:
        """Start a job that finds room only later, to wait in the place's own queue; of a walk that has settled."""
        start_at, gpus = soonest
        if not any(one.job == turn.waiting.job and one.start_at == start_at for one in self.reservations):
            self.timeline.promise(turn.waiting.job, turn.want, gpus, start_at)
        self.reservations = [one for one in self.reservations if one.job != turn.waiting.job]
        self._handed[turn.number] = turn.at + 1
        lease = self._lease(turn, gpus)
        submitted_at, score = turn.waiting.submitted_at, turn.value
        self._starts.append(Start(lease=lease, submitted_at=submitted_at, score=score, later=start_at))
        self.ledger.start(lease)

    def hold_also(self, turn: Turn, reasons: tuple[Reason, ...]) -> None:
        """Tell more of why a job is held, if it is; of a walk that has settled."""
        self._also[turn.number] = reasons

    def _with_more(self, turn: Turn, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        also = self._also.get(turn.number)
        return reasons if also is None else tuple(dict.fromkeys((*reasons, *also)))

    def want(self, key: GroupKey) -> Want:
        """What a job of `key` needs a place for."""
        return self.standings.want(key, self.ledger.run_s(key))

    def _taken(self, entry: Entry) -> tuple[Entry, ...] | None:
        """Decide about a job if it is its turn still: who comes later in its stead, if anyone; None: start over."""
        turn = entry.turn
        if turn.waiting.job in self._done:  # it had a claim
            return self._next(turn)
        if entry.version != self.ledger.version:
            now = self.standings.entry(turn.number, turn.at)
            if now.rank > entry.rank:  # its owner was billed meanwhile: usage only grows, so ranks only fall
                return (now,)
            turn = now.turn
        step = self._decide(turn, starved=is_starved(entry))
        if step:
            return self._next(turn)
        return None if step is None else ()

    def _next(self, turn: Turn) -> tuple[Entry, ...]:
        """The next job of its group that is not done, if there is one."""
        after = self.standings.first(turn.number, turn.at + 1, self._done)
        return () if after is None else (self.standings.entry(turn.number, after),)

    def _decide(self, turn: Turn, *, starved: bool) -> bool | None:
        """Start, promise or hold. True: go on with the group's next job; false: the group is done; None: start over."""
        breaches = self.standings.breaches(turn.number)
        refused = self.timeline.refusal(turn.want)
        reasons: tuple[Reason, ...] = breaches
        if refused is None:
            caps = self.ledger.type_caps(turn.key)
            placed = self.timeline.chosen(turn.want, caps)
            if isinstance(placed, Refused):
                binding = tuple(cap.reached for cap in caps if cap.left < turn.key.shape.gpus)
                reasons = tuple(dict.fromkeys((*breaches, *binding)))
                may = starved and not breaches and self._deserves(turn, starved=True)
                if may and self._promised(turn, reasons, starved=True):  # on cards that its caps leave it
                    return True
            elif not breaches:
                reasons = self.ledger.memory_breaches(turn.key, placed.gpus)
                if not reasons:
                    return self._start(turn, placed.gpus)
        else:
            both = (*breaches, *refused.reasons)
            reasons = both if len(breaches) < 2 else tuple(dict.fromkeys(both))
            if not breaches:
                self.order.append((turn, len(self.reservations)))
                if self._deserves(turn, starved=starved) and self._promised(turn, reasons, starved=starved):
                    return True
        self._held.append((turn, reasons))
        return False

    def _promised(self, turn: Turn, reasons: tuple[Reason, ...], *, starved: bool) -> bool:
        """Promise the soonest place, if there is one near enough."""
        within_s = float("inf") if starved else self.policy.promise_window_s
        soonest = self.timeline.earliest(turn.want, self.ledger.type_caps(turn.key), within_s=within_s)
        if soonest is not None:
            self._promise(turn, soonest, reasons)
        return soonest is not None

    def _deserves(self, turn: Turn, *, starved: bool) -> bool:
        """Whether it is a promise's turn."""
        if len(self.reservations) >= self.policy.reservation_depth:
            return False
        return starved or may_be_promised(turn.waiting.submitted_at, self.snapshot.now, self.ledger)

    def _lease(self, turn: Turn, gpus: tuple[Gpu, ...]) -> Lease:
        now = self.snapshot.now
        return Lease(
            job=turn.waiting.job,
            key=turn.key,
            gpus=_uuids(gpus),
            started_at=now,
            expected_end=now + turn.run_s,
            firm=now - turn.waiting.submitted_at > patience_s(self.ledger, self.policy),
            place=self.snapshot.place,
            waits=bool(self.snapshot.place),
        )

    def _start(self, turn: Turn, gpus: tuple[Gpu, ...]) -> bool | None:
        lease = self._lease(turn, gpus)
        self._starts.append(Start(lease=lease, submitted_at=turn.waiting.submitted_at, score=turn.value))
        self.ledger.start(lease)
        if self.reservations:
            return None
        self._done.add(lease.job)
        self.timeline.lease(lease)
        return True

    def _promise(self, turn: Turn, soonest: tuple[float, tuple[Gpu, ...]], reasons: tuple[Reason, ...]) -> None:
        start_at, gpus = soonest
        want = turn.want
        self.timeline.promise(turn.waiting.job, want, gpus, start_at)
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
        for claim in (one for one in self.snapshot.claims if one.place == self.snapshot.place):
            number = self.standings.numbers.get(claim.key)
            at = None if number is None else self.standings.first(number, 0, self._done)
            if number is None or at is None or self._is_void(claim):
                continue
            if not self._keep(self.standings.entry(number, at).turn, claim):
                return False
        return True

    def _keep(self, turn: Turn, claim: Claim) -> bool:
        if self.ledger.breaches(claim.key):
            return True  # a quota that fell meanwhile holds it back; nothing is kept for it
        want = turn.want
        start_at = self.timeline.cleared_at(claim.gpus, claim.key.shape)
        start_at = self.timeline.powered_at(want, claim.gpus, start_at)
        gpus = self.timeline.cards(claim.gpus)
        if start_at <= self.snapshot.now and self.timeline.startable(want, gpus):
            self._start(turn, gpus)
            return not self.reservations
        placed = self.timeline.place_now(want)
        reasons = placed.reasons if isinstance(placed, Refused) else ()
        soonest = self.timeline.usable_at(claim.gpus) if start_at <= self.snapshot.now else start_at
        self._promise(turn, (soonest, gpus), reasons)
        self.keeps_cleared = True
        return True

    def _is_void(self, claim: Claim) -> bool:
        """Whether somebody has a card of it whole who is not on the way out, or a card of it is gone."""
        if len(self.timeline.cards(claim.gpus)) < len(claim.gpus):
            return True
        return not claim.stands(self.leases)


def _uuids(gpus: tuple[Gpu, ...]) -> tuple[GpuUuid, ...]:
    return tuple(gpu.uuid for gpu in sorted(gpus, key=lambda gpu: (gpu.index, gpu.uuid)))
