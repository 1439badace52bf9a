"""When cards, cores and memory are taken: by leases now, by reservations later, by people's booked slots.

A job may start now only if it runs into nothing that was promised; a job that cannot gets the earliest promise that
fits. Conservative backfill (Mu'alem and Feitelson 2001) with a bounded number of reservations, on single cards. What
the scheduler promises rests on what the policy says; what a person booked is kept by time limits always.
Pure. This module must not know quotas or order.
"""

from bisect import insort
from collections.abc import Iterator, Sequence
from copy import copy

from engine.core.bookings import Booking, Card, Cards, Steps, bits, places
from engine.core.estimate import foreseen_end, latest_end
from engine.core.ledger import TypeCap
from engine.core.model import GpuUuid, JobId, Shape
from engine.core.placement.fits import LASTING, matches, obstacle
from engine.core.placement.nodes import Machines
from engine.core.placement.packing import choose, gang, preferred
from engine.core.placement.thermal import warmth
from engine.core.placement.watts import watts_of
from engine.core.policy import Policy
from engine.core.powered import Powered
from engine.core.reasons import (
    Booked,
    CoresBusy,
    GpuForeign,
    GpuMemoryTaken,
    GpuSettling,
    GpuTooHot,
    MemoryBusy,
    NotEnoughGpus,
    Reason,
    WouldDelay,
)
from engine.core.slotted import Slotted
from engine.core.snapshot import Gpu, Lease, Snapshot
from engine.core.wants import CAPPED, Placed, Refused, Want

COOLING_S = 60.0
"""A hot card is promised to nobody sooner than so much later than now."""
SETTLING_S = 1.0
"""A card that a job just left is taken to be seen free after so long: a reading or two."""
MOMENT_S = 1e-6
"""A stretch of time in which nothing changes."""


class Timeline:
    """Leases and reservations on every card, and on the host's cores and memory; slots on the cards."""

    def __init__(self, snapshot: Snapshot, hot: frozenset[GpuUuid], policy: Policy, *, by_limits: bool) -> None:
        self.now = snapshot.now
        self._end = latest_end if by_limits else foreseen_end
        self._host = snapshot.host
        gpus = sorted(snapshot.gpus, key=lambda gpu: (gpu.index, gpu.uuid))
        self._cards = [Card(gpu) for gpu in gpus]
        self._place = {gpu.uuid: at for at, gpu in enumerate(gpus)}
        self._machines = Machines(gpus)
        self._obstacles = {at: found for at, gpu in enumerate(gpus) if (found := obstacle(gpu, hot, policy))}
        self._in_use = bits(at for at in range(len(gpus)) if at not in self._obstacles)
        self._warmth = warmth(gpus, policy.thermal)
        self._hot = bits(at for at, found in self._obstacles.items() if isinstance(found, GpuTooHot))
        self._settling = bits(at for at, found in self._obstacles.items() if isinstance(found, GpuSettling))
        self._strange = bits(at for at, found in self._obstacles.items() if isinstance(found, GpuForeign))
        watts = watts_of(gpus, policy.power, {gpus[at].uuid for at in places(self._strange)})
        self._steps = Steps(self.now, watts)
        self._power = Powered(watts, self._steps, self._place) if watts else None
        self._promises: list[Booking] = []
        self._matches: dict[tuple[str | None, int, bool], Cards] = {}
        self._rooms: dict[tuple[str | None, int, bool], Cards] = {}
        self._open: dict[tuple[str | None, int, bool, int], Cards] = {}
        self._full: dict[tuple[str | None, int, int, bool], Refused] = {}
        self._slots = Slotted(snapshot.slots, self._bits_of)
        settled = (self.now + SETTLING_S,) if self._settling else ()
        self._ends = {self.now + COOLING_S, *settled, *(slot.end for slot in snapshot.slots)}
        self._instants_known: list[float] = []
        self._ends_changed = True

    def copied(self) -> "Timeline":
        """The same, for more to be booked on; what depends on cards and slots alone is shared."""
        other = copy(self)
        other._cards = [card.copied() for card in self._cards]
        other._steps = self._steps.copied()
        other._promises, other._ends, other._open, other._full = [*self._promises], {*self._ends}, {}, {}
        other._power = self._power.over(other._steps) if self._power else None
        return other

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
        return self.refusal(want) or self.chosen(want, caps)

    def refusal(self, want: Want) -> Refused | None:
        """All that keeps the job from starting now, whatever its owner's caps; `None` if nothing does."""
        shape = want.shape
        full = self._full.get((shape.gpu_type, shape.gpu_memory_mb, shape.gpus, shape.share))
        if full is not None:
            short = tuple(self._host_reasons(shape))
            return Refused((*full.reasons, *short)) if short else full
        usable = self._usable(want, self.now) if shape.gpus else 0
        there = self._machines.has(usable, shape.gpus)
        if there and self._host_takes(shape, self.now, self.now + want.run_s) and self._powered(want):
            return None
        return Refused(self._reasons(want, enough_cards=there))

    def chosen(self, want: Want, caps: Sequence[TypeCap]) -> Placed | Refused:
        """The cards for a job that nothing but its owner's caps can keep from starting now."""
        gpus = self._choose(self._usable(want, self.now), want.shape, self.now, self.now + want.run_s, caps)
        return CAPPED if gpus is None else Placed(gpus)

    def earliest(
        self, want: Want, caps: Sequence[TypeCap] = (), *, within_s: float = float("inf")
    ) -> tuple[float, tuple[Gpu, ...]] | None:
        """The first instant after now, with cards, at which the job fits for its whole run.

        `None` if that is more than `within_s` seconds ahead, or if cards that are out of use for an unknown time leave
        too few.
        """
        shape = want.shape
        cards = self._matching(shape) & (self._in_use | self._hot | self._settling)
        if not self._machines.enough(cards, shape.gpus, caps):
            return None
        for start in self._instants():
            if start - self.now > within_s:
                return None
            taken = self._steps.whole(start, start) if shape.share else self._steps.cards(start, start)
            until = start + want.run_s
            if self._machines.has(cards & ~taken, shape.gpus) and self._host_takes(shape, start, until):
                chosen = self._choose(self._usable(want, start), shape, start, until, caps)
                if chosen is not None:
                    return start, chosen
        return None

    def after_strangers(self, want: Want, caps: Sequence[TypeCap] = ()) -> tuple[float, tuple[Gpu, ...]] | None:
        """Once all that is booked is over, cards that the job could have if strangers made room; nobody knows when.

        Cards and cores alike count as theirs to give. `None` where the machines that take jobs could never hold it.
        """
        shape, start = want.shape, self._instants()[-1]
        rooms = {room.name for room in self._host.nodes if room.open and room.holds(shape)}
        if not shape.gpus:
            return (start, ()) if rooms else None
        cards = self._matching(shape) & (self._in_use | self._hot | self._settling | self._strange)
        cards &= bits(at for at, card in enumerate(self._cards) if card.gpu.node in rooms)
        chosen = self._choose(cards, shape, start, start + want.run_s, caps)
        return None if chosen is None else (start, chosen)

    def cleared_at(self, gpus: Sequence[GpuUuid], shape: Shape) -> float:
        """When these cards are free for `shape`, as far as leases go."""
        at = self.now
        for card in self._of(self._bits_of(gpus)):
            ends = [booking.end for booking in card.bookings if not booking.promised and booking.end > at]
            while ends and not card.takes(shape, at, at + MOMENT_S):
                at = min(ends)
                ends = [end for end in ends if end > at]
        return at

    def usable_at(self, gpus: Sequence[GpuUuid]) -> float:
        """When these cards are taken to be in use again: soon, if all that is wrong is that a job just left them."""
        out = self._bits_of(gpus) & ~self._in_use
        return self.now + (COOLING_S if out & ~self._settling or not out else SETTLING_S)

    def powered_at(self, want: Want, gpus: Sequence[GpuUuid], start: float) -> float:
        """When, from `start` on, the power budget bears the job on these cards; `start` if it never does."""
        if self._power is None:
            return start
        cards = self._bits_of(gpus)
        moments = (start, *(at for at in self._instants() if at > start))
        return next((at for at in moments if self._steps.bears(cards, want.shape, at, at + want.run_s)), start)

    def startable(self, want: Want, gpus: Sequence[Gpu]) -> bool:
        """Whether the job can start now on just these cards."""
        cards = self._bits_of([gpu.uuid for gpu in gpus])
        free, end = self._takers(cards & self._in_use, want, self.now), self.now + want.run_s
        fits = free == cards and self._host_takes(want.shape, self.now, end)
        return fits and self._steps.bears(cards, want.shape, self.now, end)

    def cards(self, uuids: Sequence[GpuUuid]) -> tuple[Gpu, ...]:
        """The cards of these UUIDs that there are."""
        return tuple(self._cards[self._place[uuid]].gpu for uuid in uuids if uuid in self._place)

    def _book(
        self, job: JobId, shape: Shape, gpus: Sequence[GpuUuid], start: float, end: float, *, promised: bool
    ) -> None:
        cards = self._bits_of(gpus)
        booking = Booking(job=job, shape=shape, start=start, end=end, cards=cards, promised=promised)
        self._steps.add(booking)
        self._ends.add(end)
        self._ends_changed = True
        self._open.clear()
        self._full.clear()
        if self._power is not None:
            self._power.borne.clear()
        for card in self._of(cards):
            card.bookings.append(booking)
        if promised:
            insort(self._promises, booking, key=lambda promise: (promise.start, promise.job))

    def _usable(self, want: Want, start: float) -> Cards:
        """Cards that the job could have for its whole run from `start` on."""
        shape = want.shape
        in_use = self._in_use | self._hot if start >= self.now + COOLING_S else self._in_use
        if start >= self.now + SETTLING_S:
            in_use |= self._settling
        if start > self.now:
            return self._takers(self._matching(shape) & in_use, want, start)
        open_cards = self._open_now(shape, self.now + want.run_s) & in_use
        return open_cards & ~self._slots.kept_from(want, start) if self._slots else open_cards

    def _takers(self, cards: Cards, want: Want, start: float) -> Cards:
        """Those of the cards that are open for the job's whole run from `start` on, and kept for nobody else."""
        found = self._open_of(cards, want.shape, start, start + want.run_s)
        return found & ~self._slots.kept_from(want, start) if self._slots else found

    def _open_now(self, shape: Shape, end: float) -> Cards:
        """Matching cards on which nothing is in the way of `shape` from now to `end`."""
        if not shape.share:
            return self._roomy(shape) & ~self._steps.cards(self.now, end)
        about = (shape.gpu_type, shape.gpu_memory_mb, shape.gpus > 1, self._steps.until(end))
        if (known := self._open.get(about)) is None:
            known = self._open[about] = self._open_of(self._matching(shape), shape, self.now, end)
        return known

    def _open_of(self, cards: Cards, shape: Shape, start: float, end: float) -> Cards:
        """Those of the cards on which nothing is in the way of `shape` between the two."""
        if not shape.share:
            return cards & self._roomy(shape) & ~self._steps.cards(start, end)
        cards &= ~self._steps.whole(start, end)
        return bits(self._place[card.gpu.uuid] for card in self._of(cards) if card.takes(shape, start, end))

    def _matching(self, shape: Shape) -> Cards:
        if not shape.gpus:
            return 0
        wanted = (shape.gpu_type, shape.gpu_memory_mb, shape.gpus > 1)
        if (known := self._matches.get(wanted)) is None:
            known = bits(at for at, card in enumerate(self._cards) if matches(card.gpu, shape))
            self._matches[wanted] = known
        return known

    def _roomy(self, shape: Shape) -> Cards:
        """Matching cards of which others leave the memory that a whole-card job needs, whenever it starts.

        A card is not kept clear for a job whom strangers keep off it: nobody knows when they leave.
        """
        if not shape.gpus:
            return 0  # not remembered: jobs that want a card ask by the same
        about = (shape.gpu_type, shape.gpu_memory_mb, shape.gpus > 1)
        if (known := self._rooms.get(about)) is None:
            matching = self._matching(shape)
            known = bits(
                at
                for at, card in enumerate(self._cards)
                if matching >> at & 1 and card.gpu.open_mb >= shape.gpu_memory_mb
            )
            self._rooms[about] = known
        return known

    def _choose(
        self, usable: Cards, shape: Shape, start: float, end: float, caps: Sequence[TypeCap]
    ) -> tuple[Gpu, ...] | None:
        for cards in self._machines.enough(usable, shape.gpus, caps):
            chosen = self._chosen_of(cards, shape, start, end, caps)
            if chosen is not None:
                return chosen
        return None

    def _chosen_of(
        self, usable: Cards, shape: Shape, start: float, end: float, caps: Sequence[TypeCap]
    ) -> tuple[Gpu, ...] | None:
        best_first = self._best_first(usable, shape, start, end)
        if shape.share:
            chosen = choose(best_first, shape.gpus, caps)
        else:
            chosen = gang(best_first, shape.gpus, caps, self._place)
        if self._power is None or chosen is None or self._power.bears(chosen, shape, start, end):
            return chosen
        return self._power.thrifty(best_first, shape, start, end, caps)

    def _best_first(self, usable: Cards, shape: Shape, start: float, end: float) -> list[Gpu]:
        return preferred([(card.gpu, card.free_mb(start, end)) for card in self._of(usable)], shape, self._warmth)

    def _powered(self, want: Want) -> bool:
        """Whether the power budget bears the job from now on, on some of the cards that it could have."""
        shape, end = want.shape, self.now + want.run_s
        if self._power is None or not shape.gpus:
            return True
        usable, borne = self._usable(want, self.now), self._power.borne
        about = (usable, shape.gpus, shape.gpu_power_w, shape.share, shape.gpu_memory_mb, self._steps.until(end))
        if (known := borne.get(about)) is None:
            known = borne[about] = self._choose(usable, shape, self.now, end, ()) is not None
        return known

    def _instants(self) -> list[float]:
        """Moments after now at which something ends or cools down."""
        if self._ends_changed:
            self._instants_known = sorted(at for at in self._ends if at > self.now)
            self._ends_changed = False
        return self._instants_known

    def _host_takes(self, shape: Shape, start: float, end: float) -> bool:
        """Whether cores and memory last from `start` to `end`."""
        cores, memory_mb = self._steps.host(start, end)
        return cores + shape.cpu_cores <= self._host.cpu_cores and memory_mb + shape.memory_mb <= self._host.memory_mb

    def _reasons(self, want: Want, *, enough_cards: bool) -> tuple[Reason, ...]:
        lacking = self._card_reasons(want)
        found = (*lacking, *self._host_reasons(want.shape))
        if self._power is None or lacking or not want.shape.gpus:
            return found or tuple(self._delays(want, enough_cards=enough_cards))
        free = self._open_now(want.shape, self.now + MOMENT_S) & self._in_use
        free &= ~self._slots.kept_from(want, self.now)
        found += tuple(self._power_short(want, free, self.now + MOMENT_S))
        found = found or tuple(self._delays(want, enough_cards=enough_cards))
        return found or tuple(self._power_short(want, self._usable(want, self.now), self.now + want.run_s))

    def _power_short(self, want: Want, cards: Cards, until: float) -> Iterator[Reason]:
        if self._power is not None:
            best_first = self._best_first(cards, want.shape, self.now, until)
            yield from self._power.short(best_first, want.shape, self.now, until)

    def _card_reasons(self, want: Want) -> tuple[Reason, ...]:
        """What is wrong with the cards at this moment; where it is the same for everybody, it is worked out once."""
        shape = want.shape
        if not shape.gpus:
            return ()
        free = self._open_now(shape, self.now + MOMENT_S)
        usable = free & self._in_use
        kept = usable & self._slots.kept_from(want, self.now) if self._slots else 0
        if self._machines.has(usable & ~kept, shape.gpus):
            return ()
        found = tuple(self._out_of_use(want, free, usable, kept))
        if not usable & self._slots.cards:
            self._full[shape.gpu_type, shape.gpu_memory_mb, shape.gpus, shape.share] = Refused(found)
        return found

    def _out_of_use(self, want: Want, free: Cards, usable: Cards, kept: Cards) -> Iterator[Reason]:
        shape, limit_end = want.shape, self.now + want.shape.time_limit_s
        matching = self._matching(shape)
        where = {at: matching if isinstance(found, LASTING) else free for at, found in self._obstacles.items()}
        yield from (found for at, found in self._obstacles.items() if where[at] >> at & 1)
        yield from self._taken_in_fact(shape, free)
        for gpu in (card.gpu for card in self._of(kept)):
            slot = self._slots.in_way(gpu.uuid, want.account, self.now, limit_end)
            yield Booked(
                slot=slot.slot, gpu=gpu.uuid, index=gpu.index, start_at=slot.start, end_at=slot.end, until=limit_end
            )
        free, there = (self._machines.most(cards, shape.gpus) for cards in (usable, matching))
        if free < shape.gpus:
            yield NotEnoughGpus(wanted=shape.gpus, free=free, matching=there)

    def _taken_in_fact(self, shape: Shape, free: Cards) -> Iterator[GpuMemoryTaken]:
        """Cards in use that the books would give it: their memory is measured to be with others."""
        moment = (self.now, self.now + MOMENT_S)
        booked = self._steps.whole(*moment) if shape.share else self._steps.cards(*moment)
        needed = max(1, shape.gpu_memory_mb)
        for card in self._of(self._matching(shape) & self._in_use & ~free & ~booked):
            if card.booked_free_mb(*moment) >= needed:
                gpu, free_mb = card.gpu, card.free_mb(*moment)
                yield GpuMemoryTaken(gpu=gpu.uuid, index=gpu.index, wanted_mb=needed, free_mb=free_mb)

    def _host_reasons(self, shape: Shape) -> Iterator[Reason]:
        cores, memory_mb = self._steps.host_now
        if (free := self._host.cpu_cores - cores) < shape.cpu_cores:
            yield CoresBusy(wanted=shape.cpu_cores, free=free, total=self._host.cpu_cores)
        if (free := self._host.memory_mb - memory_mb) < shape.memory_mb:
            yield MemoryBusy(wanted=shape.memory_mb, free=free, total=self._host.memory_mb)

    def _delays(self, want: Want, *, enough_cards: bool) -> Iterator[Reason]:
        """What is promised and in the way: on the cards if too few are left, else on cores, memory, power."""
        shape, until = want.shape, self.now + want.run_s
        matching = self._matching(shape)
        for booking in self._promises:
            if booking.start >= until:
                return
            on_cards = booking.cards & matching
            if self._crowds(want, booking) if enough_cards else on_cards:
                yield WouldDelay(job=booking.job, start_at=booking.start, until=until)

    def _crowds(self, want: Want, promise: Booking) -> bool:
        """Whether cores, memory or power do not last for the job beside that promise, where cards do."""
        shape, start = want.shape, promise.start
        if not self._host_takes(shape, start, promise.end):
            return True
        usable = self._usable(want, self.now) if self._power is not None and shape.gpus else 0
        return usable > 0 and self._choose(usable, shape, start, start + MOMENT_S, ()) is None

    def _bits_of(self, uuids: Sequence[GpuUuid]) -> Cards:
        return bits(self._place[uuid] for uuid in uuids if uuid in self._place)

    def _of(self, cards: Cards) -> list[Card]:
        return [self._cards[at] for at in places(cards)]
