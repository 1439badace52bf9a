"""How the engine itself does: its process, event loop, database and timers. Must not know who asks."""

import asyncio
import os
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import psutil

from engine.daemon.backupkeeper import BackupKeeper
from engine.daemon.feed import Feed
from engine.daemon.looplag import LoopLag
from engine.daemon.passes import Passes
from engine.ports import Clock
from engine.protocol.enginefigures import EngineView, TimerView
from engine.store.writer import Writer

MIB = 2**20


class EngineFigures:
    """Reads them when somebody asks. timers: what is due, told by whoever drives them."""

    def __init__(
        self,
        *,
        passes: Passes,
        writer: Writer,
        feed: Feed,
        backups: BackupKeeper,
        database: Path,
        clock: Clock,
    ) -> None:
        self._passes = passes
        self._writer = writer
        self._feed = feed
        self._backups = backups
        self._database = database
        self._clock = clock
        self._began = clock.now()
        self.lag = LoopLag()
        self.timers: Callable[[], list[TimerView]] = list

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: the engine began as long ago as before."""
        self._began += by_s

    async def view(self) -> EngineView:
        """As they are now."""
        memory_mb, database_mb, wal_mb = await asyncio.to_thread(self._sizes)
        times = self._writer.times
        return EngineView(
            version=version("rcq"),
            now=self._clock.now(),
            pid=os.getpid(),
            started_at=self._began,
            memory_mb=memory_mb,
            loop_lag_s=self.lag.worst_s,
            commits=self._writer.commits,
            commit_s=times.last_s,
            slowest_commit_s=times.slowest_s(time.monotonic()),
            passes=self._passes.count,
            failed_passes=self._passes.failed,
            database_mb=database_mb,
            wal_mb=wal_mb,
            last_backup_at=self._backups.last_at,
            followers=self._feed.followers,
            trouble=self._writer.trouble or self._passes.trouble,
            timers=self.timers(),
        )

    def _sizes(self) -> tuple[int, float | None, float | None]:
        wal = self._database.with_name(self._database.name + "-wal")
        return psutil.Process().memory_info().rss // MIB, _size_mb(self._database), _size_mb(wal)


def _size_mb(file: Path) -> float | None:
    try:
        return file.stat().st_size / MIB
    except OSError:
        return None
