"""The booked reservations in memory, for snapshots and for who looks at a card.

Owned by the event loop. Must not know who may book, nor how a booking is written down.
"""

from collections.abc import Iterable

from engine.core.model import GpuUuid
from engine.core.snapshot import Slot
from engine.store.slots import BookedSlot


class SlotBook:
    """What stands and is not over; a slot that has ended leaves it by itself."""

    def __init__(self) -> None:
        self._slots: dict[int, BookedSlot] = {}
        self._last_id = 0

    def load(self, slots: Iterable[BookedSlot], last_id: int) -> None:
        """Take over what is on disk; `last_id` was the last that was given."""
        self._slots = {slot.id: slot for slot in slots}
        self._last_id = last_id

    def next_id(self) -> int:
        """An id that no booking has had; it is used up."""
        self._last_id += 1
        return self._last_id

    def add(self, slot: BookedSlot) -> None:
        """A booking is in force from now on."""
        self._slots[slot.id] = slot

    def drop(self, number: int) -> None:
        """A booking is in force no more."""
        self._slots.pop(number, None)

    def standing(self, now: float) -> list[BookedSlot]:
        """All that are not over, the earliest first; those that are over are forgotten."""
        self._slots = {number: slot for number, slot in self._slots.items() if slot.end_at > now}
        return sorted(self._slots.values(), key=lambda slot: (slot.start_at, slot.id))

    def find(self, number: int, now: float) -> BookedSlot | None:
        """The booking with that id, if it is not over."""
        return next((slot for slot in self.standing(now) if slot.id == number), None)

    def for_snapshot(self, now: float) -> tuple[Slot, ...]:
        """What a pass keeps to."""
        return tuple(slot.for_snapshot() for slot in self.standing(now))

    def by_card(self, now: float) -> dict[GpuUuid, BookedSlot]:
        """The slot that holds each card now, or the next one that will."""
        found: dict[GpuUuid, BookedSlot] = {}
        for slot in self.standing(now):
            for uuid in slot.gpus:
                found.setdefault(uuid, slot)
        return found

    def next_edge(self, now: float) -> float | None:
        """When the next slot begins or ends: what may start changes then. Unix seconds."""
        edges = {edge for slot in self.standing(now) for edge in (slot.start_at, slot.end_at)}
        return min((edge for edge in edges if edge > now), default=None)
