"""The cards as the engine knows them: last readings, drained flags, what is rcq's own of the measured memory.

Owned by the event loop. Must not know where readings come from, nor who drained a card.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from engine.core.model import GpuUuid
from engine.core.snapshot import Gpu
from engine.daemon.carduse import CardUse
from engine.readings import GpuReading


@dataclass(slots=True, frozen=True, kw_only=True)
class Card:
    """A card's last good reading and who used it then.

    The two belong together: a job that ends later does not turn its memory in an old reading into a stranger's.
    """

    reading: GpuReading
    use: CardUse = field(default_factory=CardUse)

    @property
    def foreign_mb(self) -> int:
        """MiB that somebody else used at the time of the reading."""
        return max(0, (self.reading.memory_used_mb or 0) - self.use.held_mb)


class Cards:
    """Every card that was ever read, by index; one that can no longer be read stays, as missing.

    stale_after_s: a reading older than that is worth nothing, and its card counts as missing.
    """

    def __init__(self, stale_after_s: float) -> None:
        self._stale_after_s = stale_after_s
        self._cards: dict[GpuUuid, Card] = {}
        self.drained: set[GpuUuid] = set()
        self.hot: frozenset[GpuUuid] = frozenset()

    def update(self, readings: Iterable[GpuReading], uses: Mapping[GpuUuid, CardUse]) -> None:
        """Take over a sample; `uses`: who used the cards when it was taken."""
        for reading in readings:
            self._cards[reading.uuid] = Card(reading=reading, use=uses.get(reading.uuid, CardUse()))

    def all(self) -> list[Card]:
        """By index."""
        return sorted(self._cards.values(), key=lambda card: (card.reading.index, card.reading.uuid))

    def get(self, uuid: str) -> Card | None:
        """The card with that UUID."""
        return self._cards.get(GpuUuid(uuid))

    def indices(self, uuids: Iterable[str]) -> list[int]:
        """Indices of the cards that are known, in order."""
        known = (self._cards.get(GpuUuid(uuid)) for uuid in uuids)
        return sorted(card.reading.index for card in known if card is not None)

    def missing(self, card: Card, now: float) -> bool:
        """Whether the card cannot be read any more."""
        return not card.reading.present or now - card.reading.read_at > self._stale_after_s

    def state(self, card: Card, now: float) -> str:
        """`ok`, `hot`, `drained` or `missing`, as people are told."""
        if self.missing(card, now):
            return "missing"
        if card.reading.uuid in self.drained:
            return "drained"
        return "hot" if card.reading.uuid in self.hot else "ok"

    def gpus(self, now: float) -> tuple[Gpu, ...]:
        """For a snapshot. A missing card is quarantined: it exists, and nothing may start on it."""
        cards = self.all()
        order = [card.reading.uuid for card in cards]
        return tuple(
            Gpu(
                uuid=card.reading.uuid,
                index=card.reading.index,
                model=card.reading.model,
                memory_mb=card.reading.memory_mb,
                memory_used_mb=card.reading.memory_used_mb,
                held_mb=card.use.held_mb,
                strangers=len(card.use.strangers),
                strangers_of=tuple(sorted({stranger.user for stranger in card.use.strangers if stranger.user})),
                temperature_c=card.reading.temperature_c,
                throttled=card.reading.throttled,
                drained=card.reading.uuid in self.drained,
                quarantined=self.missing(card, now),
                margin_c=card.reading.margin_c,
                numa_node=card.reading.numa_node,
                links=tuple(card.reading.links.get(other, 0) for other in order) if card.reading.links else (),
                parent=card.reading.parent,
            )
            for card in cards
        )

    def usable_signature(
        self, now: float, threshold_c: float, resume_c: float, tolerated_mb: int | None, leased: Collection[GpuUuid]
    ) -> tuple[object, ...]:
        """Changes exactly when a sample may have made a card usable or unusable: then a pass is due."""
        return tuple(
            (
                card.reading.uuid,
                card.reading.memory_mb,
                self.missing(card, now),
                _zone(card.reading.temperature_c, threshold_c, resume_c),
                card.reading.throttled,
                tolerated_mb is not None and card.reading.uuid not in leased and card.foreign_mb > tolerated_mb,
            )
            for card in self.all()
        )


def _zone(temperature_c: float | None, threshold_c: float, resume_c: float) -> int | None:
    """0 cool, 1 between resume and threshold, 2 too hot; `None` unknown."""
    if temperature_c is None:
        return None
    if temperature_c >= threshold_c:
        return 2
    return 0 if temperature_c < resume_c else 1
