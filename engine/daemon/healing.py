"""How quarantined cards come back: those whose fault can heal by themselves, once they are well and pass a test.

Owned by the event loop. Must not know how a card is tested.
"""

import asyncio
import logging
from collections.abc import Callable

from engine.core.health import CAUSES, Signs
from engine.core.model import GpuUuid
from engine.daemon.books import Books
from engine.daemon.cards import Card
from engine.daemon.foreign import beyond
from engine.daemon.notices import Notices
from engine.daemon.quarantinebook import QuarantineBook
from engine.ports import Canary, Clock

log = logging.getLogger(__name__)


class Healing:
    """Waits until a card was well for `after_s` seconds, tests it and puts it back.

    canary: `None` where no test is wanted. wake: asks for a pass. tolerated_mb: what strangers may have on a card, as a
    desktop does that never goes, without being in the way of a test.
    """

    def __init__(
        self,
        *,
        books: Books,
        quarantines: QuarantineBook,
        notices: Notices,
        canary: Canary | None,
        clock: Clock,
        wake: Callable[[], None],
        after_s: float,
        tolerated_mb: int,
    ) -> None:
        self._books = books
        self._quarantines = quarantines
        self._notices = notices
        self._canary = canary
        self._clock = clock
        self._wake = wake
        self._after_s = after_s
        self._tolerated_mb = tolerated_mb
        self._well_since: dict[GpuUuid, float] = {}
        self._under_way: dict[GpuUuid, asyncio.Task[None]] = {}

    @property
    def tests(self) -> bool:
        """Whether cards are tested."""
        return self._canary is not None

    def unwell(self, uuid: GpuUuid) -> None:
        """The card has a fault now."""
        self._well_since.pop(uuid, None)

    def clock_set(self, by_s: float) -> None:
        """The clock jumped."""
        self._well_since = {uuid: since + by_s for uuid, since in self._well_since.items()}

    def look(self, card: Card, signs: Signs, now: float) -> None:
        """A quarantined card was read without a new fault."""
        uuid = card.reading.uuid
        quarantine = self._books.cards.quarantines[uuid]
        if not signs.well or self._books.cards.missing(card, now):
            self.unwell(uuid)
        elif CAUSES[quarantine.cause].heals and uuid not in self._under_way:
            since = self._well_since.setdefault(uuid, now)
            if now - since >= self._after_s and not self.in_use(card):
                self._under_way[uuid] = asyncio.get_running_loop().create_task(
                    self._return(card), name=f"canary-{uuid}"
                )

    def in_use(self, card: Card) -> bool:
        """Whether somebody is on the card: a test would get in the way of it."""
        leased = card.reading.uuid in self._books.leased()
        return leased or bool(beyond(card, self._tolerated_mb)) or bool(card.use.processes)

    async def tested(self, uuid: GpuUuid) -> str | None:
        """What the card fails at, in words; `None` if it passes or no test is wanted."""
        return await self._canary(uuid) if self._canary else None

    async def close(self) -> None:
        """Give up the tests that run."""
        for test in (tests := list(self._under_way.values())):
            test.cancel()
        await asyncio.gather(*tests, return_exceptions=True)

    async def _return(self, card: Card) -> None:
        uuid, index = card.reading.uuid, card.reading.index
        try:
            failed = await self.tested(uuid)
            if uuid not in self._well_since or uuid not in self._books.cards.quarantines:
                return  # it failed again meanwhile, or somebody put it back
            if failed is not None:
                log.warning("GPU %d stays quarantined; its test failed: %s", index, failed)
                self._well_since[uuid] = self._clock.now()
                return
            self._quarantines.lift(uuid, index)
            self.back(uuid)
        finally:
            del self._under_way[uuid]

    def back(self, uuid: GpuUuid) -> None:
        """The card is in use again: what was told of its fault is over."""
        self._well_since.pop(uuid, None)
        for live in self._books.users().get(uuid, []):
            self._notices.over("GPU_FAULT", job=live.job, gpu=uuid)
        self._wake()
