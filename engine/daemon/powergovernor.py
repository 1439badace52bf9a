"""Holds hot cards at work to a lower power limit until they are cool, by the core's rule.

Must not know how a limit is set, nor that jobs may have caps of their own.
"""

import logging

from engine.core.model import GpuUuid
from engine.core.placement.caps import capped
from engine.core.policy import Thermal
from engine.daemon.books import Books
from engine.daemon.notices import Notices
from engine.daemon.powercaps import PowerCaps

log = logging.getLogger(__name__)


class PowerGovernor:
    """Looks after each sample. Where limits cannot be set it says so once, and does nothing."""

    def __init__(self, *, caps: PowerCaps, books: Books, notices: Notices, thermal: Thermal) -> None:
        self._caps = caps
        self._books = books
        self._notices = notices
        self._thermal = thermal
        self._held: frozenset[GpuUuid] = frozenset()
        why = caps.refusal() if thermal.power_cap else None
        if why is not None:
            log.warning("thermal.power_cap is on, but hot cards keep their power limits: %s", why)
        self._on = thermal.power_cap and why is None

    def look(self, now: float) -> None:
        """Lower the limits of cards that got hot, give back those of cards that are cool or idle."""
        if not self._on:
            return
        leased = self._books.leased()
        working = [gpu for gpu in self._books.cards.gpus(now) if gpu.uuid in leased and gpu.parent is None]
        hot = capped(working, self._held, self._thermal)
        limits = {uuid: own_w * self._thermal.power_cap_share for uuid in hot if (own_w := self._caps.own_w(uuid))}
        for uuid in self._held - limits.keys():
            self._notices.over("POWER_CAPPED", gpu=uuid)
        self._held = frozenset(limits)
        self._caps.hold_hot({uuid: self._allowed(uuid, watts) for uuid, watts in limits.items()})
        for uuid in limits:
            self._tell(uuid)

    def _allowed(self, uuid: GpuUuid, watts: float) -> float:
        """Not below what the card can be set to."""
        card = self._books.cards.get(uuid)
        least = card.reading.power_min_w if card is not None else None
        return watts if least is None else max(watts, least)

    def _tell(self, uuid: GpuUuid) -> None:
        card, watts, own_w = self._books.cards.get(uuid), self._caps.cap_w(uuid), self._caps.own_w(uuid)
        if card is not None and watts is not None:
            self._notices.tell("POWER_CAPPED", gpu=uuid, index=card.reading.index, watts=watts, limit_w=own_w)
