"""People's booked slots on the cards: which cards they keep from whom, and when.

Kept to the letter: nobody else's time limit may reach into a slot. Pure. Must not know leases or promises.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from engine.core.bookings import Cards, union
from engine.core.model import AccountName, GpuUuid
from engine.core.snapshot import Slot
from engine.core.wants import NOBODY, Want


class Slotted:
    """slots: all there are. bits_of: their cards as a set. cards: those that anybody has booked."""

    def __init__(self, slots: Sequence[Slot], bits_of: Callable[[Sequence[GpuUuid]], Cards]) -> None:
        self._given = slots
        self._slots = [(slot, bits_of(slot.gpus)) for slot in sorted(slots, key=lambda slot: slot.start)]
        self._starts = [slot.start for slot, _ in self._slots]
        self._owners = {slot.account for slot, _ in self._slots}
        self._kept: dict[tuple[AccountName, float, int], Cards] = {}
        self.cards = union(cards for _, cards in self._slots)

    def __bool__(self) -> bool:
        return bool(self._slots)

    def kept_from(self, want: Want, start: float) -> Cards:
        """Cards with somebody else's slot that the job would run into, started at `start`, if it used its limit."""
        account = want.account if want.account in self._owners else NOBODY
        count = bisect_left(self._starts, start + want.shape.time_limit_s)
        about = (account, start, count)
        if (known := self._kept.get(about)) is None:
            known = 0
            for slot, cards in self._slots[:count]:
                if slot.account != account and slot.end > start:
                    known |= cards
            self._kept[about] = known
        return known

    def in_way(self, uuid: GpuUuid, account: AccountName, now: float, limit_end: float) -> Slot:
        """The first of somebody else's slots on a card that a job of `account` would run into."""
        return next(
            slot
            for slot in self._given
            if uuid in slot.gpus and slot.account != account and slot.start < limit_end and slot.end > now
        )
