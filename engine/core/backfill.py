"""When cards, cores and memory are taken: by leases now, by reservations later.

A job may start now only if it runs into nothing that was promised; a job that cannot gets the earliest promise that
fits. Conservative backfill (Mu'alem and Feitelson 2001) with a bounded number of reservations, on single cards.
Pure. This module must not know quotas, order or owners.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.core.ledger import TypeCap
from engine.core.model import GpuUuid, JobId, Shape
from engine.core.placement.fits import Obstacle, matches, obstacle
from engine.core.placement.packing import choose, preferred
from engine.core.policy import Policy
from engine.core.reasons import CoresBusy, GpuTooHot, MemoryBusy, NotEnoughGpus, Reason, WouldDelay
from engine.core.snapshot import Gpu, Lease, Snapshot

OVERDUE_S = 60.0
"""A lease past its expected end is taken to end so much later than now."""
COOLING_S = 60.0
"""A hot card is promised to nobody sooner than so much later than now."""


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
    """Leases and reservations on every card, and on the host's cores and memory."""

    def __init__(self, snapshot: Snapshot, leases: Sequence[Lease], hot: frozenset[GpuUuid], policy: Policy) -> None:
        self.now = snapshot.now
        self._host = snapshot.host
        self._cards = [
            Card(gpu, obstacle(gpu, hot, policy))
            for gpu in sorted(snapshot.gpus, key=lambda gpu: (gpu.index, gpu.uuid))
        ]
        self._by_uuid = {card.gpu.uuid: card for card in self._cards}
        self._bookings: list[Booking] = []
        self._refusals: dict[Shape, Refused] = {}
        self._taken_at: dict[float, tuple[int, int]] = {}
        for lease in leases:
            self.lease(lease)

    @property
    def reservations(self) -> list[Booking]:
        """What is promised, in the order in which it was."""
        return [booking for booking in self._bookings if booking.promised]

    def lease(self, lease: Lease) -> None:
        """Book a lease, to its expected end or a little beyond now."""
        end = lease.expected_end if lease.expected_end > self.now else self.now + OVERDUE_S
        self._book(lease.job, lease.key.shape, lease.gpus, min(lease.started_at, self.now), end, promised=False)

    def promise(self, job: JobId, shape: Shape, gpus: Sequence[Gpu], start: float) -> None:
        """Book a reservation from `start` for the job's time limit."""
        self._book(job, shape, [gpu.uuid for gpu in gpus], start, start + shape.time_limit_s, promised=True)

    def place_now(self, shape: Shape, caps: Sequence[TypeCap] = ()) -> Placed | Refused:
        """Where a job of `shape` can start now without delaying what is promised, or all that stands in its way."""
        if not caps and (known := self._refusals.get(shape)) is not None:
            return known
        until = self.now + shape.time_limit_s
        usable = [
            card for card in self._matching(shape) if card.obstacle is None and card.takes(shape, self.now, until)
        ]
        host_free = self._host_takes(shape, self.now, until)
        if host_free and (chosen := self._choose(usable, shape, self.now, until, caps)) is not None:
            return Placed(chosen)
        capped = host_free and len(usable) >= shape.gpus
        refused = Refused(() if capped else self._reasons(shape, len(usable)), capped)
        if not caps:
            self._refusals[shape] = refused
        return refused

    def earliest(self, shape: Shape, caps: Sequence[TypeCap] = ()) -> tuple[float, tuple[Gpu, ...]] | None:
        """The first instant after now, with cards, at which `shape` fits for its whole time limit.

        `None` if cards that are out of use for an unknown time leave too few.
        """
        for start in self._instants():
            until = start + shape.time_limit_s
            if self._host_takes(shape, start, until):
                usable = [card for card in self._matching(shape) if self._back_by(card, start)]
                usable = [card for card in usable if card.takes(shape, start, until)]
                chosen = self._choose(usable, shape, start, until, caps)
                if chosen is not None:
                    return start, chosen
        return None

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
        return [card for card in self._cards if matches(card.gpu, shape)] if shape.gpus else []

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
        ends = {booking.end for booking in self._bookings}
        return sorted({self.now + COOLING_S, *ends} - {self.now})

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

    def _reasons(self, shape: Shape, startable: int) -> tuple[Reason, ...]:
        return (*self._card_reasons(shape), *self._host_reasons(shape)) or tuple(self._delays(shape, startable))

    def _card_reasons(self, shape: Shape) -> Iterator[Reason]:
        matching = self._matching(shape)
        free = [card for card in matching if card.takes(shape, self.now, self.now + 1e-6)]
        usable = sum(card.obstacle is None for card in free)
        if usable < shape.gpus:
            yield from (card.obstacle for card in free if card.obstacle is not None)
            yield NotEnoughGpus(wanted=shape.gpus, free=usable, matching=len(matching))

    def _host_reasons(self, shape: Shape) -> Iterator[Reason]:
        cores, memory_mb = self._taken(self.now)
        if (free := self._host.cpu_cores - cores) < shape.cpu_cores:
            yield CoresBusy(wanted=shape.cpu_cores, free=free, total=self._host.cpu_cores)
        if (free := self._host.memory_mb - memory_mb) < shape.memory_mb:
            yield MemoryBusy(wanted=shape.memory_mb, free=free, total=self._host.memory_mb)

    def _delays(self, shape: Shape, startable: int) -> Iterator[Reason]:
        """What is promised and in the way: on the cards if too few are left, else on cores or memory."""
        until = self.now + shape.time_limit_s
        for booking in sorted(self.reservations, key=lambda promise: (promise.start, promise.job)):
            if booking.start >= until:
                continue
            on_cards = any(booking in card.bookings for card in self._matching(shape))
            if on_cards if startable < shape.gpus else not self._host_takes(shape, booking.start, booking.end):
                yield WouldDelay(job=booking.job, start_at=booking.start, until=until)
