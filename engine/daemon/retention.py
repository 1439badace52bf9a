"""Job files that go after their time: of jobs that have ended, some days after their end, or sooner once their results
were fetched. What is recorded of a job stays.

Must not know how a directory is removed, nor what was in it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path
from threading import Event

from config.settings import RetentionSettings
from engine.core.model import JobId
from engine.executor import jobdirs, removal
from engine.ports import Clock
from engine.protocol.errors import RcqError
from engine.store.errors import StoreError
from engine.store.jobfiles import JobFileBooks, JobFiles, Removal

log = logging.getLogger(__name__)

BATCH = 200
"""Directories that are judged together, and set aside in one step of the event loop."""
PATIENCE_S = 600.0
"""So long at most one round works on one directory: a job may have left millions of files. The next goes on."""
DAY_S, HOUR_S = 86_400.0, 3600.0

RemovesAs = Callable[[Path, int], Awaitable[None]]
"""Removes what a directory holds as the Unix user with this uid, as far as that user may. Raises OSError, RcqError."""


class Retention:
    """Removes job directories of one state directory.

    remove_as: for what the engine's own user may not remove; `None` where jobs run as that user anyway.
    """

    def __init__(
        self,
        *,
        state_dir: Path,
        store: JobFileBooks,
        settings: RetentionSettings,
        clock: Clock,
        remove_as: RemovesAs | None = None,
    ) -> None:
        self._state_dir = state_dir
        self._store = store
        self._after_end_s = settings.job_files_days * DAY_S
        self._after_fetch_s = settings.job_files_after_download_h * HOUR_S
        self._clock = clock
        self._remove_as = remove_as
        self._stop = Event()
        self._at_work = asyncio.Lock()
        self._told_left: set[str] = set()

    async def sweep(self) -> None:
        """Remove what is due. Trouble with a directory or the disk is logged; the next sweep tries again."""
        async with self._at_work:
            try:
                await self._sweep()
            except (StoreError, OSError) as error:
                log.warning("Job files were not tidied up: %s", error)

    async def close(self) -> None:
        """End a sweep under way where it stands: the next one goes on."""
        self._stop.set()
        async with self._at_work:
            pass

    async def _sweep(self) -> None:
        for aside in await asyncio.to_thread(removal.set_aside_earlier, self._state_dir):
            await self._remove(aside)
        if not (self._after_end_s or self._after_fetch_s):
            return
        found = jobdirs.numbers(self._state_dir)
        while not self._stop.is_set() and (some := await asyncio.to_thread(_next, found)):
            due = [one for job in await self._store.ended(some) if (one := self._due(job))]
            for aside in await self._set_aside(due):
                await self._remove(aside)

    def _due(self, job: JobFiles) -> Removal | None:
        now = self._clock.now()
        if self._after_fetch_s and job.fetched_at is not None and job.fetched_at + self._after_fetch_s <= now:
            return Removal(job=job.job, why="fetched")
        if self._after_end_s and job.ended_at + self._after_end_s <= now:
            return Removal(job=job.job, why="age")
        return None

    async def _set_aside(self, due: list[Removal]) -> list[Path]:
        """Out of the way in the step in which the books say so: a job that is requeued needs a commit to start again,
        and finds room for its new directory by then."""
        gone = await self._store.remove(due, self._clock.now())
        aside = []
        for job in gone:
            try:
                if (place := removal.set_aside(self._state_dir, job)) is not None:
                    aside.append(place)
            except OSError as error:
                log.warning("The directory of job %s was not removed: %s", job, error)
        return aside

    async def _remove(self, aside: Path) -> None:
        try:
            done = await self._emptied(aside)
            if done.left and self._remove_as is not None:
                for uid in sorted(done.owners):
                    await self._remove_as(aside, uid)
                done = await self._emptied(aside)
        except (RcqError, OSError) as error:
            self._tell_left(aside, str(error))
            return
        if done.left and not self._stop.is_set():
            self._tell_left(aside, f"{done.left} of its files or directories belong to somebody else")

    async def _emptied(self, aside: Path) -> removal.Cleared:
        until = time.monotonic() + PATIENCE_S
        return await asyncio.to_thread(
            removal.remove, aside, lambda: not self._stop.is_set() and time.monotonic() < until
        )

    def _tell_left(self, aside: Path, why: str) -> None:
        """Once for each: it is met again at every sweep."""
        if aside.name not in self._told_left:
            self._told_left.add(aside.name)
            log.warning("%s was not removed whole: %s. As root: rm -r %s", aside, why, aside)


def _next(found: Iterator[int]) -> list[JobId]:
    return [JobId(str(number)) for number in islice(found, BATCH)]
