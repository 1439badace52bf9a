"""When cards, cores and memory are taken: by leases now, by reservations later, by people's booked slots.

A job may start now only if it runs into nothing that was promised; a job that cannot gets the earliest promise that
fits. Conservative backfill (Mu'alem and Feitelson 2001) with a bounded number of reservations, on single cards. What
the scheduler promises rests on what the policy says; what a person booked is kept by time limits always.
Pure. This module must not know quotas or order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.core.estimate import foreseen_end, latest_end
from engine.core.ledger import TypeCap
from engine.core.model import AccountName, GpuUuid, JobId, Shape
from engine.core.placement.fits import Obstacle, matches, obstacle
from engine.core.placement.packing import choose, preferred
from engine.core.policy import Policy
from engine.core.reasons import Booked, CoresBusy, GpuTooHot, MemoryBusy, NotEnoughGpus, Reason, WouldDelay
from engine.core.snapshot import Gpu, Lease, Slot, Snapshot

COOLING_S = 60.0
"""A hot card is promised to nobody sooner than so much later than now."""


NOBODY = AccountName("")
"""Whoever asks, where nothing is booked for a person."""


@dataclass(slots=True, frozen=True, eq=False, kw_only=True)
class Booking:
    """Something is taken from `start` to `end`. memory_mb is of each card for a sharer, else the card is taken whole.

    promised: a reservation, not a lease.
    """

    job: JobId
    shape: Shape
    start: float
    end: float
    promised: bool


@dataclass(slots=True, eq=False)
class Card:
    """A card with what is booked on it."""

    gpu: Gpu
    obstacle: Obstacle | None
    bookings: list[Booking] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)

    def free_mb(self, start: float, end: float) -> int:
        """MiB that nobody has between `start` and `end`: 0 while a whole-card booking overlaps."""
        taken = self.gpu.foreign_mb
        for booking in self.bookings:
            if booking.start < end and booking.end > start:
                if not booking.shape.share:
                    return 0
                taken += booking.shape.gpu_memory_mb
        return max(0, self.gpu.memory_mb - taken)

    def takes(self, shape: Shape, start: float, end: float) -> bool:
        """Whether `shape` could have this card from `start` to `end`, as far as bookings go."""
        if shape.share:
            return self.free_mb(start, end) >= max(1, shape.gpu_memory_mb)
        return not any(booking.start < end and booking.end > start for booking in self.bookings)

    def booked(self, account: AccountName, start: float, limit_end: float) -> Slot | None:
        """Somebody else's slot that a job of `account` would run into between these two."""
        for slot in self.slots:
            if slot.account != account and slot.start < limit_end and slot.end > start:
                return slot
        return None


@dataclass(slots=True, frozen=True, kw_only=True)
class Want:
    """What is looked for: a place for `shape` for `run_s` seconds, for a job of `account`."""

    shape: Shape
    run_s: float
    account: AccountName


@dataclass(slots=True, frozen=True)
class Placed:
    """Cards for a job, best set, by index."""

    gpus: tuple[Gpu, ...]


@dataclass(slots=True, frozen=True)
class Refused:
    """No place now; `capped` says that only a cap on a card type stood in the way."""

    reasons: tuple[Reason, ...]
    capped: bool = False


class Timeline:
    """Leases and reservations on every card, and on the host's cores and memory; slots on the cards."""

    def __init__(
        self, snapshot: Snapshot, leases: Sequence[Lease], hot: frozenset[GpuUuid], policy: Policy, *, by_limits: bool
    ) -> None:
        self.now = snapshot.now
        self._end = latest_end if by_limits else foreseen_end
        self._host = snapshot.host
        self._cards = [
            Card(gpu, obstacle(gpu, hot, policy))
            for gpu in sorted(snapshot.gpus, key=lambda gpu: (gpu.index, gpu.uuid))
        ]
        self._by_uuid = {card.gpu.uuid: card for card in self._cards}
        self._bookings: list[Booking] = []
        self._matches: dict[tuple[str | None, int], list[Card]] = {}
        self._refusals: dict[Want, Refused] = {}
        self._taken_at: dict[float, tuple[int, int]] = {}
        for slot in snapshot.slots:
            for card in (self._by_uuid[uuid] for uuid in slot.gpus if uuid in self._by_uuid):
                card.slots.append(slot)
        self._slots = snapshot.slots
        for lease in leases:
            self.lease(lease)

    @property
    def reservations(self) -> list[Booking]:
        """What is promised, in the order in which it was."""
        return [booking for booking in self._bookings if booking.promised]

    def lease(self, lease: Lease) -> None:
        """Book a lease, to its end as the policy has it, or a little beyond now."""
        end = self._end(lease, self.now)
        self._book(lease.job, lease.key.shape, lease.gpus, min(lease.started_at, self.now), end, promised=False)

    def promise(self, job: JobId, want: Want, gpus: Sequence[Gpu], start: float) -> None:
        """Book a reservation from `start` for as long as the job is taken to run."""
        uuids = [gpu.uuid for gpu in gpus]
        self._book(job, want.shape, uuids, start, start + want.run_s, promised=True)

    def place_now(self, want: Want, caps: Sequence[TypeCap] = ()) -> Placed | Refused:
        """Where the job can start now without delaying what is promised, or all that stands in its way."""
        if not self._slots:
            want = Want(shape=want.shape, run_s=want.run_s, account=NOBODY)
        if not caps and (known := self._refusals.get(want)) is not None:
            return known
        shape, until = want.shape, self.now + want.run_s
        usable = [card for card in self._matching(shape) if card.obstacle is None and self._takes(card, want, self.now)]
        host_free = self._host_takes(shape, self.now, until)
        if host_free and (chosen := self._choose(usable, shape, self.now, until, caps)) is not None:
            return Placed(chosen)
        capped = host_free and len(usable) >= shape.gpus
        refused = Refused(() if capped else self._reasons(want, len(usable)), capped)
        if not caps:
            self._refusals[want] = refused
        return refused

    def earliest(
        self, want: Want, caps: Sequence[TypeCap] = (), *, within_s: float = float("inf")
    ) -> tuple[float, tuple[Gpu, ...]] | None:
        """The first instant after now, with cards, at which the job fits for its whole run.

        `None` if that is more than `within_s` seconds ahead, or if cards that are out of use for an unknown time leave
        too few.
        """
        shape = want.shape
        for start in self._instants():
            if start - self.now > within_s:
                return None
            until = start + want.run_s
            if self._host_takes(shape, start, until):
                usable = [card for card in self._matching(shape) if self._back_by(card, start)]
                usable = [card for card in usable if self._takes(card, want, start)]
                chosen = self._choose(usable, shape, start, until, caps)
                if chosen is not None:
                    return start, chosen
        return None

    def cleared_at(self, gpus: Sequence[GpuUuid], shape: Shape) -> float:
        """When these cards are free for `shape`, as far as leases go."""
        at = self.now
        for card in (self._by_uuid[uuid] for uuid in gpus):
            ends = [booking.end for booking in card.bookings if not booking.promised and booking.end > at]
            while ends and not card.takes(shape, at, at + 1e-6):
                at = min(ends)
                ends = [end for end in ends if end > at]
        return at

    def startable(self, want: Want, gpus: Sequence[Gpu]) -> bool:
        """Whether the job can start now on just these cards."""
        cards = [self._by_uuid[gpu.uuid] for gpu in gpus]
        free = all(card.obstacle is None and self._takes(card, want, self.now) for card in cards)
        return free and self._host_takes(want.shape, self.now, self.now + want.run_s)

    def cards(self, uuids: Sequence[GpuUuid]) -> tuple[Gpu, ...]:
        """The cards of these UUIDs that there are."""
        return tuple(self._by_uuid[uuid].gpu for uuid in uuids if uuid in self._by_uuid)

    def _takes(self, card: Card, want: Want, start: float) -> bool:
        if not card.takes(want.shape, start, start + want.run_s):
            return False
        return not card.slots or card.booked(want.account, start, start + want.shape.time_limit_s) is None

    def _book(
        self, job: JobId, shape: Shape, gpus: Sequence[GpuUuid], start: float, end: float, *, promised: bool
    ) -> None:
        booking = Booking(job=job, shape=shape, start=start, end=end, promised=promised)
        self._bookings.append(booking)
        self._refusals.clear()
        self._taken_at.clear()
        for uuid in gpus:
            if (card := self._by_uuid.get(uuid)) is not None:
                card.bookings.append(booking)

    def _matching(self, shape: Shape) -> list[Card]:
        if not shape.gpus:
            return []
        wanted = (shape.gpu_type, shape.gpu_memory_mb)
        if (known := self._matches.get(wanted)) is None:
            known = self._matches[wanted] = [card for card in self._cards if matches(card.gpu, shape)]
        return known

    @staticmethod
    def _choose(
        usable: Sequence[Card], shape: Shape, start: float, end: float, caps: Sequence[TypeCap]
    ) -> tuple[Gpu, ...] | None:
        if len(usable) < shape.gpus:
            return None
        return choose(preferred([(card.gpu, card.free_mb(start, end)) for card in usable], shape), shape.gpus, caps)

    def _back_by(self, card: Card, start: float) -> bool:
        if card.obstacle is None:
            return True
        return isinstance(card.obstacle, GpuTooHot) and start >= self.now + COOLING_S

    def _instants(self) -> list[float]:
        ends = {booking.end for booking in self._bookings} | {slot.end for slot in self._slots}
        return sorted(at for at in {self.now + COOLING_S, *ends} if at > self.now)

    def _taken(self, at: float) -> tuple[int, int]:
        """Cores and MiB of host memory booked at one instant."""
        if (known := self._taken_at.get(at)) is None:
            shapes = [booking.shape for booking in self._bookings if booking.start <= at < booking.end]
            known = (sum(shape.cpu_cores for shape in shapes), sum(shape.memory_mb for shape in shapes))
            self._taken_at[at] = known
        return known

    def _host_takes(self, shape: Shape, start: float, end: float) -> bool:
        """Whether cores and memory last from `start` to `end`: use rises only where a booking starts."""
        rises = {booking.start for booking in self._bookings if start < booking.start < end}
        for at in (start, *rises):
            cores, memory_mb = self._taken(at)
            if cores + shape.cpu_cores > self._host.cpu_cores or memory_mb + shape.memory_mb > self._host.memory_mb:
                return False
        return True

    def _reasons(self, want: Want, startable: int) -> tuple[Reason, ...]:
        found = (*self._card_reasons(want), *self._host_reasons(want.shape))
        return found or tuple(self._delays(want, startable))

    def _card_reasons(self, want: Want) -> Iterator[Reason]:
        shape, limit_end = want.shape, self.now + want.shape.time_limit_s
        matching = self._matching(shape)
        free = [card for card in matching if card.takes(shape, self.now, self.now + 1e-6)]
        usable = [card for card in free if card.obstacle is None]
        kept = [(card, slot) for card in usable if (slot := card.booked(want.account, self.now, limit_end))]
        if len(usable) - len(kept) < shape.gpus:
            yield from (card.obstacle for card in free if card.obstacle is not None)
            for card, slot in kept:
                yield Booked(
                    slot=slot.slot,
                    gpu=card.gpu.uuid,
                    index=card.gpu.index,
                    start_at=slot.start,
                    end_at=slot.end,
                    until=limit_end,
                )
            if len(usable) < shape.gpus:
                yield NotEnoughGpus(wanted=shape.gpus, free=len(usable), matching=len(matching))

    def _host_reasons(self, shape: Shape) -> Iterator[Reason]:
        cores, memory_mb = self._taken(self.now)
        if (free := self._host.cpu_cores - cores) < shape.cpu_cores:
            yield CoresBusy(wanted=shape.cpu_cores, free=free, total=self._host.cpu_cores)
        if (free := self._host.memory_mb - memory_mb) < shape.memory_mb:
            yield MemoryBusy(wanted=shape.memory_mb, free=free, total=self._host.memory_mb)

    def _delays(self, want: Want, startable: int) -> Iterator[Reason]:
        """What is promised and in the way: on the cards if too few are left, else on cores or memory."""
        shape, until = want.shape, self.now + want.run_s
        for booking in sorted(self.reservations, key=lambda promise: (promise.start, promise.job)):
            if booking.start >= until:
                continue
            on_cards = any(booking in card.bookings for card in self._matching(shape))
            if on_cards if startable < shape.gpus else not self._host_takes(shape, booking.start, booking.end):
                yield WouldDelay(job=booking.job, start_at=booking.start, until=until)
