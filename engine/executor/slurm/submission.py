"""Hands attempts to Slurm, once each: whatever became of an earlier try, it is looked for before it is made again.

Must not know what becomes of an attempt once Slurm has it.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from engine.executor.slurm import notes, request, script
from engine.executor.slurm.attempt import Attempt
from engine.ports import Launch
from engine.slurm.commands import Commands, name_in_slurm
from engine.slurm.errors import SlurmAway, SlurmRefused, SlurmUnread
from engine.slurm.jobs import SACCT_FIELDS, Phase, SlurmJob, of_sacct
from engine.slurm.watch import Watch

log = logging.getLogger(__name__)

BEFORE_S = 86_400
"""sacct is asked from so long before the submission on, whatever its clock says."""
NO_ACCOUNTING = ("accounting storage is disabled", "cannot be run: no such file")
"""What is said where there is none, or no `sacct`."""


class Submission:
    """Submits attempts. now: the engine's clock."""

    def __init__(self, commands: Commands, watch: Watch, where: request.Where, now: Callable[[], float]) -> None:
        self._commands = commands
        self._watch = watch
        self._where = where
        self._now = now
        self._own_mask = _umask()
        self._line = asyncio.Lock()
        self._away: SlurmAway | None = None
        self._away_at = 0.0

    async def ensure(self, attempt: Attempt, launch: Launch) -> None:
        """Slurm has the attempt when this returns, and its number is noted; one after the other, as they come.

        Raises SlurmAway, after which it may have it or not; SlurmRefused; OSError.
        """
        came_at = time.monotonic()
        async with self._line:
            if self._away is not None and self._away_at >= came_at:
                raise SlurmAway(str(self._away))  # it went while this one stood in line: time-outs do not add up
            try:
                await self._ensured(attempt, launch)
            except SlurmAway as away:
                self._away, self._away_at = away, time.monotonic()
                raise

    async def _ensured(self, attempt: Attempt, launch: Launch) -> None:
        if attempt.note is None:
            attempt.note = await asyncio.to_thread(notes.read, attempt.directory, attempt.attempt)
        if attempt.note is not None and attempt.note.id is not None:
            return
        if attempt.note is not None and (found := await self.find(attempt)) is not None:
            log.info("Job %s, attempt %d: found in Slurm as %d.", attempt.job, attempt.attempt, found)
        else:
            await self._note(attempt, notes.first_note(launch, attempt.name, self._now()))
            found = await self._submit(attempt, launch)
        await self._note(attempt, replace(attempt.note or notes.first_note(launch, attempt.name, 0.0), id=found))

    async def note_id(self, attempt: Attempt, id_: int) -> None:
        """Its number in Slurm is known. Raises OSError."""
        if attempt.note is not None and attempt.note.id != id_:
            await self._note(attempt, replace(attempt.note, id=id_))

    async def find(self, attempt: Attempt) -> int | None:
        """The number of the attempt's job, by its name; `None` where Slurm certainly has none. Raises SlurmAway."""
        begun = await asyncio.to_thread(notes.begun, attempt.directory, attempt.attempt)
        named = [job for job in await self._watch.jobs(0.0) if self._is_its(attempt, job)]
        if begun is not None:
            return begun.slurm
        if named:
            return choice(named).id
        past = await self.past(attempt)
        return None if past is None else past.id

    async def past(self, attempt: Attempt) -> SlurmJob | None:
        """What Slurm's accounting knows of it, where there is one. Raises SlurmAway."""
        since = int((self._now() if attempt.note is None else attempt.note.asked_at) - BEFORE_S)
        try:
            printed = await self._commands.run(
                "sacct", "--allusers", "--allocations", "--duplicates", "--parsable2", "--noheader",
                f"--name={attempt.name}", f"--starttime={_date(since)}", f"--format={SACCT_FIELDS}",
            )  # fmt: skip
        except (SlurmAway, SlurmRefused) as problem:
            if isinstance(problem, SlurmAway) and not any(one in str(problem).lower() for one in NO_ACCOUNTING):
                raise
            return None
        found = [job for job in of_sacct(printed) if self._is_its(attempt, job)]
        return choice(found) if found else None

    def _is_its(self, attempt: Attempt, job: SlurmJob) -> bool:
        """Anybody may give a job of theirs that name: everybody sees it."""
        if (job.id, job.submitted_at) in attempt.dead:
            return False
        return job.name == attempt.name and job.user in {"", name_in_slurm(attempt.user)}

    async def _submit(self, attempt: Attempt, launch: Launch) -> int:
        mask = self._own_mask if launch.user is None else script.USUAL_MASK
        printed = await self._commands.run(
            "sbatch", *request.arguments(launch, attempt.name, self._where),
            stdin=script.text(launch, mask=mask), user=launch.user,
        )  # fmt: skip
        told = printed.strip().splitlines()[-1:]
        number = told[0].partition(";")[0] if told else ""
        if not number.isdigit():
            raise SlurmUnread(f"sbatch --parsable printed {printed[:80]!r}, which is no job's number")
        return int(number)

    async def _note(self, attempt: Attempt, note: notes.Note) -> None:
        await asyncio.to_thread(notes.write, attempt.directory, attempt.attempt, note)
        attempt.note = note


def choice(jobs: Iterable[SlurmJob]) -> SlurmJob:
    """Of several jobs of one attempt, which none has begun as far as is known: what is not over, the first of them."""
    return min(jobs, key=lambda job: (job.phase is Phase.ENDED, job.id))


def _date(seconds: int) -> str:
    """As sacct reads it in any version; the commands' zone is UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _umask() -> int:
    """This process's own, without setting it."""
    for line in Path(f"/proc/{os.getpid()}/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return script.USUAL_MASK
