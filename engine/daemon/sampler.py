"""Reads the cards off the event loop, one reading under way at a time, and wakes a pass when it matters.

A driver call that hangs blocks one worker thread and the readings, nothing else: they go stale, and stale cards count
as missing. Must not know which provider it reads.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from engine.core.model import GpuUuid
from engine.core.policy import Policy
from engine.daemon.books import Books
from engine.daemon.feed import Feed
from engine.ports import Clock, GpuLoad, GpuProvider, GpuReading
from engine.protocol.errors import RcqError

log = logging.getLogger(__name__)


class Attribution(Protocol):
    """Tells how much of a card's measured memory belongs to rcq's own jobs."""

    def prepare(self) -> None:
        """In the event loop, just before the cards are read."""
        ...

    def held_mb(self, readings: Sequence[GpuReading]) -> Mapping[GpuUuid, int]:
        """MiB of each card, for these readings."""
        ...


class SimulatedAttribution:
    """For simulated cards: what the jobs that ran when they were read use. Also where the cards find their load."""

    def __init__(self, books: Books, default_load: Mapping[GpuUuid, float]) -> None:
        self._books = books
        self._default_load = default_load
        self.loads: tuple[GpuLoad, ...] = ()  # replaced as a whole: the cards read it from another thread

    def prepare(self) -> None:
        """Take down what runs now."""
        self.loads = self._books.loads(self._default_load)

    def held_mb(self, readings: Sequence[GpuReading]) -> Mapping[GpuUuid, int]:
        """What those loads use."""
        return self._books.held_by_loads(self.loads)


class LeaseAttribution:
    """For real cards: all of a card's memory while a job of ours has it, none of it else.

    Processes are not told apart yet, so a stranger on a leased card goes unseen until the lease is over.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._leased: frozenset[GpuUuid] = frozenset()

    def prepare(self) -> None:
        """Take down which cards are leased."""
        self._leased = self._books.leased()

    def held_mb(self, readings: Sequence[GpuReading]) -> Mapping[GpuUuid, int]:
        """The measured memory of the cards that were leased before or after the reading: it happened in between."""
        ours = self._leased | self._books.leased()
        return {reading.uuid: reading.memory_used_mb or 0 for reading in readings if reading.uuid in ours}


class Sampler:
    """Takes samples. wake: asks for a pass."""

    def __init__(
        self,
        *,
        provider: GpuProvider,
        attribution: Attribution,
        books: Books,
        feed: Feed,
        policy: Policy,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._provider = provider
        self._attribution = attribution
        self._books = books
        self._feed = feed
        self._policy = policy
        self._clock = clock
        self._wake = wake
        self._under_way = False
        self._failing = False
        self._signature: tuple[object, ...] = ()

    async def sample(self) -> None:
        """Read every card once; does nothing while an earlier reading is still under way."""
        if not self._under_way:
            self._under_way = True
            try:
                await self._read()
            finally:
                self._under_way = False
        self.look()

    def look(self) -> None:
        """Wake a pass if the usable cards are others than last time, be it only that readings went stale."""
        thermal = self._policy.thermal
        signature = self._books.cards.usable_signature(
            self._clock.now(),
            thermal.threshold_c,
            thermal.resume_c,
            self._policy.tolerated_foreign_mb,
            self._books.leased(),
        )
        if signature != self._signature:
            self._signature = signature
            self._wake()

    async def _read(self) -> None:
        self._attribution.prepare()
        try:
            readings = await asyncio.to_thread(self._provider.read)
        except RcqError as error:
            if not self._failing:
                log.error("The cards cannot be read: %s", error)
            self._failing = True
            return
        if self._failing:
            log.warning("The cards can be read again.")
        self._failing = False
        self._books.cards.update(readings, self._attribution.held_mb(readings))
        if self._feed.listened_to:
            self._feed.gpus_changed()
            self._feed.stats_changed()
