"""The planners that every batch scheduler is measured against, with `plan()`'s own signature.

They know arrival, size and expected run time and nothing else: no shares, quotas, promises to people, preemption.
Nobody asks them why, so their plans hold starts and reservations only. Pure; for the simulator alone. This module must
not know how a trace is read or a schedule is judged.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.core.decisions import Plan, Reserve, Start
from engine.core.estimate import OVERDUE_S
from engine.core.model import GpuUuid, PendingGroup, Shape, Waiting
from engine.core.placement.fits import matches, obstacle
from engine.core.placement.packing import choose, preferred
from engine.core.placement.thermal import hot_cards
from engine.core.policy import Policy
from engine.core.snapshot import Gpu, Lease, Snapshot

Planner = Callable[[Snapshot, Policy], Plan]
"""One pass: what starts now, given the world and the policy."""

Key = tuple[float, float, str]
"""Sorts first what is looked at first; ends with submission and id, so that it is total."""


def fcfs(snapshot: Snapshot, policy: Policy) -> Plan:
    """First come, first served: nobody starts before who came earlier."""
    run = Pass(snapshot, policy)
    run.start_in_order()
    return run.plan()


def greedy(snapshot: Snapshot, policy: Policy) -> Plan:
    """In order of submission, whatever fits now starts: no promises, so wide jobs may wait without a bound."""
    run = Pass(snapshot, policy)
    run.fill(run.by_submission)
    return run.plan()


def shortest_first(snapshot: Snapshot, policy: Policy) -> Plan:
    """As greedy, but the shortest expected run comes first."""
    run = Pass(snapshot, policy)
    run.fill(run.by_run_time)
    return run.plan()


def easy(snapshot: Snapshot, policy: Policy) -> Plan:
    """EASY backfill (Lifka 1995): the first who cannot start is promised the earliest place, which nobody may delay."""
    return _easy(snapshot, policy, shortest=False)


def easy_shortest(snapshot: Snapshot, policy: Policy) -> Plan:
    """EASY, with the shortest expected run backfilled first (SJBF, Tsafrir et al. 2007)."""
    return _easy(snapshot, policy, shortest=True)


def _easy(snapshot: Snapshot, policy: Policy, *, shortest: bool) -> Plan:
    run = Pass(snapshot, policy)
    head = run.start_in_order()
    if head is not None:
        run.promise(*head)
        run.fill(run.by_run_time if shortest else run.by_submission)
    return run.plan()


class Room:
    """What is free at one instant: cards, cores, memory. mb: MiB left of each card that may be used."""

    __slots__ = ("cards", "cores", "empty", "mb", "memory_mb")

    def __init__(self, cards: Mapping[GpuUuid, Gpu], cores: int, memory_mb: int) -> None:
        self.cards = cards
        self.mb = {uuid: gpu.memory_mb - gpu.foreign_mb for uuid, gpu in cards.items()}
        self.empty = set(cards)
        self.cores = cores
        self.memory_mb = memory_mb

    def copy(self) -> "Room":
        """The same, to be changed on its own."""
        other = Room.__new__(Room)
        other.cards, other.cores, other.memory_mb = self.cards, self.cores, self.memory_mb
        other.mb, other.empty = dict(self.mb), set(self.empty)
        return other

    def may_fit(self, shape: Shape) -> bool:
        """Whether it is worth a closer look."""
        if shape.cpu_cores > self.cores or shape.memory_mb > self.memory_mb:
            return False
        return shape.share or len(self.empty) >= shape.gpus

    def usable(self, shape: Shape) -> list[Gpu] | None:
        """The cards that a job of `shape` could have; `None` if they, cores or memory are too few."""
        if not self.may_fit(shape):
            return None
        if shape.share:
            wanted = max(1, shape.gpu_memory_mb)
            free = [self.cards[uuid] for uuid, left in self.mb.items() if left >= wanted]
        else:
            free = [self.cards[uuid] for uuid in self.empty]
        found = [gpu for gpu in free if matches(gpu, shape)]
        return found if len(found) >= shape.gpus else None

    def take(self, shape: Shape, gpus: Sequence[GpuUuid]) -> None:
        """A job of `shape` gets these cards."""
        self._change(shape, gpus, -1)
        self.empty.difference_update(gpus)

    def give_back(self, shape: Shape, gpus: Sequence[GpuUuid]) -> None:
        """A job of `shape` leaves these cards."""
        self._change(shape, gpus, 1)
        for uuid in gpus:
            if uuid in self.mb and self.mb[uuid] >= self.cards[uuid].memory_mb - self.cards[uuid].foreign_mb:
                self.empty.add(uuid)

    def _change(self, shape: Shape, gpus: Sequence[GpuUuid], sign: int) -> None:
        self.cores += sign * shape.cpu_cores
        self.memory_mb += sign * shape.memory_mb
        for uuid in gpus:
            if uuid in self.mb:
                gpu = self.cards[uuid]
                self.mb[uuid] += sign * (max(1, shape.gpu_memory_mb) if shape.share else gpu.memory_mb - gpu.foreign_mb)


class Pass:
    """One pass of a baseline: what is free, what was decided.

    shadow, spare: the instant (Unix seconds) of EASY's promise, and what is left then beside the promised job.
    """

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self.snapshot = snapshot
        self.now = snapshot.now
        self.hot = hot_cards(snapshot.gpus, snapshot.hot, policy.thermal)
        self.room = _room(snapshot, self.hot, policy)
        self.starts: list[Start] = []
        self.promised: list[Reserve] = []
        self.shadow = float("inf")
        self.spare: Room | None = None
        self._gone: dict[int, int] = {}

    def by_submission(self, number: int) -> Key:
        """Where the first job left of a group stands among all."""
        waiting = self.first(number)
        return (0.0, waiting.submitted_at, waiting.job)

    def by_run_time(self, number: int) -> Key:
        """The same, the shortest expected run first."""
        waiting = self.first(number)
        return (self.snapshot.run_s(self.snapshot.pending[number].key), waiting.submitted_at, waiting.job)

    def first(self, number: int) -> Waiting:
        """The first job of a group that has not been started or promised."""
        return self.snapshot.pending[number].jobs[self._gone.get(number, 0)]

    def start_in_order(self) -> tuple[int, PendingGroup] | None:
        """Start jobs in order of submission; the group whose first job is the first that does not fit, if any."""
        while (number := min(self._left(), key=self.by_submission, default=None)) is not None:
            group = self.snapshot.pending[number]
            usable = self.room.usable(group.key.shape)
            if usable is None:
                return number, group
            self.start(number, usable)
        return None

    def promise(self, number: int, group: PendingGroup) -> None:
        """Find the earliest place for a group's first job. If cards out of use leave none, it is promised nothing."""
        shape, later = group.key.shape, self.room.copy()
        for end, leases in expected_ends([*self.snapshot.leases, *(start.lease for start in self.starts)], self.now):
            for lease in leases:
                later.give_back(lease.key.shape, lease.gpus)
            if (usable := later.usable(shape)) is not None:
                # cards that are busy until then first: the idle ones stay free for backfill
                chosen = _pick(usable, later, shape, lambda gpu: gpu.uuid in self.room.empty)
                self.shadow, self.spare = end, later
                later.take(shape, chosen)
                self.reserve(number, end, chosen)
                return
        self.skip(number)

    def fill(self, key: Callable[[int], Key]) -> None:
        """Start whatever fits and delays no promise, in the order of `key`."""
        pending, room = self.snapshot.pending, self.room
        queue = [(key(number), number) for number in self._left() if room.may_fit(pending[number].key.shape)]
        heapq.heapify(queue)
        while queue:
            _, number = heapq.heappop(queue)
            usable = self._allowed(number)
            if usable is not None:  # else its equals would not fit either: things only get tighter
                self.start(number, usable)
                if self.left(number):
                    heapq.heappush(queue, (key(number), number))

    def plan(self) -> Plan:
        """What was decided."""
        return Plan(now=self.now, starts=tuple(self.starts), reservations=tuple(self.promised), holds=(), hot=self.hot)

    def _left(self) -> Iterator[int]:
        return filter(self.left, range(len(self.snapshot.pending)))

    def _allowed(self, number: int) -> list[Gpu] | None:
        """The cards on which a group's first job may start without delaying what is promised."""
        key = self.snapshot.pending[number].key
        usable = self.room.usable(key.shape)
        if usable is None or self.spare is None or self.now + self.snapshot.run_s(key) <= self.shadow:
            return usable
        beside = self.spare.usable(key.shape)
        if beside is None:
            return None
        left = [gpu for gpu in usable if gpu in beside]
        return left if len(left) >= key.shape.gpus else None

    def start(self, number: int, usable: Sequence[Gpu]) -> None:
        """Start a group's first job on some of these cards."""
        group, waiting = self.snapshot.pending[number], self.first(number)
        shape, spare = group.key.shape, self.spare
        # promised cards first: who may use them leaves the others to jobs that may not
        chosen = _pick(usable, self.room, shape, lambda gpu: spare is not None and gpu.uuid in spare.empty)
        lease = Lease(
            job=waiting.job,
            key=group.key,
            gpus=chosen,
            started_at=self.now,
            expected_end=self.now + self.snapshot.run_s(group.key),
        )
        self.starts.append(Start(lease=lease, submitted_at=waiting.submitted_at, score=0.0))
        self.room.take(shape, chosen)
        if spare is not None and lease.expected_end > self.shadow:
            spare.take(shape, chosen)
        self.skip(number)

    def reserve(self, number: int, start_at: float, gpus: tuple[GpuUuid, ...] = ()) -> None:
        """Promise a group's first job a start (Unix seconds), on cards if they are known."""
        key = self.snapshot.pending[number].key
        end_at = start_at + self.snapshot.run_s(key)
        self.promised.append(
            Reserve(
                job=self.first(number).job,
                key=key,
                gpus=gpus,
                start_at=start_at,
                end_at=end_at,
                score=0.0,
                reasons=(),
            )
        )
        self.skip(number)

    def skip(self, number: int) -> None:
        """Go on to a group's next job."""
        self._gone[number] = self._gone.get(number, 0) + 1

    def left(self, number: int) -> bool:
        """Whether a group has a next job."""
        return self._gone.get(number, 0) < len(self.snapshot.pending[number].jobs)


def _room(snapshot: Snapshot, hot: frozenset[GpuUuid], policy: Policy) -> Room:
    cards = {gpu.uuid: gpu for gpu in snapshot.gpus if obstacle(gpu, hot, policy) is None}
    room = Room(cards, snapshot.host.cpu_cores, snapshot.host.memory_mb)
    for lease in snapshot.leases:
        room.take(lease.key.shape, lease.gpus)
    return room


def expected_ends(leases: Sequence[Lease], now: float) -> Iterator[tuple[float, list[Lease]]]:
    """Leases by expected end (Unix seconds), those that end together at once."""
    ends: dict[float, list[Lease]] = {}
    for lease in leases:
        ends.setdefault(_expected_end(lease, now), []).append(lease)
    return iter(sorted(ends.items(), key=lambda entry: entry[0]))


def _expected_end(lease: Lease, now: float) -> float:
    """Who outran a prediction is taken to need twice as long, and again, up to the time limit (Tsafrir et al. 2007).

    Were it taken to end any moment, its promised cards would stand idle until it does.
    """
    predicted_s = max(1.0, lease.expected_end - lease.started_at)
    while lease.started_at + predicted_s <= now:
        predicted_s *= 2
    end = min(lease.started_at + predicted_s, lease.limit_end)
    return end if end > now else now + OVERDUE_S


def _pick(usable: Sequence[Gpu], room: Room, shape: Shape, last: Callable[[Gpu], bool]) -> tuple[GpuUuid, ...]:
    """The cards for a job among enough usable ones, by the core's own packing; cards that `last` names come last."""
    best = preferred([(gpu, room.mb[gpu.uuid]) for gpu in usable], shape)
    chosen = choose(sorted(best, key=last), shape.gpus)
    return tuple(gpu.uuid for gpu in sorted(chosen or (), key=lambda gpu: (gpu.index, gpu.uuid)))
