"""The cards as the engine knows them: last readings, drained flags, what is rcq's own of the measured memory.

Owned by the event loop. Must not know where readings come from, nor who drained a card.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from engine.core.model import GpuUuid, JobId
from engine.core.snapshot import Gpu
from engine.daemon.carduse import CardUse
from engine.readings import GpuReading, NodeReading
from engine.store.gpus import GpuFlag
from engine.store.quarantines import Quarantine

UNKNOWN_MB = 1_048_576
"""Taken for the use of a card whose size nobody told, where somebody else has all of it: more than any is tolerated."""


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

    stale_after_s: a reading older than that is worth nothing, and its card counts as missing. drained: by an admin;
    flags: with what was said. quarantines: cards that the health monitor took out of use. settling: cards that a job
    left and that were not yet seen free, each with the departure, of `departures`, that a reading has to begin after.
    before_w: own power limits of cards that rcq holds to less, watts; caps_w: to what. power_settable: whether it may.
    machines: those of a cluster, by name, as they were last read; their cards go stale after `cluster_stale_after_s`.
    """

    def __init__(self, stale_after_s: float) -> None:
        self.stale_after_s = stale_after_s
        self.cluster_stale_after_s = stale_after_s
        self.machines: tuple[NodeReading, ...] = ()
        self._cards: dict[GpuUuid, Card] = {}
        self.drained: set[GpuUuid] = set()
        self.flags: dict[GpuUuid, GpuFlag] = {}
        self.quarantines: dict[GpuUuid, Quarantine] = {}
        self.settling: dict[GpuUuid, int] = {}
        self.departures = 0
        self.seen_departures = 0
        self.hot: frozenset[GpuUuid] = frozenset()
        self.before_w: dict[GpuUuid, float] = {}
        self.caps_w: dict[GpuUuid, float] = {}
        self.power_settable = False

    def left(self, uuids: Iterable[GpuUuid]) -> None:
        """A job left these cards: they are not offered again before they were seen free."""
        self.departures += 1
        self.settling.update(dict.fromkeys(uuids, self.departures))

    def update(
        self, readings: Iterable[GpuReading], uses: Mapping[GpuUuid, CardUse], departures: int | None = None
    ) -> None:
        """Take over a sample; `uses`: who used the cards when it was taken.

        departures: how many there had been when the reading began; all, unless told.
        """
        self.seen_departures = self.departures if departures is None else departures
        for reading in readings:
            self._cards[reading.uuid] = Card(reading=reading, use=uses.get(reading.uuid, CardUse()))

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: each reading is as old as before."""
        for uuid, card in self._cards.items():
            reading = replace(card.reading, read_at=card.reading.read_at + by_s)
            self._cards[uuid] = replace(card, reading=reading)
        self.machines = tuple(replace(one, read_at=one.read_at + by_s) for one in self.machines)

    def all(self) -> list[Card]:
        """By index."""
        return sorted(self._cards.values(), key=lambda card: (card.reading.index, card.reading.uuid))

    def here(self) -> list[Card]:
        """Those of this host, by index: of a cluster's nobody tells how they do, and they are its admins' to mind."""
        return [card for card in self.all() if card.reading.node is None]

    def get(self, uuid: str) -> Card | None:
        """The card with that UUID."""
        return self._cards.get(GpuUuid(uuid))

    def indices(self, uuids: Iterable[str]) -> list[int]:
        """Indices of the cards that are known, in order."""
        known = (self._cards.get(GpuUuid(uuid)) for uuid in uuids)
        return sorted(card.reading.index for card in known if card is not None)

    def nodes(self, uuids: Iterable[str]) -> tuple[str, ...]:
        """The device nodes of these cards, each once."""
        known = (self._cards.get(GpuUuid(uuid)) for uuid in uuids)
        return tuple(dict.fromkeys(node for card in known if card is not None for node in card.reading.nodes))

    def missing(self, card: Card, now: float) -> bool:
        """Whether the card cannot be read any more."""
        after_s = self.stale_after_s if card.reading.node is None else self.cluster_stale_after_s
        return not card.reading.present or now - card.reading.read_at > after_s

    def state(self, card: Card, now: float) -> str:
        """`ok`, `hot`, `drained`, `quarantined` or `missing`, as people are told: the worst of what it is."""
        if card.reading.uuid in self.quarantines:
            return "quarantined"
        if self.missing(card, now):
            return "missing"
        if self.out_of_use(card):
            return "drained"
        return "hot" if card.reading.uuid in self.hot else "ok"

    def why(self, card: Card, now: float) -> tuple[str | None, str | None, float | None]:
        """Why it is in that state (a cause, or what the admin said), what was seen of it, and since when."""
        uuid = card.reading.uuid
        if (quarantine := self.quarantines.get(uuid)) is not None:
            return quarantine.cause, quarantine.detail, quarantine.at
        if self.missing(card, now):
            return "missing", None, None
        if card.reading.closed is not None:
            return f"{card.reading.node} {card.reading.closed}", None, None
        flag = self.flags.get(uuid) if uuid in self.drained else None
        return (flag.why, None, flag.at) if flag else (None, None, None)

    def out_of_use(self, card: Card) -> bool:
        """Whether somebody took it out of use: an admin here, or whoever minds its machine."""
        return card.reading.uuid in self.drained or card.reading.closed is not None

    def cause(self, card: Card, now: float) -> str | None:
        """Why nothing may start on it, in the words of a quarantine or `missing`; `None` if that is not so."""
        if (quarantine := self.quarantines.get(card.reading.uuid)) is not None:
            return quarantine.cause
        return "missing" if self.missing(card, now) else None

    def gpus(self, now: float, over: Mapping[GpuUuid, tuple[tuple[JobId, int], ...]] | None = None) -> tuple[Gpu, ...]:
        """For a snapshot. A missing card is quarantined: it exists, and nothing may start on it."""
        cards = self.all()
        order = [card.reading.uuid for card in cards]
        return tuple(
            Gpu(
                uuid=card.reading.uuid,
                index=card.reading.index,
                model=card.reading.model,
                memory_mb=card.reading.memory_mb,
                memory_used_mb=_used_mb(card),
                held_mb=card.use.held_mb,
                over=(over or {}).get(card.reading.uuid, ()),
                strangers=len(card.use.strangers) + (card.reading.taken_by is not None),
                strangers_of=_strangers_of(card),
                temperature_c=card.reading.temperature_c,
                throttled=card.reading.throttled,
                throttle=card.reading.throttle,
                drained=self.out_of_use(card),
                quarantined=(cause := self.cause(card, now)) is not None,
                cause=cause,
                settling=card.reading.uuid in self.settling,
                margin_c=card.reading.margin_c,
                links=tuple(card.reading.links.get(other, 0) for other in order) if card.reading.links else (),
                parent=card.reading.parent,
                power_w=self.limit_w(card),
                power_min_w=card.reading.power_min_w if self.power_settable else None,
                node=card.reading.node,
            )
            for card in cards
        )

    def drawn_w(self, now: float) -> float | None:
        """Watts that all cards draw which tell it; `None` if none does. Instances draw what their card does."""
        cards = [card for card in self._cards.values() if not self.missing(card, now)]
        told = [card.reading.power_w for card in cards if card.reading.parent is None]
        known = [watts for watts in told if watts is not None]
        return sum(known) if known else None

    def limit_w(self, card: Card) -> float | None:
        """A card's own power limit in watts, without a cap of rcq's; of a MIG instance its part of its card's."""
        reading = card.reading
        parent = self._cards.get(reading.parent) if reading.parent is not None else None
        told = (parent or card).reading
        own_w = self.before_w.get(told.uuid, told.power_default_w if told.power_limit_w is None else told.power_limit_w)
        if own_w is None or reading.parent is None:
            return own_w
        return own_w / sum(1 for other in self._cards.values() if other.reading.parent == reading.parent)

    def usable_signature(
        self, now: float, threshold_c: float, resume_c: float, tolerated_mb: int | None
    ) -> tuple[object, ...]:
        """Changes exactly when a sample may have made a card usable or unusable: then a pass is due."""
        cards = (
            (
                card.reading.uuid,
                card.reading.memory_mb,
                card.reading.closed,
                card.reading.taken_by,
                self.cause(card, now),
                card.reading.uuid in self.settling,
                _zone(card.reading.temperature_c, threshold_c, resume_c),
                card.reading.uuid in self.hot,
                card.reading.throttled,
                tolerated_mb is not None and card.foreign_mb > tolerated_mb,
            )
            for card in self.all()
        )
        return (*cards, *map(_room, self.machines))


def _used_mb(card: Card) -> int | None:
    """Measured use in MiB; a card that a stranger's job on a cluster has is all used, however large it may be."""
    return max(card.reading.memory_mb, UNKNOWN_MB) if card.reading.taken_by is not None else card.reading.memory_used_mb


def _strangers_of(card: Card) -> tuple[str, ...]:
    users = {stranger.user for stranger in card.use.strangers if stranger.user}
    return tuple(sorted(users | {card.reading.taken_by} if card.reading.taken_by else users))


def _room(node: NodeReading) -> tuple[object, ...]:
    """What a machine leaves to rcq's jobs. What those hold themselves changes with them, not with a reading."""
    strangers = (node.strangers_cores, node.strangers_memory_mb)
    return (node.name, node.closed, node.cpu_cores, node.memory_mb, *strangers)


def _zone(temperature_c: float | None, threshold_c: float, resume_c: float) -> int | None:
    """0 cool, 1 between resume and threshold, 2 too hot; `None` unknown."""
    if temperature_c is None:
        return None
    if temperature_c >= threshold_c:
        return 2
    return 0 if temperature_c < resume_c else 1
