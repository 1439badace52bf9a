"""What the engine does for its own disk: the daily backup, job files that go, ids that are never given twice.

Must not know how any of it is done.
"""

import asyncio
import logging
from pathlib import Path

from engine.daemon.backupkeeper import LOOK_S, BackupKeeper
from engine.daemon.ground import Ground
from engine.daemon.retention import RemovesAs, Retention
from engine.daemon.staging import Staging
from engine.daemon.timers import Timers
from engine.executor import jobdirs
from engine.ports import Clock
from engine.store.jobs import Jobs

log = logging.getLogger(__name__)

SWEEP_S = 86_400.0
STAGED_SWEEP_S = 3600.0
FIRST_SWEEP_S = 60.0
"""After the start: an engine that is started every morning sweeps, too, and one that just started has better to do."""
SHOWN = 20


class Housekeeping:
    """Begins with `open`, goes on by timers, ends with `close`."""

    def __init__(
        self,
        *,
        backups: BackupKeeper,
        retention: Retention,
        staging: Staging,
        jobs: Jobs,
        state_dir: Path,
        clock: Clock,
    ) -> None:
        self.backups = backups
        self.retention = retention
        self.staging = staging
        self._jobs = jobs
        self._state_dir = state_dir
        self._clock = clock

    async def open(self) -> None:
        """See to it that no new job gets the id, and with it the files, of one that the database does not know.

        There are such jobs where a backup was put in place. Before anything is submitted.
        """
        await self.staging.open()
        taken = await asyncio.to_thread(lambda: sorted(jobdirs.numbers(self._state_dir))[-SHOWN:])
        if not taken:
            return
        self._jobs.begin_at(taken[-1] + 1)
        known = {job.id for job in await self._jobs.jobs(taken)}
        if strange := [number for number in taken if number not in known]:
            log.warning(
                "Jobs that the database does not know have files under %s: %s. It is older than they are; new jobs get "
                "ids above them. What to do with what may still run of them is told in docs/operations.md.",
                self._state_dir / "jobs",
                ", ".join(map(str, strange)),
            )

    def set_timers(self, timers: Timers) -> None:
        """From now on things happen when they are due."""
        now = self._clock.now()
        timers.every(LOOK_S, "backup", self.backups.look)
        timers.at(now, "backup that was missed", self.backups.look)
        timers.every(SWEEP_S, "remove job files", self.retention.sweep)
        timers.every(STAGED_SWEEP_S, "remove staged files", self.staging.sweep)
        timers.at(now + FIRST_SWEEP_S, "remove job files that are overdue", self.retention.sweep)

    async def close(self) -> None:
        """End what is under way."""
        await self.backups.close()
        await self.retention.close()


def housekeeping_of(ground: Ground, remove_as: RemovesAs | None) -> Housekeeping:
    """All of it on one ground. remove_as: removes as another Unix user what only that one may."""
    state_dir = ground.paths.state_dir
    retention = Retention(
        state_dir=state_dir,
        store=ground.store.job_files,
        settings=ground.settings.retention,
        clock=ground.clock,
        remove_as=remove_as,
    )
    return Housekeeping(
        backups=ground.backups,
        retention=retention,
        staging=ground.staging,
        jobs=ground.store.jobs,
        state_dir=state_dir,
        clock=ground.clock,
    )
