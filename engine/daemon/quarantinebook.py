"""Quarantines in memory and on disk: put, lifted, written down behind each other, with their place in the audit log.

Owned by the event loop. Must not know why a card is taken out of use.
"""

import asyncio
import logging
from typing import Any

from engine.core.model import GpuUuid
from engine.daemon.answers import by_engine
from engine.daemon.cards import Cards
from engine.ports import Clock
from engine.store.audit import Entry
from engine.store.errors import StoreError
from engine.store.quarantines import Quarantine, Quarantines

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""What could not be written is tried again after so long."""


class QuarantineBook:
    """Keeps `cards.quarantines` and the store the same."""

    def __init__(self, *, cards: Cards, store: Quarantines, clock: Clock) -> None:
        self._cards = cards
        self._store = store
        self._clock = clock
        self._unwritten: dict[GpuUuid, Entry] = {}
        self._writing: asyncio.Task[None] | None = None
        self._closing = False

    async def load(self) -> None:
        """At start: what an earlier engine put in quarantine stays there."""
        self._cards.quarantines = await self._store.all()

    def put(self, quarantine: Quarantine, index: int) -> None:
        """Take a card out of use, at once; index: for the log."""
        self._cards.quarantines[quarantine.uuid] = quarantine
        log.error("GPU %d is quarantined (%s: %s).", index, quarantine.cause, quarantine.detail)
        told = {"state": "quarantined", "cause": quarantine.cause, "detail": quarantine.detail}
        self._note(quarantine.uuid, "gpu.quarantine", after=told)

    def lift(self, uuid: GpuUuid, index: int) -> None:
        """Put a card that healed back into use."""
        quarantine = self._cards.quarantines.pop(uuid, None)
        if quarantine is not None:
            log.warning("GPU %d is back in use; it was quarantined (%s).", index, quarantine.cause)
            self._note(uuid, "gpu.return", before={"state": "quarantined", "cause": quarantine.cause})

    async def cleared(self, uuid: GpuUuid, entry: Entry) -> None:
        """Put a card back into use because somebody says so: written down first. Raises StoreError."""
        await self._store.clear(uuid, entry=entry)
        self._unwritten.pop(uuid, None)
        self._cards.quarantines.pop(uuid, None)

    async def settle(self) -> None:
        """Before the store closes: let what is being written get through."""
        self._closing = True
        if self._writing is not None:
            await self._writing

    def _note(self, uuid: GpuUuid, action: str, **detail: Any) -> None:
        self._unwritten[uuid] = by_engine(self._clock, action, uuid, **detail)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="quarantines")

    async def _write(self) -> None:
        """What stands in memory when its turn comes is what is written, with the last word about it."""
        while self._unwritten:
            uuid, entry = next(iter(self._unwritten.items()))
            quarantine = self._cards.quarantines.get(uuid)
            try:
                if quarantine is None:
                    await self._store.clear(uuid, entry=entry)
                else:
                    await self._store.set(quarantine, entry=entry)
            except StoreError as error:
                log.error("The quarantine of %s could not be written down: %s", uuid, error)
                if self._closing:
                    return
                await asyncio.sleep(RETRY_S)
                continue
            if self._unwritten.get(uuid) is entry:
                del self._unwritten[uuid]
