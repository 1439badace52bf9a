"""Two executors as one: each attempt goes to the one of the place where its lease is, this host or the cluster.

A cluster that is away keeps nobody from anything on this host. Must not know how either of them runs a job, nor why a
lease is where it is.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.core.snapshot import CLUSTER
from engine.ports import Ending, Executor, Launch, Running
from engine.protocol.errors import RcqError

log = logging.getLogger(__name__)

AGAIN_S = 5.0
"""What could not be swept up on a cluster is tried again after so long."""


class PlacedExecutor:
    """home: runs jobs on this host. place_of: where the lease of a job is that holds one."""

    def __init__(self, home: Executor, cluster: Executor, place_of: Callable[[JobId], str]) -> None:
        self.home = home
        self.cluster = cluster
        self._place_of = place_of
        self._there: set[JobId] = set()
        self._on_end: Callable[[Ending], None] = lambda ending: None
        self._is_open = False
        self._opening = asyncio.Lock()
        self._sweeping: asyncio.Task[None] | None = None

    async def open(self, on_end: Callable[[Ending], None]) -> None:
        """Open both; a cluster that is away is opened when it is next needed."""
        self._on_end = on_end
        await self.home.open(on_end)
        try:
            await self._opened()
        except RcqError as error:
            log.warning("The cluster is away; what concerns it is tried again: %s", error)

    async def start(self, launch: Launch) -> Running | None:
        """Start it where its lease is."""
        if launch.lease.place != CLUSTER:
            return await self.home.start(launch)
        self._there.add(launch.job)
        return await (await self._opened()).start(launch)

    async def adopt(self, job: JobId, attempt: int, directory: Path) -> Running | Ending | None:
        """Ask whoever has it. Raises RcqError while a cluster is away."""
        if self._place_of(job) != CLUSTER:
            return await self.home.adopt(job, attempt, directory)
        self._there.add(job)
        return await (await self._opened()).adopt(job, attempt, directory)

    async def stop(self, job: JobId, cause: Cause, grace_s: float) -> None:
        """Tell whoever has it."""
        await (await self._of(job)).stop(job, cause, grace_s)

    async def pause(self, job: JobId) -> None:
        """Tell whoever has it. Raises CannotPause."""
        await (await self._of(job)).pause(job)

    async def go_on(self, job: JobId) -> None:
        """Tell whoever has it. Raises CannotPause."""
        await (await self._of(job)).go_on(job)

    async def sweep(self, known: Callable[[JobId, int], bool]) -> None:
        """Both let go of what is not known; a cluster that is away does so as soon as it is back."""
        await self.home.sweep(known)
        try:
            await (await self._opened()).sweep(known)
        except RcqError:
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep_later(known), name="sweep cluster")

    async def _sweep_later(self, known: Callable[[JobId, int], bool]) -> None:
        while True:
            await asyncio.sleep(AGAIN_S)
            try:
                return await (await self._opened()).sweep(known)
            except RcqError:
                continue  # that it is away was told when it was opened, and is by whoever else asks

    def forget(self, job: JobId) -> None:
        """Whoever had its last attempt may let go of it; its lease is over by now."""
        if job in self._there:
            self._there.discard(job)
            self.cluster.forget(job)
        else:
            self.home.forget(job)

    def job_of(self, pid: int) -> JobId | None:
        """Processes are this host's."""
        return self.home.job_of(pid)

    async def close(self) -> None:
        """Both let go; jobs run on."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await self.home.close()
        if self._is_open:
            await self.cluster.close()

    async def _of(self, job: JobId) -> Executor:
        return await self._opened() if self._place_of(job) == CLUSTER else self.home

    async def _opened(self) -> Executor:
        """The cluster's, open. Raises RcqError while it cannot be."""
        async with self._opening:
            if not self._is_open:
                await self.cluster.open(self._on_end)
                self._is_open = True
        return self.cluster
