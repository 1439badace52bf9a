"""The engine's daily backup: made when it is due, told to the admins when it fails.

It asks again every few minutes whether one is due, so that neither a clock that is set nor a host that slept at that
hour costs a day. Must not know how a copy is made.
"""

import asyncio
import logging
import threading

from config.paths import Paths
from config.settings import RetentionSettings
from engine.daemon import backups
from engine.daemon.answers import by_engine, note_done
from engine.daemon.notices import Notices
from engine.ports import Clock
from engine.store.audit import Audit
from engine.store.errors import StoreError

log = logging.getLogger(__name__)

LOOK_S = 600.0
"""How often it looks whether one is due, and tries again after a failure."""
FAILED = "BACKUP_FAILED"


class BackupKeeper:
    """Makes the daily backup of one engine. last_at: Unix seconds of the last one there is, as far as is known."""

    def __init__(
        self, *, paths: Paths, settings: RetentionSettings, audit: Audit, notices: Notices, clock: Clock
    ) -> None:
        self._paths = paths
        self._settings = settings
        self._audit = audit
        self._notices = notices
        self._clock = clock
        self._stop = threading.Event()
        self._at_work = asyncio.Lock()
        self.last_at: float | None = None

    async def look(self) -> None:
        """Make the backup that is due, if one is. A failure is told and tried again with the next look."""
        async with self._at_work:
            if self._settings.backups and not self._stop.is_set():
                await self._look()

    async def close(self) -> None:
        """A copy under way is given up: the next engine makes it."""
        self._stop.set()
        async with self._at_work:
            pass

    async def _look(self) -> None:
        now = self._clock.now()
        try:
            made = await asyncio.to_thread(self._make_if_due, now)
        except (StoreError, OSError) as error:
            if not self._stop.is_set():
                self._failed(str(error))
            return
        if made is not None:
            log.info("The database was backed up to %s.", made.file)
            await note_done(self._audit, by_engine(self._clock, "engine.backup", made.file.name))
        self._notices.over(FAILED)

    def _make_if_due(self, now: float) -> backups.Backup | None:
        directory = backups.directory_of(self._paths, self._settings)
        found = backups.last(directory, now)
        self.last_at = None if found is None else found.at
        if not backups.is_due(directory, self._settings.backup_hour, now):
            return None
        made = backups.make(self._paths, self._settings, now, lambda: not self._stop.is_set())
        self.last_at = made.at
        return made

    def _failed(self, why: str) -> None:
        log.error("The database was not backed up: %s", why)
        self._notices.tell(FAILED, why=why, last_at=self.last_at)
