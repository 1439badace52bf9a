"""A shared look at all of Slurm's jobs: whoever asks while one is under way waits for that one or the next.

Must not know which jobs are rcq's, nor what their states mean for anybody.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.slurm.commands import Commands
from engine.slurm.errors import SlurmAway, SlurmRefused
from engine.slurm.jobs import SlurmJob, of_squeue

EVERY_JOB = ("--json", "--all", "--states=all")
"""Later versions than 22.05 leave out what has ended, and jobs in partitions that are hidden or not for this user."""
RESTS = 4.0
"""Where looks cost much, so many times that goes by after one before the next one that nobody needs at once."""
BRISK_S = 0.25
"""A look that costs no more is made anew for whoever waits for what was just told to Slurm."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Look:
    """All jobs at one time. began, ended: seconds of the steady clock, between which Slurm was asked.

    cost_s: what looks take now: the shorter of this one and the one before, as a single one may have waited for a
    controller that was just being started.
    """

    jobs: tuple[SlurmJob, ...]
    began: float
    ended: float
    cost_s: float = 0.0


class Watch:
    """Asks `squeue`, once at a time. steady: a clock that is never set."""

    def __init__(self, commands: Commands, steady: Callable[[], float] = time.monotonic) -> None:
        self._commands = commands
        self._steady = steady
        self._under_way: asyncio.Task[Look] | None = None
        self._began = 0.0
        self._took_s = 0.0
        self._outdated_at = -math.inf
        self.last: Look | None = None
        self.away_since: float | None = None
        self.error: str | None = None

    async def jobs(self, max_age_s: float) -> tuple[SlurmJob, ...]:
        """All jobs, foreign ones too, as of a look that is no older. Raises SlurmAway."""
        return (await self.look(max_age_s)).jobs

    async def look(self, max_age_s: float) -> Look:
        """A look that began no longer ago; with 0 one that begins now. Raises SlurmAway."""
        asked = self._steady()
        since = asked - max_age_s
        if is_told := self._is_brisk() and since < self._outdated_at:
            since = self._outdated_at
        while True:
            if self.last is not None and self._is_fresh(self.last, since, patient=max_age_s > 0 and not is_told):
                return self.last
            if self._under_way is None:
                self._began = self._steady()
                self._under_way = asyncio.get_running_loop().create_task(self._ask(self._began))
                self._under_way.add_done_callback(self._done)
            began = self._began
            try:
                found = await asyncio.shield(self._under_way)
            except SlurmAway:
                if began >= since:
                    raise
            else:
                if found.began >= since:
                    return found

    def outdate(self) -> None:
        """Slurm was just told something: looks that began before do not show it."""
        self._outdated_at = self._steady()

    def last_jobs(self) -> tuple[SlurmJob, ...]:
        """All jobs as last seen; empty before the first look. Any thread."""
        return () if self.last is None else self.last.jobs

    def age_s(self) -> float:
        """Seconds since the last look began, infinite before the first. Any thread."""
        last = self.last
        return math.inf if last is None else self._steady() - last.began

    async def close(self) -> None:
        """Ask nothing more."""
        if (task := self._under_way) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _is_fresh(self, look: Look, since: float, *, patient: bool) -> bool:
        if look.began >= since:
            return True
        rests_until = look.ended + RESTS * look.cost_s
        return patient and self.away_since is None and self._steady() < rests_until

    def _is_brisk(self) -> bool:
        return self.last is not None and self.last.cost_s <= BRISK_S

    async def _ask(self, began: float) -> Look:
        try:
            printed = await self._commands.run("squeue", *EVERY_JOB)
            jobs = await asyncio.to_thread(of_squeue, printed)  # a hundred thousand of them take seconds
        except SlurmRefused as refused:
            away = SlurmAway(f"squeue: {refused}")
            self._note(away)
            raise away from refused
        except SlurmAway as away:
            self._note(away)
            raise
        ended = self._steady()
        before_s, self._took_s = self._took_s, ended - began
        self.last = Look(jobs=jobs, began=began, ended=ended, cost_s=min(before_s, self._took_s))
        self.away_since = self.error = None
        return self.last

    def _note(self, away: SlurmAway) -> None:
        self.error = str(away)
        if self.away_since is None:
            self.away_since = self._steady()

    def _done(self, task: "asyncio.Task[Look]") -> None:
        self._under_way = None
        if not task.cancelled():
            task.exception()  # whoever waited has it
