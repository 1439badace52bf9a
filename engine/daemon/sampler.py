"""Reads the cards off the event loop, one reading under way at a time, and wakes a pass when it matters.

A driver call that hangs blocks one worker thread and the readings, nothing else: they go stale, and stale cards count
as missing. Must not know which provider it reads.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from engine.core.model import GpuUuid
from engine.core.policy import Policy
from engine.daemon.books import Books
from engine.daemon.carduse import CardUse, uses_of
from engine.daemon.feed import Feed
from engine.ports import Clock, GpuProvider
from engine.protocol.errors import RcqError
from engine.readings import GpuLoad, GpuReading, NodeReading

log = logging.getLogger(__name__)


class Attribution(Protocol):
    """Tells who uses a card's memory: rcq's own jobs, or others."""

    def prepare(self) -> None:
        """In the event loop, just before the cards are read: take down what belongs to it."""
        ...

    def uses(self, readings: Sequence[GpuReading]) -> Mapping[GpuUuid, CardUse]:
        """Who uses each card, for these readings. In the thread that read them: only what was taken down is known."""
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

    def uses(self, readings: Sequence[GpuReading]) -> Mapping[GpuUuid, CardUse]:
        """What those loads use."""
        return uses_of(self.loads)


class Sampler:
    """Takes samples. wake: asks for a pass. watchers: are called with `now` after each good sample, in order.

    blind: are called with `now` when nothing could be read. corrected_s: seconds that the clock was set by since the
    provider's was made, which nobody ever sets.
    """

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
        self.watchers: list[Callable[[float], None]] = []
        self.blind: list[Callable[[float], None]] = []
        self.corrected_s: Callable[[], float] = lambda: 0.0
        self._under_way = False
        self._again = False
        self._begun = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._asked: asyncio.Task[None] | None = None
        self._failing = False
        self._signature: tuple[object, ...] = ()

    async def sample(self) -> None:
        """Read every card once; does nothing while an earlier reading is still under way."""
        if not self._under_way:
            self._under_way = True
            try:
                await self._read()
                while self._again:
                    self._again = False
                    self.look()
                    await self._read()
            finally:
                self._under_way = False
        self.look()

    def soon(self) -> None:
        """Ask for a reading that begins from now on; any number of calls before it begins make one."""
        if self._under_way:
            self._again = True
        elif self._asked is None or self._asked.done():
            self._asked = asyncio.get_running_loop().create_task(self.sample(), name="sample")

    async def fresh(self, within_s: float) -> bool:
        """Wait until a reading is over that begins from now on, well or ill, but no longer; whether it came in time."""
        over = asyncio.get_running_loop().create_future()
        self._waiting.append((self._begun, over))
        self.soon()
        try:
            await asyncio.wait_for(over, within_s)
        except TimeoutError:
            return False
        return True

    def look(self) -> None:
        """Wake a pass if the usable cards are others than last time, be it only that readings went stale."""
        thermal = self._policy.thermal
        signature = self._books.cards.usable_signature(
            self._clock.now(),
            thermal.threshold_c,
            thermal.resume_c,
            self._policy.tolerated_foreign_mb,
        )
        if signature != self._signature:
            self._signature = signature
            self._wake()

    def _sampled(self) -> tuple[tuple[GpuReading, ...], Mapping[GpuUuid, CardUse]]:
        readings = self._provider.read()
        return readings, self._attribution.uses(readings)

    def _machines(self, by_s: float) -> tuple[NodeReading, ...]:
        nodes = self._provider.nodes()
        return tuple(replace(one, read_at=one.read_at + by_s) for one in nodes) if by_s else nodes

    async def _read(self) -> None:
        self._begun += 1
        number, departures = self._begun, self._books.cards.departures
        try:
            await self._take(departures)
        finally:
            for before, over in self._waiting:
                if before < number and not over.done():
                    over.set_result(None)
            self._waiting = [(before, over) for before, over in self._waiting if not over.done()]

    async def _take(self, departures: int) -> None:
        self._attribution.prepare()
        try:
            readings, uses = await asyncio.to_thread(self._sampled)
        except RcqError as error:
            if not self._failing:
                log.error("The cards cannot be read: %s", error)
            self._failing = True
            for watch in self.blind:
                watch(self._clock.now())
            return
        if self._failing:
            log.warning("The cards can be read again.")
        self._failing = False
        by_s = self.corrected_s()  # only now: the clock may have been set while they were read
        readings = tuple(replace(one, read_at=one.read_at + by_s) for one in readings) if by_s else readings
        self._books.cards.update(readings, uses, departures)
        self._books.cards.machines = self._machines(by_s)
        for watch in self.watchers:
            watch(self._clock.now())
        if self._feed.listened_to:
            self._feed.gpus_changed()
            self._feed.stats_changed()
