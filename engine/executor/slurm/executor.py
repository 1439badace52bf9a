"""The `slurm` executor: an attempt is handed to Slurm, followed there by its name, and its end is told.

What is known of an attempt lies in its job's directory and with Slurm, so that neither the engine's death nor Slurm's
changes how it ends. While Slurm is away nothing ends: all is asked again. Must not know why jobs start.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor import endings, records, unitfiles
from engine.executor.attempt import stop_cause
from engine.executor.slurm import notes
from engine.executor.slurm.attempt import Attempt, Key, gpus_of
from engine.executor.slurm.following import Following
from engine.executor.slurm.naming import Naming
from engine.executor.slurm.request import Where
from engine.executor.slurm.standing import Backend, Standing
from engine.executor.slurm.stopping import Stopping
from engine.executor.slurm.submission import Submission
from engine.ports import CannotPause, Ending, Launch, Running
from engine.protocol.errors import RcqError
from engine.slurm.commands import Commands
from engine.slurm.errors import SlurmAway, SlurmRefused
from engine.slurm.jobs import Phase
from engine.slurm.watch import Look, Watch

log = logging.getLogger(__name__)

IDLE_S = 15.0
"""How often Slurm is asked while no attempt is there, so that its health is known."""
FIRST_LOOK_S = 3.0
"""An engine that starts waits at most so long for Slurm, however much it has there."""
REMEMBERED_ENDS = 10_000


class SlurmExecutor:
    """Runs attempts through Slurm. now: the engine's clock; poll_s: how often Slurm is asked."""

    def __init__(
        self,
        commands: Commands,
        naming: Naming,
        where: Where,
        *,
        poll_s: float = 1.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.watch = Watch(commands)
        self._naming = naming
        self._poll_s = poll_s
        self._now = now
        self._submission = Submission(commands, self.watch, where, now)
        self._stopping = Stopping(commands, self._soon, self._follows)
        self._following = Following(commands, self._submission, self._stopping, now, naming.since)
        self._on_end: Callable[[Ending], None] | None = None
        self._attempts: dict[Key, Attempt] = {}
        self._told: dict[Key, Running | None] = {}
        self._known: Callable[[JobId, int], bool] | None = None
        self._loop: asyncio.Task[None] | None = None
        self._poked = asyncio.Event()
        self._hurries_until = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._strays: set[tuple[int, int | None]] = set()
        self._health = Backend(up=False)
        self._said: str | None = None

    # ------------------------------------------------------------ the port

    async def open(self, on_end: Callable[[Ending], None]) -> None:
        """Begin to follow; whether Slurm answers is no matter."""
        self._on_end = on_end
        self._hurries_until = asyncio.get_running_loop().time() + FIRST_LOOK_S
        self._loop = asyncio.get_running_loop().create_task(self._follow(), name="slurm")
        self._loop.add_done_callback(_broken)

    async def start(self, launch: Launch) -> Running | None:
        """Hand one attempt in, or find what an earlier start of it became; returns when it runs, or has ended before.

        Raises SlurmAway, OSError.
        """
        key = (launch.job, launch.attempt)
        if key in self._told:
            return self._told[key]
        if (ended := unitfiles.noted_end(launch.directory, *key)) is not None:
            return await self._tell_again(notes.placed(ended, launch.directory))
        attempt = self._attempt(*key, launch.directory)
        attempt.launch = launch
        async with attempt.turn:
            if not await self._hand_in(attempt, launch):
                return None
        attempt.waiters += 1
        attempt.heard.clear()
        try:
            return await asyncio.shield(attempt.began)
        finally:
            attempt.waiters -= 1
            if not attempt.waiters:
                attempt.heard.set()

    async def adopt(self, job: JobId, attempt: int, directory: Path) -> Running | Ending | None:
        """Take up an attempt by its note and by what Slurm knows; `None` where it waits there or never began.

        One that ran is taken up as running while Slurm is away. An ending that is returned is not told as well.
        """
        if (known := self._attempts.get((job, attempt))) is not None:
            return known.running
        if (ended := unitfiles.noted_end(directory, job, attempt)) is not None:
            ended = notes.placed(ended, directory)
            self._remember(ended)
            return ended
        found = self._attempt(job, attempt, directory)
        found.note = await asyncio.to_thread(notes.read, directory, attempt)
        found.cause = stop_cause(directory, attempt)
        if found.note is None or found.note.id is None:
            return None
        found.submitted = True
        if (ending := await self._first_look(found)) is not None:
            self._attempts.pop(found.key, None)
            self._over(found, ending)
            return ending
        if found.running is None and found.note.started_at is not None:
            found.running = Running(
                job=job, attempt=attempt, pid=None, started_at=found.note.started_at, node=found.note.node,
                gpus=found.note.gpus,
            )  # fmt: skip
            found.began.set_result(found.running)
        self._poked.set()
        return found.running

    async def stop(self, job: JobId, cause: Cause, grace_s: float) -> None:
        """End the whole tree, or take it out of Slurm's queue; does nothing where nothing is known of the job.

        The first cause stays, grace only shrinks. Raises SlurmAway.
        """
        for attempt in [one for one in self._attempts.values() if one.job == job]:
            async with attempt.turn:
                if not self._follows(attempt):
                    continue
                if attempt.cause is None:
                    attempt.cause = cause
                    with contextlib.suppress(OSError):
                        unitfiles.note(attempt.directory, records.stop_name(attempt.attempt), {"cause": cause.value})
                if attempt.submitted or await self._is_in_slurm(attempt):
                    await self._stopping.stop(attempt, grace_s)
                    self.watch.outdate()
                    self._poked.set()

    async def pause(self, job: JobId) -> None:
        """Nothing that Slurm runs stands still for rcq. Raises CannotPause."""
        self._refuse_to_pause(job)

    async def go_on(self, job: JobId) -> None:
        """The same. Raises CannotPause."""
        self._refuse_to_pause(job)

    async def sweep(self, known: Callable[[JobId, int], bool]) -> None:
        """Cancel what Slurm has of this engine that is not known, now or as soon as Slurm answers."""
        self._known = known
        self._poked.set()

    def forget(self, job: JobId) -> None:
        """Nothing: what is kept lies in its directory."""

    def job_of(self, pid: int) -> JobId | None:
        """Nobody's: its processes are on other machines."""
        return None

    async def close(self) -> None:
        """Follow nothing more; jobs run on, and wait on."""
        self._on_end = None
        for task in [*([self._loop] if self._loop else []), *self._tasks]:
            task.cancel()
        await asyncio.gather(*([self._loop] if self._loop else []), *self._tasks, return_exceptions=True)
        await self.watch.close()
        for attempt in self._attempts.values():
            attempt.rest()
            attempt.began.cancel()
        self._attempts.clear()

    # ------------------------------------------------------------ for views

    def standing(self, job: JobId, number: int) -> Standing | None:
        """Where that attempt stands, as of the last look; `None` where Slurm has none."""
        attempt = self._attempts.get((job, number))
        if attempt is None or attempt.id is None:
            return None
        seen, running = attempt.seen, attempt.running
        if seen is None:
            node, gpus = (None, None) if running is None else (running.node, running.gpus)
            return Standing(slurm_id=attempt.id, node=node, gpus=gpus)
        return Standing(
            slurm_id=attempt.id, state=seen.state, reason=seen.reason, node=seen.node, gpus=gpus_of(seen),
            expected_start=attempt.ours(seen.expected_start),
        )  # fmt: skip

    def health(self) -> Backend:
        """Whether Slurm answers, as of the last look."""
        waiting = sum(one.submitted and one.running is None for one in self._attempts.values())
        return replace(self._health, error=self.watch.error, waiting=waiting)

    # ------------------------------------------------------------ handing in

    async def _hand_in(self, attempt: Attempt, launch: Launch) -> bool:
        """Whether Slurm has it now; else its end has been told. Raises SlurmAway, OSError."""
        if not self._follows(attempt):
            return False
        if attempt.cause is not None and not attempt.submitted and not await self._is_in_slurm(attempt):
            return False
        if not attempt.submitted:
            try:
                await self._submission.ensure(attempt, launch)
            except SlurmRefused as refused:
                why = f"Slurm refused it: {refused}"
                await self._end(attempt, endings.unlaunched(attempt.job, attempt.attempt, why))
                return False
            attempt.known_since, attempt.submitted = time.monotonic(), True
            self._poked.set()
        return True

    async def _is_in_slurm(self, attempt: Attempt) -> bool:
        """Of an attempt that is to end and was not handed in as far as is known; where it was not, it ends here.

        Raises SlurmAway.
        """
        if attempt.note is None:
            attempt.note = await asyncio.to_thread(notes.read, attempt.directory, attempt.attempt)
        if attempt.note is not None:
            found = attempt.note.id or await self._submission.find(attempt)
            if found is not None:
                await self._submission.note_id(attempt, found)
                attempt.known_since, attempt.submitted = time.monotonic(), True
                return True
        await self._never_ran(attempt)
        return False

    async def _never_ran(self, attempt: Attempt) -> None:
        with contextlib.suppress(*notes.TAKEN_AWAY):
            closed = await asyncio.to_thread(notes.close_off, attempt.directory, attempt.attempt)
            if not closed and notes.begun(attempt.directory, attempt.attempt) is not None:
                raise SlurmAway(f"job {attempt.job} has just begun in Slurm, which does not say so yet")
        ending = Ending(
            job=attempt.job, attempt=attempt.attempt, cause=attempt.cause or Cause.CANCELLED, exit_code=None,
            signal=None, started_at=None, ended_at=self._now(),
        )  # fmt: skip
        await self._end(attempt, ending)

    def _attempt(self, job: JobId, attempt: int, directory: Path) -> Attempt:
        key = (job, attempt)
        if key not in self._attempts:
            self._attempts[key] = Attempt(
                job=job, attempt=attempt, directory=directory, name=self._naming.name(job, attempt)
            )
        return self._attempts[key]

    # ------------------------------------------------------------ following

    async def _follow(self) -> None:
        while True:
            self._poked.clear()
            await self._round()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s if self._attempts else IDLE_S):
                    await self._poked.wait()

    async def _round(self) -> None:
        """One look at Slurm and what it means for each attempt."""
        try:
            look = await self.watch.look(self._poll_s / 2)
        except SlurmAway as away:
            self._mark(up=False)
            self._say(str(away))
            return
        self._mark(up=True)
        self._say(None)
        self._cancel_strays(look)
        for attempt in list(self._attempts.values()):
            try:
                await self._settle(attempt, look)
            except (RcqError, OSError) as problem:
                log.warning("Job %s: what Slurm says of it could not be noted: %s", attempt.job, problem)

    async def _settle(self, attempt: Attempt, look: Look) -> None:
        if not attempt.submitted:
            if attempt.launch is not None and attempt.waiters and not attempt.turn.locked():
                async with attempt.turn:  # Slurm had lost it
                    await self._hand_in(attempt, attempt.launch)
            return
        if (ending := await self._following.settle(attempt, look)) is not None and self._follows(attempt):
            await self._end(attempt, ending)

    async def _first_look(self, attempt: Attempt) -> Ending | None:
        try:
            async with asyncio.timeout_at(self._hurries_until):
                look = await self.watch.look(self._poll_s)
            return await self._following.settle(attempt, look)
        except TimeoutError:
            return None  # a round finds it, and an engine that starts has more to do
        except SlurmAway as away:
            self._say(str(away))
            return None

    def _cancel_strays(self, look: Look) -> None:
        """What Slurm has in this engine's name and nobody knows, or has been told to have ended."""
        for job in look.jobs:
            named = self._naming.named(job.name)
            number = job.id, job.submitted_at  # numbers come again
            if named is None or number in self._strays or job.phase in {Phase.ENDED, Phase.CLOSING}:
                continue
            is_known = self._known is None or self._known(*named)
            if not is_known or (named in self._told and named not in self._attempts):
                log.error("Cancelled %s, job %d of Slurm: the books hold no such attempt.", job.name, job.id)
                self._strays.add(number)
                self._stopping.cancel_soon(job, job.user)

    # ------------------------------------------------------------ ends

    async def _end(self, attempt: Attempt, ending: Ending) -> None:
        """Tell it, once whoever waited for its start knows of that."""
        if attempt.began.done() and attempt.waiters:
            await attempt.heard.wait()
        if self._attempts.pop(attempt.key, None) is None:
            return
        self._over(attempt, ending)
        if self._on_end is not None:
            self._on_end(ending)
        if not attempt.began.done():
            attempt.began.set_result(None)

    def _over(self, attempt: Attempt, ending: Ending) -> None:
        attempt.rest()
        endings.write(ending, attempt.directory)
        self._remember(ending, attempt.running)

    async def _tell_again(self, ending: Ending) -> Running | None:
        """The end of an attempt that an earlier engine noted, as that of the start that is asked for now."""
        self._remember(ending)
        running = self._told[ending.job, ending.attempt]
        asyncio.get_running_loop().call_soon(lambda: self._on_end and self._on_end(ending))
        if running is None:
            await asyncio.sleep(0)  # it hears of the end first
        return running

    def _remember(self, ending: Ending, running: Running | None = None) -> None:
        if running is None and ending.started_at is not None:
            running = Running(
                job=ending.job, attempt=ending.attempt, pid=None, started_at=ending.started_at, node=ending.node,
                gpus=ending.gpus,
            )  # fmt: skip
        self._told[ending.job, ending.attempt] = running
        if len(self._told) > REMEMBERED_ENDS:
            del self._told[next(iter(self._told))]

    # ------------------------------------------------------------ in short

    def _follows(self, attempt: Attempt) -> bool:
        return self._attempts.get(attempt.key) is attempt

    def _refuse_to_pause(self, job: JobId) -> None:
        if any(one.job == job for one in self._attempts.values()):
            raise CannotPause(f"job {job}: what runs on Slurm cannot be paused by rcq; cancel or requeue it")

    def _mark(self, *, up: bool) -> None:
        if self._health.since is None or self._health.up != up:
            self._health = Backend(up=up, since=self._now())

    def _say(self, trouble: str | None) -> None:
        """Once for each thing that Slurm says."""
        if trouble is not None and trouble != self._said:
            log.error("Slurm cannot be asked; what it has goes on: %s", trouble)
        elif trouble is None and self._said is not None:
            log.warning("Slurm answers again.")
        self._said = trouble

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Slurm could not be told: %s", error, exc_info=error)


def _broken(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("Slurm is followed no more, which is a defect: %s", error, exc_info=error)
