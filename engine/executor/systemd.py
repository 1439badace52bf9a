"""The `systemd` executor: each attempt is a unit that runs as its owner, made by the launcher, supervised by systemd.

A unit keeps its result until the ending is on disk (`forget`). So neither the engine's death nor the launcher's changes
how a job ends. Must not know why jobs start.
"""

import asyncio
import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor import endings, records, startscript, unitfiles
from engine.executor.attempt import Attempt, Limits, pids_of, stop_cause, warned_name, with_below
from engine.executor.launcherlink import LauncherLink, LauncherRefused, LauncherUnreachable, Told
from engine.executor.unitbook import UnitBook, job_of
from engine.executor.unitrequest import of_launch
from engine.executor.unitstate import Phase, Unit
from engine.executor.usertask import UserTasks
from engine.ports import CannotPause, Ending, Launch, Running

log = logging.getLogger(__name__)

SHORTAGES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What the host lacks for the moment, which tells nothing of a job."""
FIRST_LOOK_S, LONGEST_LOOK_S = 0.01, 0.5
AGAIN_S = 1.0
GONE = "its unit was taken out of systemd while it ran, so that nobody can tell how it ended; submit it again"
REMEMBERED_ENDS = 10_000
Key = tuple[JobId, int]


class SystemdExecutor:
    """Runs attempts through the launcher on `launcher`. can_pause: jobs may be told to stand still.

    systemd's own clock for a time limit does not stand still with a job, so that where jobs may be paused the limit is
    kept by this class, and systemd's is only the net below it.
    """

    def __init__(self, launcher: Path, *, tasks_max: int, can_pause: bool) -> None:
        self._units = UnitBook(self._changed, self._gone)
        self._link = LauncherLink(launcher, self._units.heard, self._units.listed)
        self.tasks = UserTasks(self._link)
        self._tasks_max = tasks_max
        self._can_pause = can_pause
        self._on_end: Callable[[Ending], None] | None = None
        self._attempts: dict[Key, Attempt] = {}
        self._told: dict[Key, Running] = {}
        self._unwanted: set[Key] = set()
        self._turns: WeakValueDictionary[JobId, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[Any]] = set()

    # ------------------------------------------------------------ the port

    async def open(self, on_end: Callable[[Ending], None]) -> None:
        """Hear of all units there are. Raises LauncherUnreachable."""
        self._on_end = on_end
        await self._link.open()

    async def start(self, launch: Launch) -> Running:
        """Start one attempt, or take up what an earlier start of it became. Raises LauncherUnreachable."""
        async with self._turns.setdefault(launch.job, asyncio.Lock()):
            key = (launch.job, launch.attempt)
            if (attempt := self._attempts.get(key)) is not None:
                return attempt.running
            if (running := self._told.get(key)) is not None:
                return running
            return await self._start(launch)

    async def adopt(self, job: JobId, attempt: int, directory: Path) -> Running | Ending | None:
        """Take up an attempt by its unit. An ending that is returned is not told through `on_end` as well."""
        if (known := self._attempts.get((job, attempt))) is not None:
            return known.running
        unit = self._units.one(job, attempt)
        if unit is None:
            ended = unitfiles.noted_end(directory, job, attempt)
            if ended is not None:
                self._remember((job, attempt), _running(ended))
            return ended
        if unit.phase is Phase.ENDED:
            began_at = unit.began_at(time.time(), time.monotonic())
            ending = startscript.as_begun(unit.ending(stop_cause(directory, attempt), time.time(), began_at), directory)
            endings.write(ending, directory)
            self._remember((job, attempt), _running(ending))
            return ending
        return self._take_up(unit, directory).running

    async def stop(self, job: JobId, cause: Cause, grace_s: float) -> None:
        """End the whole tree; does nothing where the job does not run. The first cause stays, grace only shrinks."""
        if turn := self._turns.get(job):
            async with turn:
                pass  # what is just being started is there to be stopped then
        for attempt in self._of(job):
            if not attempt.unit.main_ended and attempt.unit.phase is not Phase.LEFT:
                await self._stop(attempt, cause, grace_s)

    async def pause(self, job: JobId) -> None:
        """Freeze the job's control group; does nothing where the job does not run. Raises CannotPause."""
        for attempt in self._of(job):
            if not attempt.keeps_limit:
                raise CannotPause(f"job {job}: by the settings no time limit stands still, so no job can be paused")
            try:
                await self._ask("freeze", attempt.unit)
            except (LauncherRefused, LauncherUnreachable) as problem:
                self._soon(self._insist(attempt, partial(self._thaw, attempt)))  # half of it may have got through
                raise CannotPause(f"job {job}: {problem}") from problem
            attempt.stand_still()

    async def go_on(self, job: JobId) -> None:
        """Thaw it. Raises CannotPause."""
        for attempt in self._of(job):
            try:
                await self._ask("thaw", attempt.unit)
            except (LauncherRefused, LauncherUnreachable) as problem:
                raise CannotPause(f"job {job}: {problem}") from problem
            attempt.walk_on()

    async def sweep(self, known: Callable[[JobId, int], bool]) -> None:
        """End what runs under no lease, and let go of what has ended."""
        for unit in self._units.all():
            key = (unit.job, unit.attempt)
            if not known(*key) and key not in self._told:  # an end that was told may not be on disk yet
                self._unwanted.add(key)
                if unit.phase is Phase.RUNNING:
                    log.error("Ended %s (attempt %d): the books hold no such attempt.", unit.name, unit.attempt)
                await self._drop(unit)

    def forget(self, job: JobId) -> None:
        """The unit of its last attempt may go."""
        for unit in self._units.of(job):
            if (unit.job, unit.attempt) in self._told:
                self._unwanted.add((unit.job, unit.attempt))
                self._soon(self._drop_in_turn(unit))

    def job_of(self, pid: int) -> JobId | None:
        """Whose process that is, by its control group; `None` for a stranger's. Any thread."""
        return job_of(pid)

    async def close(self) -> None:
        """Hear nothing more; units stay."""
        self._on_end = None
        await self._link.close()
        for attempt in self._attempts.values():
            attempt.rest()
        self._attempts.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------ starting

    async def _start(self, launch: Launch) -> Running:
        found = self._units.one(launch.job, launch.attempt)
        if found is None:
            if ended := unitfiles.noted_end(launch.directory, launch.job, launch.attempt):
                self._later(ended)
                return _running(ended)
            try:
                found = Unit.of(await self._begin(launch))
            except LauncherRefused as refused:
                self._units.listed(await self._link.units())  # an earlier request may have got through
                found, problem = self._units.one(launch.job, launch.attempt), str(refused)
                if found is None and self._older(launch):
                    raise LauncherUnreachable(f"an earlier attempt is in the way: {refused}") from refused
            except OSError as error:
                if error.errno in SHORTAGES:
                    raise
                problem = f"its output cannot be opened: {error.strerror or error}"
            else:
                problem = endings.INTERRUPTED
        if found is None:
            ending = endings.unlaunched(launch.job, launch.attempt, problem)
            self._later(ending)
            return _running(ending)
        return self._take_up(self._units.newer(found), launch.directory, launch.argv[0]).running

    async def _begin(self, launch: Launch) -> Told:
        for unit in self._older(launch):
            await self._drop(unit)
        limits = Limits.of(launch, kept=self._can_pause)
        unitfiles.note(launch.directory, records.run_name(launch.attempt), asdict(limits))
        if launch.adopt is not None:
            pids = with_below(launch.adopt)
            return await self._link.ask(of_launch(launch, limits, self._tasks_max, pids))
        mark = startscript.mark_of(launch.directory, launch.attempt)
        handles = [startscript.descriptor(startscript.text(launch.argv, launch.environment, mark))]
        try:
            handles += unitfiles.open_logs(launch.directory)
            return await self._link.ask(of_launch(launch, limits, self._tasks_max), handles)
        finally:
            for handle in handles:
                os.close(handle)

    def _older(self, launch: Launch) -> list[Unit]:
        return [one for one in self._units.of(launch.job) if one.attempt < launch.attempt]

    def _take_up(self, unit: Unit, directory: Path, program: str = "") -> Attempt:
        limits = Limits.noted(directory, unit)
        running = Running(
            job=unit.job, attempt=unit.attempt, pid=limits.pid if unit.is_scope else unit.pid,
            started_at=unit.began_at(time.time(), time.monotonic()), cores=limits.cores,
        )  # fmt: skip
        attempt = Attempt(
            unit=unit, running=running, directory=directory, limits=limits, program=program, ends=self._time_is_up,
            warns=self._warn, cause=stop_cause(directory, unit.attempt),
        )  # fmt: skip
        attempt.take_up_pause()
        if attempt.running.paused_since is None:
            attempt.walk()
        self._attempts[unit.job, unit.attempt] = attempt
        # a step later, so that who awaits the start hears of it before it hears of the end
        asyncio.get_running_loop().call_soon(self._look, attempt)
        return attempt

    # ------------------------------------------------------------ ending

    async def _stop(self, attempt: Attempt, cause: Cause, grace_s: float) -> None:
        if attempt.cause is None:
            attempt.cause = cause
            with contextlib.suppress(OSError):
                unitfiles.note(attempt.directory, records.stop_name(attempt.unit.attempt), {"cause": cause.value})
        if attempt.running.paused_since is not None:
            with contextlib.suppress(LauncherRefused):
                await self._ask("thaw", attempt.unit)
        with contextlib.suppress(LauncherRefused):  # it is gone already
            await self._ask("stop", attempt.unit)
        attempt.kill_after(grace_s, self._kill)

    async def _thaw(self, attempt: Attempt) -> None:
        if attempt.running.paused_since is None:  # else it was paused meanwhile
            with contextlib.suppress(LauncherRefused):
                await self._ask("thaw", attempt.unit)

    def _kill(self, attempt: Attempt) -> None:
        self._soon(self._insist(attempt, partial(self._ask, "kill", attempt.unit)))

    def _time_is_up(self, attempt: Attempt) -> None:
        self._soon(self._insist(attempt, lambda: self._stop(attempt, Cause.TIME_LIMIT, attempt.limits.grace_s)))

    def _warn(self, attempt: Attempt, pids: list[int]) -> None:
        self._soon(self._insist(attempt, lambda: self._give_warning(attempt, pids)))

    async def _insist(self, attempt: Attempt, tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Until the attempt has ended: nobody else tells it again if the launcher is away now."""
        while attempt in self._attempts.values():
            try:
                await tell()
            except LauncherUnreachable:
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _give_warning(self, attempt: Attempt, pids: list[int]) -> None:
        """As the job's owner, who may signal these and nobody else's."""
        await self.tasks.warn(attempt.unit.job, attempt.limits.user, pids)
        unitfiles.note(attempt.directory, warned_name(attempt.unit.attempt), {"warned_at": time.time()})

    async def _clear(self, attempt: Attempt) -> None:
        """Its first process has ended well; what it left behind has no claim to the lease."""
        await self._empty(attempt.unit)
        self._end(attempt)

    async def _empty(self, unit: Unit) -> None:
        """Kill until nothing of it is left."""
        pause_s = FIRST_LOOK_S
        while pids_of(unit.group):
            with contextlib.suppress(LauncherRefused, LauncherUnreachable):
                await self._ask("kill", unit)
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_LOOK_S, 2 * pause_s)

    def _look(self, attempt: Attempt) -> None:
        """At what its unit has come to."""
        unit = attempt.unit
        if self._attempts.get((unit.job, unit.attempt)) is not attempt:
            return
        if unit.phase is Phase.LEFT and not attempt.clearing:
            attempt.clearing = True
            self._soon(self._clear(attempt))
        elif unit.phase is Phase.STOPPING and unit.main_ended and attempt.is_untold and not attempt.killed:
            attempt.killed = True
            self._kill(attempt)
        elif unit.phase is Phase.ENDED:
            self._end(attempt)

    def _end(self, attempt: Attempt) -> None:
        ending = attempt.unit.ending(attempt.cause, time.time(), attempt.running.started_at)
        ending = startscript.as_begun(ending, attempt.directory)
        if ending.cause is Cause.LAUNCH_ERROR and attempt.program:
            ending = replace(ending, message=f"{attempt.program}: {ending.message}")
        self._tell(attempt, ending)

    async def _miss(self, attempt: Attempt) -> None:
        """Its unit is said to be gone; that may have been the one of the attempt before it."""
        for told in await self._link.units():
            if (unit := Unit.of(told)) and (unit.job, unit.attempt) == (attempt.unit.job, attempt.unit.attempt):
                self._units.heard(told)
                return
        ending = replace(
            endings.unlaunched(attempt.unit.job, attempt.unit.attempt, GONE),
            cause=Cause.SIGNAL, started_at=attempt.running.started_at,
        )  # fmt: skip
        if attempt.cause is not None:  # it did what it was told to
            ending = replace(ending, cause=attempt.cause, message=None)
        self._tell(attempt, ending)

    def _tell(self, attempt: Attempt, ending: Ending) -> None:
        key = (ending.job, ending.attempt)
        if self._attempts.pop(key, None) is None:
            return
        attempt.end()
        endings.write(ending, attempt.directory)
        self._remember(key, attempt.running)
        if self._on_end is not None:
            self._on_end(ending)

    def _later(self, ending: Ending) -> None:
        """Tell of an attempt that never had a unit, once its start has been answered."""
        key = (ending.job, ending.attempt)
        if key not in self._told:
            self._remember(key, _running(ending))
            asyncio.get_running_loop().call_soon(lambda: self._on_end and self._on_end(ending))

    def _remember(self, key: Key, running: Running) -> None:
        self._told[key] = running
        if len(self._told) > REMEMBERED_ENDS:
            del self._told[next(iter(self._told))]

    # ------------------------------------------------------------ news

    def _changed(self, unit: Unit) -> None:
        key = (unit.job, unit.attempt)
        if (known := self._attempts.get(key)) is not None:
            known.unit = unit
            self._look(known)
        elif key in self._unwanted and unit.phase in {Phase.ENDED, Phase.LEFT}:
            self._soon(self._drop(unit))

    def _gone(self, name: str) -> None:
        for attempt in [one for one in self._attempts.values() if one.unit.name == name]:
            self._soon(self._insist(attempt, partial(self._miss, attempt)))

    async def _drop_in_turn(self, unit: Unit) -> None:
        async with self._turns.setdefault(unit.job, asyncio.Lock()):
            await self._drop(unit)

    async def _drop(self, unit: Unit) -> None:
        """Let a unit go that has ended; end it first if it has not."""
        if unit.phase in {Phase.RUNNING, Phase.STOPPING}:
            with contextlib.suppress(LauncherRefused):  # its last process has just ended
                await self._ask("kill", unit)
            return  # its end will be heard of
        await self._empty(unit)
        with contextlib.suppress(LauncherRefused):
            await self._ask("forget", unit)
        self._unwanted.discard((unit.job, unit.attempt))

    # ------------------------------------------------------------ in short

    def _of(self, job: JobId) -> list[Attempt]:
        return [one for one in self._attempts.values() if one.unit.job == job]

    async def _ask(self, do: str, unit: Unit) -> None:
        await self._link.ask({"do": do, "job": unit.job, "attempt": unit.attempt, "scope": unit.is_scope})

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A unit could not be told: %s", error)


def _running(ending: Ending) -> Running:
    started_at = ending.ended_at if ending.started_at is None else ending.started_at
    return Running(job=ending.job, attempt=ending.attempt, pid=None, started_at=started_at)
