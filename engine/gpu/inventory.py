"""The cards that the driver shows, position by position, found anew now and then and after something was amiss.

Must not know their figures of the moment.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import pynvml

from engine.core.model import GpuUuid
from engine.gpu.asking import DRIVER_GONE
from engine.gpu.events import Events
from engine.gpu.identity import Identity, card_at, usable
from engine.gpu.links import Links, links_of, nvlinks

LOOK_AGAIN_S = 60.0
"""Names, limits and links hardly change, and some of these calls take milliseconds."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Place:
    """What was found at a position of the driver's, and when."""

    found_at: float
    card: Identity
    things: tuple[Identity, ...]
    nvlinks: Links


class Inventory:
    """Of one start of the driver; its handles end with it."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._places: dict[int, Place] = {}
        self._links: dict[GpuUuid, Mapping[GpuUuid, int]] = {}
        self._linked: frozenset[GpuUuid] = frozenset()
        self._found: dict[GpuUuid, Identity] = {}  # lost ones stay: an event may still tell why

    def look(self, position: int, now: float) -> None:
        """Find what is at a position, if it is time to. Raises NVMLError when the driver is gone."""
        place = self._places.get(position)
        if place is not None and 0 <= now - place.found_at < LOOK_AGAIN_S:
            return
        self.forget(position)
        try:
            card = card_at(position)
            self._events.register(card.handle)
            things, own = usable(card), nvlinks(card.handle)
        except pynvml.NVMLError as error:
            if error.value in DRIVER_GONE:
                raise
            return  # a lost card: it is found by its absence
        self._places[position] = Place(found_at=now, card=card, things=things, nvlinks=own)
        self._found.update((one.uuid, one) for one in things)

    def forget(self, position: int) -> None:
        """What was there has to be found again."""
        self._places.pop(position, None)

    def forget_all(self) -> None:
        """The driver shows another number of cards."""
        self._places.clear()

    def at(self, position: int) -> tuple[Identity, ...]:
        """What was found there; nothing where a card is lost."""
        place = self._places.get(position)
        return place.things if place is not None else ()

    def get(self, uuid: GpuUuid) -> Identity | None:
        """The card or instance with that UUID."""
        return next((one for place in self._places.values() for one in place.things if one.uuid == uuid), None)

    def xids(self, uuid: GpuUuid) -> tuple[int, ...]:
        """The events of a card, be it lost."""
        one = self._found.get(uuid)
        return self._events.of(one) if one is not None else ()

    def find_links(self, positions: Collection[int]) -> None:
        """Ask how the cards at these positions are linked, where they are others than the last time.

        Raises NVMLError when the driver is gone.
        """
        places = [place for position, place in sorted(self._places.items()) if position in positions]
        cards = [(place.card, place.nvlinks) for place in places if place.card in place.things]
        uuids = frozenset(card.uuid for card, _ in cards)
        if uuids == self._linked:
            return
        self._links = {}
        self._linked = uuids
        for card, own in cards:
            try:
                self._links[card.uuid] = links_of(card, own, _without(card, cards))
            except pynvml.NVMLError as error:
                if error.value in DRIVER_GONE:
                    raise
                self._linked = frozenset()  # one of them is lost: once more when that has been noticed

    def links(self, uuid: GpuUuid) -> Mapping[GpuUuid, int]:
        """To other cards, by UUID."""
        return self._links.get(uuid, {})


def _without(card: Identity, cards: Iterable[tuple[Identity, Links]]) -> list[tuple[Identity, Links]]:
    return [(other, links) for other, links in cards if other.uuid != card.uuid]
