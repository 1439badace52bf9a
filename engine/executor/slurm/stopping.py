"""Ends attempts that Slurm has: what waits is taken back; what runs gets SIGTERM, after its grace SIGKILL.

Must not know why, nor how an end is told.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from engine.executor.slurm.attempt import Attempt
from engine.slurm.commands import Commands
from engine.slurm.errors import SlurmAway, SlurmRefused
from engine.slurm.jobs import SlurmJob

log = logging.getLogger(__name__)

NET_S = 10.0
"""So long after SIGKILL the rest is Slurm's own to kill."""
AGAIN_S = 1.0


class Stopping:
    """Tells Slurm to end jobs. soon: runs something beside. follows: whether an attempt has not ended yet."""

    def __init__(
        self,
        commands: Commands,
        soon: Callable[[Coroutine[Any, Any, None]], None],
        follows: Callable[[Attempt], bool],
    ) -> None:
        self._commands = commands
        self._soon = soon
        self._follows = follows

    async def stop(self, attempt: Attempt, grace_s: float) -> None:
        """Begin to end it; a later call may only shorten its grace. Raises SlurmAway."""
        if attempt.running is None:
            await self.cancel(attempt)
            return
        if attempt.kill_at is None:
            await self.signal(attempt, "TERM")
        loop = asyncio.get_running_loop()
        kill_at = min(loop.time() + grace_s, attempt.kill_at or float("inf"))
        attempt.kill_at = kill_at
        attempt.rest()
        attempt.timers = [
            loop.call_at(kill_at, self._later, attempt, lambda: self.signal(attempt, "USR2")),
            loop.call_at(kill_at + NET_S, self._later, attempt, lambda: self.cancel(attempt)),
        ]

    async def signal(self, attempt: Attempt, name: str) -> None:
        """To the attempt's script alone, which knows what becomes of it. Raises SlurmAway."""
        await self._scancel(attempt.id, attempt.name, attempt.user, "--batch", f"--signal={name}")

    async def cancel(self, attempt: Attempt) -> None:
        """Take it out of Slurm's queue, or have Slurm end all of it. Raises SlurmAway."""
        await self._scancel(attempt.id, attempt.name, attempt.user)

    def cancel_soon(self, job: SlurmJob, user: str | None) -> None:
        """The same, beside, and again until Slurm has heard it."""
        self._soon(self._cancel_until_heard(job, user))

    async def _cancel_until_heard(self, job: SlurmJob, user: str | None) -> None:
        said = False
        while True:
            try:
                return await self._scancel(job.id, job.name, user)
            except SlurmAway as away:
                if not said:
                    log.warning("Job %d of Slurm could not be cancelled; trying again: %s", job.id, away)
                said = True
                await asyncio.sleep(AGAIN_S)

    async def _scancel(self, id_: int | None, job_name: str, user: str | None, *options: str) -> None:
        """By number and name: a controller that lost what it knew gives numbers again, while this one is on its way."""
        if id_ is None:
            return
        try:
            await self._commands.run("scancel", *options, f"--name={job_name}", str(id_), user=user)
        except SlurmRefused as refused:  # it has just ended, or is just beginning: what it comes to is seen
            log.info("scancel %s %d: %s", " ".join(options), id_, refused)

    def _later(self, attempt: Attempt, tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._soon(self._insist(attempt, tell))

    async def _insist(self, attempt: Attempt, tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while self._follows(attempt):
            try:
                await tell()
            except SlurmAway:
                await asyncio.sleep(AGAIN_S)
            else:
                return
