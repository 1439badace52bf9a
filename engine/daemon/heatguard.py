"""Guards the cards' heat from sample to sample: which are too hot, and what becomes of jobs where it gets critical.

A card is critical at or above `critical_c`; also when in three samples on end its hardware slowed it down because of
heat, or it told that no margin was left. That is over when it is read below `threshold_c` with more than `margin_c`
left. A card that cannot be read any more counts for nothing: its fault is the health monitor's matter, and nobody stays
paused for it. Owned by the event loop. Must not know how a job is paused or stopped.
"""

import logging
from dataclasses import dataclass
from typing import Literal

from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid
from engine.core.placement.thermal import hot_cards, least_margin_c
from engine.core.policy import Thermal
from engine.daemon.books import Books, Live
from engine.daemon.cards import Card
from engine.daemon.notices import Notices
from engine.daemon.pauses import Pauses
from engine.daemon.stops import Stops
from engine.readings import GpuReading

log = logging.getLogger(__name__)

Action = Literal["warn", "pause", "preempt"]
CODE = "GPU_CRITICAL"
STRIKES = 3
"""So many samples on end without a margin, or slowed down by the hardware, are no passing peak."""


@dataclass(slots=True, frozen=True, kw_only=True)
class HeatRules:
    """When a card is hot or critical, and what is done to the jobs on a critical one."""

    thermal: Thermal
    action: Action


class HeatGuard:
    """Looks at every card after each sample."""

    def __init__(
        self,
        *,
        books: Books,
        notices: Notices,
        pauses: Pauses,
        stops: Stops,
        rules: HeatRules,
    ) -> None:
        self._books = books
        self._notices = notices
        self._pauses = pauses
        self._stops = stops
        self._rules = rules
        self._seen: set[GpuUuid] = set()
        self._critical: set[GpuUuid] = set()
        self._strikes: dict[GpuUuid, tuple[float, int]] = {}

    def look(self, now: float) -> None:
        """There are new readings, or none could be had."""
        # 1. who is too hot to start on, by these readings
        self._judge(now)
        # 2. who is critical, and who on it hears of it and is acted on
        users = self._books.users()
        for card in self._books.cards.here():
            self._mind(card, users.get(card.reading.uuid, []), now)
        # 3. who stood still may go on
        for live in list(self._books.live.values()):
            if live.paused_since is not None and self._may_go_on(live, now):
                self._pauses.go_on(live)

    def _judge(self, now: float) -> None:
        """A card that is seen for the first time may have been hot before: it counts so until it is below resume."""
        cards = self._books.cards
        told = {card.reading.uuid for card in cards.all() if _tells(card.reading)}
        before = cards.hot | (told - self._seen)
        self._seen |= told
        cards.hot = hot_cards(cards.gpus(now), frozenset(before), self._rules.thermal)

    # ---------------------------------------------------------------- critical cards

    def _mind(self, card: Card, users: list[Live], now: float) -> None:
        uuid = card.reading.uuid
        if self._is_critical(card, now):
            self._critical.add(uuid)
            self._tell(card, None)
            for live in users:
                self._tell(card, live)
                self._act(live, card)
            return
        if uuid in self._critical:
            self._critical.remove(uuid)
            self._notices.over(CODE, gpu=uuid)
            log.warning("GPU %d is not critically hot any more.", card.reading.index)
        for live in users:
            if live.paused_since is None:  # its owner is told why for as long as it stands still
                self._notices.over(CODE, job=live.job, gpu=uuid)

    def _is_critical(self, card: Card, now: float) -> bool:
        reading, thermal = card.reading, self._rules.thermal
        if self._books.cards.missing(card, now):
            self._strikes.pop(reading.uuid, None)
            return False
        struck = self._struck(reading) >= STRIKES
        if struck or (reading.temperature_c is not None and reading.temperature_c >= thermal.critical_c):
            return True
        if reading.uuid not in self._critical:
            return False
        warm = reading.temperature_c is not None and reading.temperature_c >= thermal.threshold_c
        near = reading.margin_c is not None and reading.margin_c <= least_margin_c(False, thermal)
        return warm or near or "hw-thermal" in reading.throttle or not _tells(reading)

    def _struck(self, reading: GpuReading) -> int:
        """In how many samples on end up to this one it was slowed down hard, or had no margin."""
        at, count = self._strikes.get(reading.uuid, (0.0, 0))
        if at != reading.read_at:
            hard = "hw-thermal" in reading.throttle or (reading.margin_c is not None and reading.margin_c <= 0)
            count = count + 1 if hard else 0
            self._strikes[reading.uuid] = (reading.read_at, count)
        return count

    def _tell(self, card: Card, live: Live | None) -> None:
        """To admins of the card, and to each owner of the own job on it."""
        reading = card.reading
        self._notices.tell(
            CODE,
            job=None if live is None else live.job,
            gpu=reading.uuid,
            account=None if live is None else live.lease.key.owner.account,
            index=reading.index,
            temperature_c=reading.temperature_c,
            critical_c=self._rules.thermal.critical_c,
            action=self._rules.action,
        )

    # ---------------------------------------------------------------- jobs

    def _act(self, live: Live, card: Card) -> None:
        if live.state is not JobState.RUNNING or live.stopping is not None:
            return
        if self._rules.action == "pause":
            self._pauses.pause(live)
        elif self._rules.action == "preempt":
            self._preempt(live, card.reading)

    def _may_go_on(self, live: Live, now: float) -> bool:
        """None of its cards is too hot; or nobody is paused for that any more."""
        cards = self._books.cards
        held = [card for uuid in live.lease.gpus if (card := cards.get(uuid)) is not None]
        too_hot = any(card.reading.uuid in cards.hot and not cards.missing(card, now) for card in held)
        return self._rules.action != "pause" or not too_hot

    def _preempt(self, live: Live, reading: GpuReading) -> None:
        heat = "no margin was left" if reading.temperature_c is None else f"it had {reading.temperature_c:.0f} °C"
        message = (
            f"attempt {live.attempt} was stopped: GPU {reading.index} got critically hot ({heat}); "
            "it goes on as its next attempt"
        )
        gpu = {"gpu": reading.uuid, "temperature_c": reading.temperature_c}
        self._stops.stop(live, Cause.PREEMPTED, message, rule="heat", **gpu)


def _tells(reading: GpuReading) -> bool:
    return reading.temperature_c is not None or reading.margin_c is not None
