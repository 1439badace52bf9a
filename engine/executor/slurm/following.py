"""What a look at Slurm means for an attempt: it waits, it runs, it is over, or Slurm knows it no more.

Must not know how attempts are submitted or stopped, but that they are.
"""

import asyncio
import contextlib
import logging
import math
import re
import time
from collections.abc import Callable
from dataclasses import replace

from engine.executor import startscript
from engine.executor.slurm import ends, notes
from engine.executor.slurm.attempt import Attempt, gpus_of
from engine.executor.slurm.stopping import Stopping
from engine.executor.slurm.submission import Submission
from engine.ports import Ending, Running
from engine.slurm import errors
from engine.slurm.commands import Commands
from engine.slurm.errors import SlurmAway, SlurmRefused
from engine.slurm.jobs import Phase, SlurmJob, of_scontrol
from engine.slurm.watch import Look

log = logging.getLogger(__name__)

WORD_PATIENCE_S = 5.0
"""A shared file system may show a node's last word so much later than Slurm tells of the end."""
SILENT_END_S = 60.0
"""A script that ended well has left a word: the file system is late, or Slurm takes another job's end for its."""
STARTS_WITHIN_S = 60.0
"""An engine that has just started may need so long until it starts what it found to be waiting in Slurm."""
DUPLICATE = "Duplicate jobid"
"""Why Slurm drains a node that was given a job of a number that it already runs."""
BEGINS_WITHIN_S = 30.0
"""A node may need so long until it begins the script of a job that Slurm has started."""
BOOTED = re.compile(r"(?m)^BOOT_TIME\s*=\s*([0-9]+)\s*$")
SETTLES_S = 120.0
"""After its start a controller has heard from all nodes by then."""
CLOSING_PATIENCE_S = 120.0
"""A node that has not cleared up after a job by then is not waited for: it may never come back."""


class Following:
    """Takes note of what Slurm does with attempts.

    now: the engine's clock. since: from when on Slurm may have had some, Unix seconds.
    """

    def __init__(
        self,
        commands: Commands,
        submission: Submission,
        stopping: Stopping,
        now: Callable[[], float],
        since: float = math.inf,
    ) -> None:
        self._commands = commands
        self._submission = submission
        self._stopping = stopping
        self._now = now
        self._since = since

    async def settle(self, attempt: Attempt, look: Look) -> Ending | None:
        """How the attempt ended, if it has. Raises SlurmAway, OSError."""
        named = [job for job in look.jobs if job.name == attempt.name]
        job = await self._ours(attempt, named)
        if job is None:
            return None if look.began < attempt.known_since else await self._missing(attempt)
        attempt.seen = job
        if job.restarts:
            attempt.put_back = True
        match job.phase:
            case Phase.WAITING:
                return await self._waits(attempt, job)
            case Phase.RUNNING:
                attempt.puzzled_since = None
                await self._begin(attempt, job)
                return None
            case Phase.CLOSING if not self._is_over_patience(attempt, CLOSING_PATIENCE_S):
                return None
            case _:
                return await self._end(attempt, job)

    # ------------------------------------------------------------ which one

    async def _ours(self, attempt: Attempt, named: list[SlurmJob]) -> SlurmJob | None:
        """By number and name: after a loss of Slurm's books its numbers begin anew.

        A submission that was thought lost may have come through after all: whichever has the claim is the one, and no
        other could run any more.
        """
        ours = next((job for job in named if job.id == attempt.id), None)
        others = [job for job in named if job is not ours and job.phase is not Phase.ENDED]
        begun = await asyncio.to_thread(notes.begun, attempt.directory, attempt.attempt) if others else None
        for job in others:
            if begun is not None and begun.slurm == job.id:
                await self._submission.note_id(attempt, job.id)
                return job
            if ours is not None and (begun is not None or job.phase is Phase.WAITING):
                self._cancel_once(attempt, job)  # one that has just begun may yet say that it has the claim
        return ours

    def _cancel_once(self, attempt: Attempt, job: SlurmJob) -> None:
        if (job.id, job.restarts) not in attempt.told_off:
            attempt.told_off.add((job.id, job.restarts))
            self._stopping.cancel_soon(job, attempt.user)

    # ------------------------------------------------------------ begin

    async def _begin(self, attempt: Attempt, job: SlurmJob) -> None:
        if attempt.running is None:
            note, node = attempt.note, job.node
            if node is None:  # Slurm has forgotten it; its script has not
                begun = await asyncio.to_thread(notes.begun, attempt.directory, attempt.attempt)
                node = None if begun is None else begun.node
            started_at = note.started_at if note is not None and note.started_at is not None else None
            running = Running(
                job=attempt.job, attempt=attempt.attempt, pid=None, node=node, gpus=gpus_of(job),
                started_at=attempt.started_at(self._now()) if started_at is None else started_at,
            )  # fmt: skip
            if note is not None and started_at is None:
                attempt.note = replace(note, started_at=running.started_at, node=running.node, gpus=running.gpus)
                with contextlib.suppress(*notes.TAKEN_AWAY):  # jobs do that to their directories
                    await asyncio.to_thread(notes.write, attempt.directory, attempt.attempt, attempt.note)
            attempt.running = running
        if not attempt.began.done():
            attempt.began.set_result(attempt.running)

    # ------------------------------------------------------------ end

    async def _waits(self, attempt: Attempt, job: SlurmJob) -> Ending | None:
        """It does, or it was put back, or a slurmctld that lost its last seconds has it wait while it runs on.

        That one ends as ever; had its node ended it, Slurm's second start finds the claim and says so.
        """
        if attempt.put_back:
            self._cancel_once(attempt, job)
            return None
        if attempt.running is None:
            attempt.waiting_at = self._now()
            return None
        record = await self._record(attempt, job.id)
        if record is not None:
            self._cancel_once(attempt, job)
            attempt.put_back = record.stopped and attempt.cause is None
            return self._ending(attempt, None, record, claimed=True)
        return None

    async def _end(self, attempt: Attempt, job: SlurmJob) -> Ending | None:
        begun = await asyncio.to_thread(notes.begun, attempt.directory, attempt.attempt)
        if begun is not None and begun.slurm != job.id and attempt.note is not None:
            attempt.note = replace(attempt.note, id=begun.slurm)  # that one had the claim, and this one did not run
            await asyncio.to_thread(notes.write, attempt.directory, attempt.attempt, attempt.note)
            return None
        claimed = begun is not None or await asyncio.to_thread(notes.is_claimed, attempt.directory, attempt.attempt)
        gone = not claimed and await asyncio.to_thread(notes.is_gone, attempt.directory)
        claimed = claimed or (gone and _has_run(job))
        if claimed:
            await self._begin(attempt, job)
        record = await self._record(attempt, job.id)
        came_to_its_end = job.state in {"COMPLETED", "FAILED"} and claimed and not gone
        patience_s = SILENT_END_S if job.state == "COMPLETED" else WORD_PATIENCE_S
        if record is None and came_to_its_end and not self._is_over_patience(attempt, patience_s):
            return None
        if record is None and claimed and job.exit_code == ends.REFUSED_TO_RUN:
            attempt.put_back = True  # it ran before, and Slurm had forgotten
        if _may_be_mixed_up(attempt, job):
            mixed_up = await self._is_mixed_up(job)
            if mixed_up and not claimed:
                attempt.dead.add((job.id, job.submitted_at))
                return await self._again(attempt, "was cancelled by a Slurm that has lost jobs")
            attempt.put_back = mixed_up
            if job.node is not None and not claimed and not self._is_over_patience(attempt, WORD_PATIENCE_S):
                return None  # the node is drained a moment later
        by = await self._who_cancelled(attempt, job)
        if not claimed and not await self._close_off(attempt):
            return None  # it has begun this very moment
        return self._ending(attempt, job, record, claimed=claimed, by=by)

    async def _missing(self, attempt: Attempt) -> Ending | None:
        """Slurm lists it no more: it ended long ago, or Slurm has lost its books."""
        if attempt.id is None or await self._is_known(attempt):
            return None
        begun = await asyncio.to_thread(notes.begun, attempt.directory, attempt.attempt)
        if begun is not None and begun.slurm != attempt.id and attempt.note is not None:
            attempt.note = replace(attempt.note, id=begun.slurm)
            return None
        claimed = begun is not None or await asyncio.to_thread(notes.is_claimed, attempt.directory, attempt.attempt)
        record = await self._record(attempt, attempt.id)
        if record is None and not self._is_over_patience(attempt, WORD_PATIENCE_S):
            return None
        past = None if record is not None else await self._submission.past(attempt)
        if past is not None and past.phase is not Phase.ENDED:
            past = None  # accounting does not hear of what slurmctld has lost
        gone = not claimed and await asyncio.to_thread(notes.is_gone, attempt.directory)
        claimed = claimed or (gone and attempt.running is not None)
        started = attempt.launch is not None or attempt.running is not None
        is_due = started or not self._is_over_patience(attempt, STARTS_WITHIN_S)
        if past is None and not claimed and attempt.cause is None and is_due:
            return await self._again(attempt, "was lost by Slurm")
        if not claimed and not await self._close_off(attempt):
            return None
        if claimed and attempt.running is None:
            await self._begin(attempt, past or SlurmJob(id=attempt.id, name=attempt.name, state="COMPLETED"))
        return self._ending(attempt, past, record, claimed=claimed)

    async def _is_mixed_up(self, job: SlurmJob) -> bool:
        """A slurmctld that was killed may give numbers again that nodes still run, and take one's end for another's.

        Nobody can tell a job that it cancels then from one that an admin does, so for a while both begin anew. Raises
        SlurmAway, SlurmRefused.
        """
        told = await self._commands.run("scontrol", "show", "config")
        booted = BOOTED.search(told)
        booted_at = int(booted[1]) if booted is not None else 0
        if job.ended_at is not None and booted_at > self._since and job.ended_at - booted_at < SETTLES_S:
            return True
        if job.node is None:
            return False
        return DUPLICATE in await self._commands.run("sinfo", "-a", "--noheader", f"--nodes={job.node}", "--format=%E")

    async def _again(self, attempt: Attempt, why: str) -> Ending | None:
        """It never began and is nowhere: the same attempt is handed in anew, and its claim lets only one run.

        One that is said to run already has ended by this.
        """
        if attempt.running is not None:
            if not await self._close_off(attempt):
                return None
            attempt.lost = True
            return self._ending(attempt, None, None, claimed=False)
        if attempt.launch is None:
            return None  # whoever starts it is on the way
        log.warning("Job %s, attempt %d %s before it began: handed in anew.", attempt.job, attempt.attempt, why)
        if attempt.note is not None:
            attempt.note = replace(attempt.note, id=None)
            await asyncio.to_thread(notes.write, attempt.directory, attempt.attempt, attempt.note)
        attempt.submitted, attempt.seen, attempt.puzzled_since = False, None, None
        return None

    async def _is_known(self, attempt: Attempt) -> bool:
        """Asked for by its number: a list of jobs may leave some out."""
        try:
            told = await self._commands.run("scontrol", "-a", "-o", "-d", "show", "job", str(attempt.id))
        except SlurmRefused as refused:
            if errors.is_gone(refused):
                return False
            raise SlurmAway(f"scontrol: {refused}") from refused
        found = of_scontrol(told)
        return found is not None and found.name == attempt.name

    async def _record(self, attempt: Attempt, id_: int) -> notes.Ended | None:
        record = await asyncio.to_thread(notes.ended, attempt.directory, attempt.attempt)
        return record if record is not None and record.slurm == id_ else None

    async def _close_off(self, attempt: Attempt) -> bool:
        """What never began must not begin from now on, however late it comes; false if it just has."""
        try:
            return await asyncio.to_thread(notes.close_off, attempt.directory, attempt.attempt)
        except notes.TAKEN_AWAY:
            return True  # its directory is gone, so that nothing can begin there

    async def _who_cancelled(self, attempt: Attempt, job: SlurmJob) -> str:
        if job.state != "CANCELLED" or attempt.cause is not None or attempt.put_back:
            return ""
        try:
            past = await self._submission.past(attempt)
        except SlurmAway:
            return ""
        return f"uid {past.reason.removeprefix('by ')}" if past is not None and past.reason else ""

    def _is_over_patience(self, attempt: Attempt, patience_s: float) -> bool:
        now = time.monotonic()
        if attempt.puzzled_since is None:
            attempt.puzzled_since = now
        return now - attempt.puzzled_since >= patience_s

    def _ending(
        self, attempt: Attempt, job: SlurmJob | None, record: notes.Ended | None, *, claimed: bool, by: str = ""
    ) -> Ending:
        now = self._now()
        running = attempt.running
        started_at = None if running is None else running.started_at
        facts = ends.Facts(
            job=attempt.job, attempt=attempt.attempt, slurm=job, record=record, asked=attempt.cause, claimed=claimed,
            started_at=started_at, ended_at=_ended_at(started_at, _duration(job, record, attempt), now), by=by,
            put_back=attempt.put_back, lost=attempt.lost,
        )  # fmt: skip
        ending = startscript.as_begun(ends.ending(facts), attempt.directory)
        if ending.started_at is None and record is not None and attempt.note is not None and attempt.note.program:
            ending = replace(ending, message=f"{attempt.note.program}: {ending.message}")
        return replace(ending, node=running.node, gpus=running.gpus) if running is not None else ending


def _may_be_mixed_up(attempt: Attempt, job: SlurmJob) -> bool:
    return job.state == "CANCELLED" and attempt.cause is None and not attempt.put_back


def _has_run(job: SlurmJob) -> bool:
    """Of one whose directory is gone, and with it its claim: its script says where it could make none."""
    began = job.node is not None and job.started_at is not None
    return began and job.signal != ends.NOT_RUN_SIGNAL and job.exit_code != ends.REFUSED_TO_RUN


def _duration(job: SlurmJob | None, record: notes.Ended | None, attempt: Attempt) -> float | None:
    """Seconds, by one clock at both ends; `None` where nobody knows.

    What the node says is finer, but a job can write that itself, and is billed by it.
    """
    told = None if job is None or attempt.put_back else job.duration_s
    if record is None:
        return told
    its_own = record.ended - record.began
    return its_own if told is None or told - its_own < BEGINS_WITHIN_S else float(told)


def _ended_at(started_at: float | None, duration_s: float | None, now: float) -> float:
    if started_at is None or duration_s is None:
        return now
    return max(started_at, min(now, started_at + duration_s))
