"""Who may have running jobs stopped for it, and which: the cheapest set that is proved to make it start.

Two rules. `reclaim`: a job that stays within its group's guarantee takes back what other groups borrowed beyond theirs.
`priority`: a job whose base priority is higher by the policy's gap, as long as no starved job waits for its promise.
Only jobs that said they are preemptible and ran their minimum are stopped, and no group ends below what it holds of its
guarantee.

It cannot loop. Let E be the sum over groups of min(cards held, guarantee), and V the count of running jobs by base
priority, highest first. No step of the scheduler lowers E; a reclaim raises it; a priority preemption and a plain start
raise V lexicographically. So (E, V) grows with every step, both are bounded, and without arrivals and ends from outside
the steps come to an end. Pure. Must not know how a job is stopped.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, takewhile

from engine.core.decisions import Preempt, Reserve
from engine.core.estimate import foreseen_end
from engine.core.model import GroupKey, GroupName
from engine.core.ordering import score
from engine.core.policy import Policy
from engine.core.reach import Reach
from engine.core.snapshot import Claim, Gpu, GroupTerms, Lease, Snapshot
from engine.core.standing import Turn
from engine.core.taken import timeline_of
from engine.core.walk import Walk
from engine.core.wants import Placed

CANDIDATES = 16
"""So many waiting jobs are considered in one pass, best first."""
EXACT = 8
"""Of so many possible victims every set is tried; of more, the cheapest that greed finds."""


def find(walk: Walk) -> tuple[Preempt, ...]:
    """The leases to stop for the best waiting job that has a right to it; empty if nobody has."""
    snapshot, policy = walk.snapshot, walk.policy
    if not policy.preemption.enabled or not any(lease.key.preemptible for lease in snapshot.here):
        return ()
    soon = {reservation.job: reservation.start_at for reservation in walk.reservations}
    starved = _starved(walk)
    kept_waiting = any(turn.waiting.job in soon for turn in starved)
    tried: set[GroupKey] = set()
    for turn, promised in walk.order:
        if turn.key in tried:
            continue
        if soon.get(turn.waiting.job, float("inf")) <= snapshot.now + policy.preemption.grace_s:
            continue  # it starts as soon without
        tried.add(turn.key)
        if len(tried) > CANDIDATES:
            break
        room = _Room(walk, walk.reservations[:promised])
        for rule, victims in _cases(walk, turn.key):
            if rule == "priority" and kept_waiting and turn not in starved:
                continue  # who was stopped would go ahead of it again, and whom both delay might wait for ever
            found = room.cheapest(turn.key, rule, victims)
            if found is not None:
                return _preempts(turn, rule, *found, snapshot)
    return ()


def will_find(walk: Walk, key: GroupKey, start_at: float) -> bool:
    """Whether leases that have not run their minimum yet could be stopped for a job of `key` once they have.

    start_at: when it starts without, Unix seconds; stopping them has to be sooner.
    """
    snapshot, terms = walk.snapshot, walk.policy.preemption
    if not terms.enabled:
        return False

    def stoppable_at(lease: Lease) -> float:
        return max(snapshot.now, lease.started_at + terms.min_run_s)

    able = [
        lease
        for lease in snapshot.here
        if lease.key.preemptible
        and not lease.ending
        and not lease.waits
        and stoppable_at(lease) + terms.grace_s < min(start_at, foreseen_end(lease, snapshot.now))
    ]
    if all(stoppable_at(lease) <= snapshot.now for lease in able):
        return False  # `find` has judged those
    room = _Room(walk, ())
    return any(room.cheapest(key, *case) is not None for case in _rules(walk, key, able))


def makes_way(snapshot: Snapshot, policy: Policy, found: Sequence[Preempt]) -> Snapshot:
    """The snapshot with these leases on their way out, and their cards claimed."""
    victims = {preempt.victim.job for preempt in found}
    end = snapshot.now + policy.preemption.grace_s
    leases = tuple(
        replace(lease, ending=True, expected_end=end) if lease.job in victims else lease for lease in snapshot.leases
    )
    return replace(snapshot, leases=leases, claims=(*snapshot.claims, found[0].by))


def entitlement(snapshot: Snapshot, leases: Iterable[Lease], coming: Sequence[GroupKey] = ()) -> dict[GroupName, int]:
    """Cards that each group holds of its guarantee, once who was told to stop has gone and who claims has started.

    coming: jobs that start besides.
    """
    leases = tuple(leases)
    held: Counter[GroupName] = Counter()
    for lease in leases:
        held[lease.key.owner.group] += 0 if lease.ending else len(lease.gpus)
    for key in (*(claim.key for claim in snapshot.claims if claim.stands(leases)), *coming):
        held[key.owner.group] += key.shape.gpus
    return {name: min(held[name], terms.guarantee_gpus) for name, terms in snapshot.groups.items()}


def base_priority(key: GroupKey, snapshot: Snapshot) -> int:
    """Job priority plus group priority: what never changes while a job waits or runs."""
    return key.priority + snapshot.groups.get(key.owner.group, GroupTerms()).priority


def lost_gpu_s(lease: Lease, now: float) -> float:
    """GPU-seconds of work lost if it is stopped now without a checkpoint; core-seconds where it has no GPU."""
    return (now - lease.started_at) * (len(lease.gpus) or lease.key.shape.cpu_cores)


def _starved(walk: Walk) -> list[Turn]:
    """The starved jobs that only want of room keeps from starting; they come first in the order."""
    now, of = walk.snapshot.now, (walk.ledger, walk.policy)
    turns = (turn for turn, _ in walk.order)
    return list(takewhile(lambda turn: score(turn.key, turn.waiting.submitted_at, now, *of).starved, turns))


def _cases(walk: Walk, key: GroupKey) -> Iterator[tuple[str, list[Lease]]]:
    """The rules that let a job of `key` have others stopped, and who could be, the cheapest first."""
    now, policy = walk.snapshot.now, walk.policy
    stoppable = [lease for lease in walk.snapshot.here if _stoppable(lease, now, policy)]
    return _rules(walk, key, stoppable)


def _rules(walk: Walk, key: GroupKey, stoppable: list[Lease]) -> Iterator[tuple[str, list[Lease]]]:
    snapshot, policy = walk.snapshot, walk.policy
    stoppable.sort(key=lambda lease: _cost(lease, snapshot.now))
    group = key.owner.group
    if walk.ledger.entitled(key):
        yield "reclaim", [lease for lease in stoppable if lease.key.owner.group != group and lease.gpus]
    most = base_priority(key, snapshot) - policy.preemption.priority_gap
    humble = (lease for lease in stoppable if not lease.firm)
    yield "priority", [lease for lease in humble if base_priority(lease.key, snapshot) <= most]


def _stoppable(lease: Lease, now: float, policy: Policy) -> bool:
    """Whether it may be stopped at all: it said so, runs, ran its minimum, and is not about to end anyway."""
    terms = policy.preemption
    if not lease.key.preemptible or lease.ending or lease.waits or now - lease.started_at < terms.min_run_s:
        return False
    return foreseen_end(lease, now) > now + terms.grace_s


def _cost(lease: Lease, now: float) -> tuple[float, float, str]:
    """Least work lost first, then whose end is farthest away, then by id: a total order."""
    return lost_gpu_s(lease, now), -foreseen_end(lease, now), lease.job


class _Room:
    """What there would be room for if some leases were gone, beside what was promised to better jobs."""

    def __init__(self, walk: Walk, ahead: Sequence[Reserve]) -> None:
        self._walk = walk
        self._snapshot = walk.snapshot
        self._leases = walk.leases
        self._ahead = ahead
        self._before = entitlement(walk.snapshot, self._leases)

    def cheapest(
        self, key: GroupKey, rule: str, victims: Sequence[Lease]
    ) -> tuple[Sequence[Lease], tuple[Gpu, ...]] | None:
        """The cheapest victims that make a job of `key` start, and the cards that it gets."""
        if not victims:
            return None
        self._reach = Reach(key.shape, self._snapshot, self._leases)
        if self._place(key, victims) is None:
            return None
        tries = _sets(victims, self._snapshot.now) if len(victims) <= EXACT else self._greed(key, rule, victims)
        for chosen in tries:
            if not self._reach.holds(chosen) or not self._allowed(key, rule, chosen):
                continue
            if (gpus := self._place(key, chosen)) is not None:
                return chosen, gpus
        return None

    def _greed(self, key: GroupKey, rule: str, victims: Sequence[Lease]) -> Iterator[Sequence[Lease]]:
        """Each alone; then the cheapest together until there is room, without those that it does not need."""
        yield from ((one,) for one in victims)
        chosen: list[Lease] = []
        for one in victims:
            if not self._allowed(key, rule, [*chosen, one]):
                continue
            chosen.append(one)
            if self._place(key, chosen) is not None:
                break
        for one in reversed(chosen):
            rest = [other for other in chosen if other is not one]
            if self._place(key, rest) is not None:
                chosen = rest
        yield chosen

    def _place(self, key: GroupKey, gone: Sequence[Lease]) -> tuple[Gpu, ...] | None:
        """Where the job would start without these leases: the proof that stopping them is not in vain."""
        if not self._reach.holds(gone):
            return None
        jobs = {lease.job for lease in gone}
        left = [lease for lease in self._leases if lease.job not in jobs]
        timeline = timeline_of(self._snapshot, left, self._walk.hot, self._walk.policy, by_limits=self._walk.by_limits)
        for promise in self._ahead:
            timeline.promise(promise.job, self._walk.want(promise.key), timeline.cards(promise.gpus), promise.start_at)
        placed = timeline.place_now(self._walk.want(key), self._walk.ledger.type_caps(key))
        if not isinstance(placed, Placed) or self._walk.ledger.memory_breaches(key, placed.gpus):
            return None
        return placed.gpus

    def _allowed(self, key: GroupKey, rule: str, gone: Sequence[Lease]) -> bool:
        """Whether nobody loses cards of its guarantee, but a borrower by a reclaim that gives back more than it takes.

        A wide job may hold its group's own cards and borrowed ones together: it goes if guarantees gain by it in all.
        """
        jobs = {lease.job for lease in gone}
        left = [lease for lease in self._leases if lease.job not in jobs]
        after = entitlement(self._snapshot, left, [key])
        lost = [name for name, before in self._before.items() if after[name] < before]
        if rule != "reclaim":
            return not lost
        gained = sum(after.values()) > sum(self._before.values())
        return gained and all(self._walk.ledger.standing_gpus(name) > self._before[name] for name in lost)


def _sets(victims: Sequence[Lease], now: float) -> list[tuple[Lease, ...]]:
    """Every set of these victims, the cheapest first."""
    sets = chain.from_iterable(combinations(victims, size) for size in range(1, len(victims) + 1))
    return sorted(sets, key=lambda chosen: (sum(lost_gpu_s(one, now) for one in chosen), len(chosen)))


def _preempts(
    turn: Turn, rule: str, victims: Sequence[Lease], gpus: tuple[Gpu, ...], snapshot: Snapshot
) -> tuple[Preempt, ...]:
    by = Claim(
        job=turn.waiting.job,
        key=turn.key,
        submitted_at=turn.waiting.submitted_at,
        gpus=tuple(gpu.uuid for gpu in sorted(gpus, key=lambda gpu: (gpu.index, gpu.uuid))),
        place=snapshot.place,
    )
    lost = {victim.job: lost_gpu_s(victim, snapshot.now) for victim in victims}
    return tuple(Preempt(victim=victim, by=by, rule=rule, lost_gpu_s=lost[victim.job]) for victim in victims)
