"""An executor that runs nothing: each command behaves as it was told beforehand, and an unexpected one fails the test.

`FakeHost` is what survives an engine: its attempts and what became of them. `FakeExecutor` is one engine's view of it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.ports import Ending, Launch, Process, Running

BOOTED_AT = 1_000.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Behaviour:
    """What a command does. waits: until it is released, stopped or out of time; processes: how many it is then."""

    exit_code: int | None = None
    signal: int | None = None
    missing: bool = False
    waits: bool = False
    processes: int = 1
    stdout: bytes = b""
    stderr: bytes = b""


@dataclass(slots=True, kw_only=True)
class _Attempt:
    launch: Launch
    running: Running
    behaviour: Behaviour
    ending: Ending | None = None
    processes: int = 0
    listeners: list[Callable[[Ending], None]] = field(default_factory=list)
    limit: asyncio.TimerHandle | None = None
    limit_left_s: float = 0.0


class FakeHost:
    """The machine: what was started on it, whoever asked."""

    def __init__(self) -> None:
        self.behaviours: dict[tuple[str, ...], Behaviour] = {}
        self.attempts: dict[tuple[JobId, int], _Attempt] = {}
        self.strangers: dict[int, int] = {}
        self.now = BOOTED_AT

    def stranger(self) -> Process:
        """A process that nobody here started."""
        process = Process(pid=20_000 + len(self.strangers), start=int(self.now))
        self.strangers[process.pid] = process.start
        return process

    def leave(self, pid: int) -> None:
        """It ends by itself, and with it the attempt that it is."""
        self.strangers[pid] = -1
        for attempt in self.attempts.values():
            if attempt.running.pid == pid:
                self._end(attempt, Cause.EXIT)

    def job_of(self, pid: int) -> JobId | None:
        """Whose first process that is."""
        return next(
            (one.launch.job for one in self.attempts.values() if one.running.pid == pid and not one.ending), None
        )

    def expect(self, argv: tuple[str, ...], behaviour: Behaviour) -> None:
        """From now on that command may be started."""
        self.behaviours[argv] = behaviour

    def release(self, job: JobId, attempt: int = 1) -> None:
        """Let a waiting command end as its behaviour says."""
        found = self.attempts[job, attempt]
        self._end(found, Cause.EXIT if found.behaviour.signal is None else Cause.SIGNAL)

    def living(self, job: JobId, attempt: int = 1) -> int:
        """How many of its processes are left."""
        return self.attempts[job, attempt].processes

    def begin(self, launch: Launch) -> _Attempt:
        """Start it, unless it was started before."""
        key = (launch.job, launch.attempt)
        if key not in self.attempts:
            if launch.adopt is not None:
                self._adopt(launch, launch.adopt)
                return self.attempts[key]
            assert launch.argv in self.behaviours, f"nobody said that {launch.argv} would be started"
            self._run(launch, self.behaviours[launch.argv])
        return self.attempts[key]

    def stop(self, job: JobId, cause: Cause) -> None:
        """Every process obeys SIGTERM here."""
        for attempt in self.attempts.values():
            if attempt.launch.job == job and attempt.ending is None:
                self._end(attempt, cause, signal=15)

    def pause(self, job: JobId, *, paused: bool) -> None:
        """Its processes stand still, and with them the clock of its time limit; or they go on."""
        for attempt in self.attempts.values():
            still = attempt.running.paused_since
            if attempt.launch.job != job or attempt.ending is not None or paused == (still is not None):
                continue
            self.now += 1.0
            if still is None:
                attempt.running = replace(attempt.running, paused_since=self.now)
                if attempt.limit is not None:
                    attempt.limit_left_s = attempt.limit.when() - asyncio.get_running_loop().time()
                    attempt.limit.cancel()
            else:
                stood_s = attempt.running.paused_s + self.now - still
                attempt.running = replace(attempt.running, paused_since=None, paused_s=stood_s)
                self._limit(attempt, attempt.limit_left_s)

    def is_still(self, job: JobId, attempt: int = 1) -> bool:
        """Whether the processes of an attempt that is under way stand still."""
        found = self.attempts[job, attempt]
        return found.ending is None and found.running.paused_since is not None

    def _limit(self, attempt: _Attempt, left_s: float) -> None:
        attempt.limit = asyncio.get_running_loop().call_later(
            left_s, lambda: self._end(attempt, Cause.TIME_LIMIT, signal=15)
        )

    def _adopt(self, launch: Launch, process: Process) -> None:
        self.now += 1.0
        there = self.strangers.get(process.pid) == process.start
        running = Running(
            job=launch.job, attempt=launch.attempt, pid=process.pid if there else None, started_at=self.now
        )
        attempt = _Attempt(launch=launch, running=running, behaviour=Behaviour(), processes=1)
        self.attempts[launch.job, launch.attempt] = attempt
        if there:
            self._limit(attempt, launch.time_limit_s)
        else:
            self._end(attempt, Cause.LAUNCH_ERROR, message="it is another one now, or has ended")

    def _run(self, launch: Launch, behaviour: Behaviour) -> None:
        self.now += 1.0
        pid = None if behaviour.missing else 10_000 + len(self.attempts)
        running = Running(job=launch.job, attempt=launch.attempt, pid=pid, started_at=self.now)
        attempt = _Attempt(launch=launch, running=running, behaviour=behaviour, processes=behaviour.processes)
        self.attempts[launch.job, launch.attempt] = attempt
        if behaviour.missing:
            self._end(attempt, Cause.LAUNCH_ERROR, message=f"command not found: {launch.argv[0]}")
            return
        for name, data in (("stdout.log", behaviour.stdout), ("stderr.log", behaviour.stderr)):
            with (launch.directory / name).open("ab") as file:
                file.write(data)
        if behaviour.waits:
            self._limit(attempt, launch.time_limit_s)
        else:
            self._end(attempt, Cause.EXIT if behaviour.signal is None else Cause.SIGNAL)

    def _end(self, attempt: _Attempt, cause: Cause, *, signal: int | None = None, message: str | None = None) -> None:
        if attempt.ending is not None:
            return
        if attempt.limit is not None:
            attempt.limit.cancel()
        by_itself = cause in {Cause.EXIT, Cause.SIGNAL}
        self.now += 1.0
        attempt.processes = 0
        attempt.ending = Ending(
            job=attempt.launch.job,
            attempt=attempt.launch.attempt,
            cause=cause,
            exit_code=attempt.behaviour.exit_code if by_itself else None,
            signal=attempt.behaviour.signal if by_itself or attempt.launch.adopt is not None else signal,
            started_at=None if cause is Cause.LAUNCH_ERROR else attempt.running.started_at,
            ended_at=self.now,
            message=message,
        )
        for tell in attempt.listeners:
            tell(attempt.ending)
        attempt.listeners.clear()


class FakeExecutor:
    """One engine's executor on a `FakeHost`."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self._on_end: Callable[[Ending], None] | None = None
        self._watched: set[tuple[JobId, int]] = set()

    async def open(self, on_end: Callable[[Ending], None]) -> None:
        """Ready at once."""
        self._on_end = on_end

    async def start(self, launch: Launch) -> Running:
        """Start it as its command's behaviour says."""
        assert self._on_end is not None, "start before open"
        attempt = self.host.begin(launch)
        self._watch(attempt)
        return attempt.running

    async def adopt(self, job: JobId, attempt: int, directory: Path) -> Running | Ending | None:
        """What the host knows of it."""
        assert self._on_end is not None, "adopt before open"
        found = self.host.attempts.get((job, attempt))
        if found is None:
            return None
        if found.ending is not None:
            self._watched.add((job, attempt))
            return found.ending
        self._watch(found)
        return found.running

    async def stop(self, job: JobId, cause: Cause, grace_s: float) -> None:
        """All processes of the job end."""
        assert grace_s >= 0
        self.host.stop(job, cause)

    async def pause(self, job: JobId) -> None:
        """All processes of the job stand still."""
        self.host.pause(job, paused=True)

    async def go_on(self, job: JobId) -> None:
        """They go on."""
        self.host.pause(job, paused=False)

    async def sweep(self, known: Callable[[JobId, int], bool]) -> None:
        """End what nobody knows."""
        for job, attempt in self.host.attempts:
            if not known(job, attempt):
                self.host.stop(job, Cause.CANCELLED)

    def forget(self, job: JobId) -> None:
        """Nothing is kept."""

    def job_of(self, pid: int) -> JobId | None:
        """Whose first process that is."""
        return self.host.job_of(pid)

    async def close(self) -> None:
        """Tell nothing more."""
        self._on_end = None

    def _watch(self, attempt: _Attempt) -> None:
        key = (attempt.launch.job, attempt.launch.attempt)
        if key in self._watched:
            return
        self._watched.add(key)
        if attempt.ending is not None:
            self._tell_soon(attempt.ending)
        else:
            attempt.listeners.append(self._tell_soon)

    def _tell_soon(self, ending: Ending) -> None:
        asyncio.get_running_loop().call_soon(self._tell, replace(ending))

    def _tell(self, ending: Ending) -> None:
        if self._on_end is not None:
            self._on_end(ending)
