"""Booked reservations: the API's `Reservations`. A booking is in force before it is answered, and audited.

Must not know HTTP, nor how a pass keeps a slot.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from config.settings import SchedulingSettings
from engine.api.asks import Identity, NewReservation
from engine.core.decisions import Plan
from engine.core.model import AccountName, GroupName, JobId
from engine.core.policy import Policy
from engine.core.snapshot import CLUSTER, Gpu, Snapshot
from engine.daemon.access import Action, may
from engine.daemon.answers import audited, not_ready
from engine.daemon.booking import any_of, exactly, in_use
from engine.daemon.bookingrules import Wish, check_count, check_quotas, check_times, start_of
from engine.daemon.books import Books
from engine.daemon.calendar import Calendar
from engine.daemon.cardnames import card_named
from engine.daemon.feed import Feed
from engine.daemon.passes import Passes
from engine.daemon.slotviews import reservation_view
from engine.daemon.views import Views
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.responses import ReservationView
from engine.store.errors import Missing, StoreError
from engine.store.slots import BookedSlot
from engine.store.store import Store

_THERE = "rcq books only cards of this host. Ask an admin for a reservation of Slurm's (scontrol create reservation)."
Planner = Callable[[Snapshot, Policy], Plan]


class SlotService:
    """Fulfils `engine.api.backend.Reservations`. arm: told when `edge` has to be called next, Unix seconds."""

    def __init__(
        self,
        *,
        books: Books,
        store: Store,
        views: Views,
        passes: Passes,
        feed: Feed,
        policy: Policy,
        settings: SchedulingSettings,
        clock: Clock,
        plan: Planner,
    ) -> None:
        self._books = books
        self._store = store
        self._views = views
        self._passes = passes
        self._feed = feed
        self._policy = policy
        self._settings = settings
        self._clock = clock
        self._plan = plan
        self.arm: Callable[[float], None] = lambda when: None

    async def load(self) -> None:
        """Take up what an earlier engine booked."""
        slots = await self._store.slots.standing(self._clock.now())
        self._books.slots.load(slots, await self._store.slots.last_id())

    async def edge(self) -> None:
        """A slot has begun or ended: who may start on its cards has changed."""
        self._changed()

    def arm_next(self) -> None:
        """Have `edge` called when the next slot begins or ends."""
        when = self._books.slots.next_edge(self._clock.now())
        if when is not None:
            self.arm(when)

    async def reservations(self, who: Identity) -> list[ReservationView]:
        """All that stand and are not over, the earliest first; those of others are redacted."""
        now = self._clock.now()
        return [self._view(who, slot, now) for slot in self._books.slots.standing(now)]

    async def reserve(self, who: Identity, asked: NewReservation) -> ReservationView:
        """Book cards; on disk on return. See `engine.api.backend.Reservations` for what is refused."""
        now = self._clock.now()
        # 1. may they, then
        start = start_of(asked.start_at, now)
        standing = self._books.slots.standing(now)
        wish = Wish(who=who, start=start, end=start + asked.duration_s, standing=standing)
        check_times(wish, self._settings, now)
        # 2. which cards, and may they have so many
        slot = self._judged(wish, asked, now)
        # 3. in force before the commit: nothing may start there meanwhile; what was promised there moves
        moved = self._put_in_force(slot, now)
        # 4. on disk, or as if it had never been asked for
        entry = audited(
            self._clock, who, "reservation.add", str(slot.id), owner=slot.account, before={}, after=_told(slot)
        )
        try:
            await self._store.slots.add(slot, entry=entry)
        except StoreError as error:
            self._books.slots.drop(slot.id)
            raise not_ready(error) from error
        # 5. tell
        self._changed()
        view = self._view(who, slot, now)
        view.promises_moved = moved
        return view

    async def unreserve(self, who: Identity, number: int) -> ReservationView:
        """Take a booking back. NOT_FOUND, FORBIDDEN unless it is the caller's own or the caller an admin."""
        now = self._clock.now()
        slot = self._books.slots.find(number, now)
        if slot is None:
            raise _unknown(number)
        if not may(who, Action.UNBOOK, slot.owner):
            raise Refused("FORBIDDEN", f"Reservation {number} is not yours: ask who booked it, or an admin.")
        entry = audited(
            self._clock, who, "reservation.remove", str(number), owner=slot.account, before=_told(slot), after={}
        )
        try:
            await self._store.slots.remove(number, now, entry=entry)
        except Missing as error:
            raise _unknown(number) from error
        except StoreError as error:
            raise not_ready(error) from error
        self._books.slots.drop(number)
        self._changed()
        return self._view(who, slot, now)

    def _judged(self, wish: Wish, asked: NewReservation, now: float) -> BookedSlot:
        """The booking as it would stand. Raises Refused."""
        account = AccountName(wish.who.account)
        snapshot = self._books.snapshot(now)
        calendar = Calendar(account=account, snapshot=snapshot, slots=wish.standing)
        gpus, count = tuple(gpu for gpu in snapshot.gpus if gpu.node is None), asked.gpus or 0
        if snapshot.place == CLUSTER:
            raise Refused("INVALID_STATE", f"Everything runs on Slurm here: {_THERE}")
        named = self._named(asked, gpus)
        check_count(wish, self._settings, len(named) or count)
        window = (wish.start, wish.end)
        chosen = exactly(calendar, named, *window) if named else any_of(calendar, gpus, count, *window)
        check_quotas(wish, self._books.quotas, chosen, gpus)
        return BookedSlot(
            id=self._books.slots.next_id(),
            account=account,
            group=GroupName(wish.who.group),
            gpus=tuple(gpu.uuid for gpu in chosen),
            start_at=wish.start,
            end_at=wish.end,
            created_at=now,
        )

    def _named(self, asked: NewReservation, gpus: tuple[Gpu, ...]) -> list[Gpu]:
        """The cards that were asked for by name. Raises Refused, also for one out of use and for one of a cluster."""
        cards = [card_named(self._books.cards, name) for name in asked.cards]
        if there := next((card.reading for card in cards if card.reading.node is not None), None):
            raise Refused("INVALID_STATE", f"GPU {there.index} is in node {there.node} of Slurm: {_THERE}")
        wanted = {card.reading.uuid for card in cards}
        found = [gpu for gpu in gpus if gpu.uuid in wanted]
        in_use(found)
        return found

    def _put_in_force(self, slot: BookedSlot, now: float) -> int:
        """How many promised starts move back by it."""
        before = self._books.snapshot(now)
        after = replace(before, slots=(*before.slots, slot.for_snapshot()))
        moved = pushed_back(self._plan(before, self._policy), self._plan(after, self._policy))
        self._books.slots.add(slot)
        return moved

    def _changed(self) -> None:
        self._feed.reservations_changed()
        self._feed.gpus_changed()
        self._passes.wake()
        self.arm_next()

    def _view(self, who: Identity, slot: BookedSlot, now: float) -> ReservationView:
        return reservation_view(self._views, self._books.cards, who, slot, now)


def pushed_back(before: Plan, after: Plan) -> int:
    """How many jobs start later by the second plan than by the first, or have no promise any more."""
    later = _starts(after)
    return sum(later.get(job, float("inf")) > at for job, at in _starts(before).items())


def _told(slot: BookedSlot) -> dict[str, Any]:
    """For the audit log."""
    return {"gpus": list(slot.gpus), "start_at": slot.start_at, "end_at": slot.end_at}


def _starts(plan: Plan) -> dict[JobId, float]:
    now = {start.lease.job: plan.now for start in plan.starts}
    return now | {promise.job: promise.start_at for promise in plan.reservations}


def _unknown(number: int) -> Refused:
    told = f"There is no reservation {number}, or it is over or was taken back. See: rcq reservations."
    return Refused("NOT_FOUND", told)
