"""The `process` executor: jobs run under a supervisor outside the engine, and survive it.

Each attempt is watched by its shepherd's pidfd, whoever started it; what became of it is read from the job's
directory. So neither the engine's death nor the supervisor's changes how a job ends. Must not know why jobs start.
"""

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor import endings, leftovers, pausing, records, tree
from engine.executor.cleanup import clean_up
from engine.executor.kin import Kin
from engine.executor.link import SupervisorFailed, SupervisorLink
from engine.executor.shepherd import STOP_SIGNAL
from engine.ports import CannotPause, Ending, Launch, Running

SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What the engine lacks for the moment, which tells nothing of a job."""
CLAIM_PATIENCE_S = 10.0
LOOK_AGAIN_S = 0.01
REMEMBERED_ENDS = 10_000
"""So many told endings are remembered, so that a repeated start of one of them tells nothing twice."""


@dataclass(slots=True, kw_only=True)
class _Watch:
    """A living attempt. pidfd: its shepherd's, `None` once it is gone."""

    running: Running
    directory: Path
    run: Mapping[str, object]
    pidfd: int | None = None
    stopped_for: Cause | None = None


class ProcessExecutor:
    """Runs attempts as plain processes of the engine's own user. state_dir: holds the supervisor's socket and log."""

    def __init__(self, state_dir: Path) -> None:
        self._link = SupervisorLink(state_dir)
        self._boot_id = tree.boot_id()
        self._on_end: Callable[[Ending], None] | None = None
        self._watches: dict[tuple[JobId, int], _Watch] = {}
        self._starting: dict[JobId, asyncio.Future[None]] = {}
        self._awaited: dict[JobId, tuple[str, int]] = {}
        self._kin = Kin(lambda: self._awaited)
        self._told: dict[tuple[JobId, int], None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------ the port

    async def open(self, on_end: Callable[[Ending], None]) -> None:
        """Find or start the supervisor. Raises SupervisorFailed."""
        self._on_end = on_end
        await self._link.connect()

    async def start(self, launch: Launch) -> Running:
        """Start one attempt, or take up what an earlier start of it became."""
        gate = self._starting.setdefault(launch.job, asyncio.get_running_loop().create_future())
        self._awaited = {**self._awaited, launch.job: (str(launch.directory), launch.attempt)}
        try:
            return await self._start(launch)
        finally:
            self._awaited = {job: where for job, where in self._awaited.items() if job != launch.job}
            self._starting.pop(launch.job, None)
            if not gate.done():
                gate.set_result(None)

    async def adopt(self, job: JobId, attempt: int, directory: Path) -> Running | Ending | None:
        """Take up an attempt by its records. An ending that is returned is not told through `on_end` as well."""
        found = await self._find(job, attempt, directory)
        if isinstance(found, Ending):
            self._remember(found)
        return found

    async def stop(self, job: JobId, cause: Cause, grace_s: float) -> None:
        """End the whole tree; does nothing where the job does not run. The first cause stays, grace only shrinks."""
        if gate := self._starting.get(job):
            await asyncio.shield(gate)
        for watch in [one for one in self._watches.values() if one.running.job == job]:
            await self._stop(watch, cause, grace_s)

    async def pause(self, job: JobId) -> None:
        """Let the whole tree stand still; does nothing where the job does not run. Raises CannotPause."""
        await self._wish(job, paused=True)

    async def go_on(self, job: JobId) -> None:
        """Let it go on; does nothing where the job does not run. Raises CannotPause."""
        await self._wish(job, paused=False)

    async def sweep(self, known: Callable[[JobId, int], bool]) -> None:
        """Nothing: what an attempt left is found by its directory whenever its job comes up again."""

    def forget(self, job: JobId) -> None:
        """Nothing: an attempt's records stay in its job's directory."""

    def job_of(self, pid: int) -> JobId | None:
        """Whose process that is, by its parents; `None` for a stranger's. Any thread."""
        return self._kin.job_of(pid)

    async def close(self) -> None:
        """Stop watching; jobs and supervisor stay."""
        self._on_end = None
        self._link.close()
        for watch in self._watches.values():
            self._unwatch(watch)
        self._watches.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------ starting and finding

    async def _start(self, launch: Launch) -> Running:
        try:
            answer = await self._link.start(_order(launch))
        except SupervisorFailed as problem:
            answer = {"error": str(problem)}
        run = answer.get("running")
        if isinstance(run, dict):
            return self._watch(launch.job, launch.attempt, launch.directory, run)
        found = await self._find(launch.job, launch.attempt, launch.directory)
        if found is None:
            found = await self._give_up(launch, str(answer.get("error", endings.INTERRUPTED)))
        if isinstance(found, Running):
            return found
        # Told a step later, so that a caller that awaits this call hears of the start first.
        asyncio.get_running_loop().call_soon(self._tell, found)
        return _running(found)

    async def _give_up(self, launch: Launch, message: str) -> Running | Ending:
        """Nobody has begun it: see to it that nobody will."""
        try:
            with _opened(launch.directory) as directory:
                mine = records.claim(directory, launch.attempt, {"boot_id": self._boot_id})
        except OSError:
            return endings.unlaunched(launch.job, launch.attempt, message)
        found = None if mine else await self._find(launch.job, launch.attempt, launch.directory)
        if found is None:
            found = endings.unlaunched(launch.job, launch.attempt, message)
            endings.write(found, launch.directory)
        return found

    async def _find(self, job: JobId, attempt: int, path: Path) -> Running | Ending | None:
        """By its records: it runs (and is watched now), it has ended, or nobody ever began it."""
        if watch := self._watches.get((job, attempt)):
            return watch.running
        try:
            with _opened(path) as directory:
                claim = await self._first_word(attempt, directory)
                run = records.read(directory, records.run_name(attempt))
                if run is not None and self._is_tended(run):
                    return self._watch(job, attempt, path, run)
                found = endings.written(job, attempt, directory)
        except OSError as problem:
            if problem.errno in SHORTAGES:
                raise  # nothing can be said of it now
            # no directory: whatever of the attempt may still run must not meet its next start
            await asyncio.to_thread(leftovers.end_leftovers, path, attempt, None)
            return None
        if found is not None or claim is None:
            return found
        return await self._settle(job, attempt, path, run or claim)

    async def _first_word(self, attempt: int, directory: int) -> records.Record | None:
        """The claim, once its shepherd has written more than it, or will not; `None` where nobody took the attempt."""
        give_up_at = asyncio.get_running_loop().time() + CLAIM_PATIENCE_S
        while records.is_claimed(directory, attempt):
            claim = records.read(directory, records.claim_name(attempt)) or {}
            names = (records.run_name(attempt), records.EXIT)
            said = any(record.get("attempt") == attempt for name in names if (record := records.read(directory, name)))
            late = asyncio.get_running_loop().time() >= give_up_at
            if said or late or (claim and not self._is_tended(claim)):
                if late and not said:
                    _kill_shepherd(claim)
                return claim
            await asyncio.sleep(LOOK_AGAIN_S)
        return None

    def _is_tended(self, record: Mapping[str, object]) -> bool:
        """Whether the shepherd that wrote the claim or run record still lives."""
        pid, start = _process(record, "shepherd")
        return record.get("boot_id") == self._boot_id and tree.is_alive(pid, start)

    # ------------------------------------------------------------ stopping

    async def _stop(self, watch: _Watch, cause: Cause, grace_s: float) -> None:
        if watch.pidfd is None:
            return
        try:
            with _opened(watch.directory) as directory:
                name = records.stop_name(watch.running.attempt)
                records.write(directory, name, {"cause": cause.value, "grace_s": grace_s})
        except OSError:  # without its directory the shepherd cannot be told; the tree can still be ended
            watch.stopped_for = watch.stopped_for or cause
            await asyncio.to_thread(_kill_below, watch.run)
            return
        _ask(watch.pidfd)

    # ------------------------------------------------------------ pausing

    async def _wish(self, job: JobId, *, paused: bool) -> None:
        if gate := self._starting.get(job):
            await asyncio.shield(gate)
        for watch in [one for one in self._watches.values() if one.running.job == job and one.pidfd is not None]:
            if watch.run.get("pauses") is not True:
                raise CannotPause(f"job {job} was started by an earlier version of rcq, which knows no pause")
            try:
                with _opened(watch.directory) as directory:
                    pausing.wish(directory, watch.running.attempt, paused=paused)
            except OSError as problem:
                if paused or not isinstance(problem, FileNotFoundError):  # no directory: no wish to stand still
                    raise CannotPause(f"job {job}: nothing can be written to its directory: {problem}") from problem
            if watch.pidfd is not None:
                _ask(watch.pidfd)

    def _take_up_pause(self, watch: _Watch) -> None:
        """As its records say; an engine that died between the wish and the signal left the shepherd untold."""
        running = watch.running
        with contextlib.suppress(OSError), _opened(watch.directory) as directory:
            since, total_s, untold = pausing.take_up(directory, running.attempt, running.started_at)
            watch.running = replace(running, paused_since=since, paused_s=total_s)
            if untold and watch.pidfd is not None:
                _ask(watch.pidfd)

    # ------------------------------------------------------------ watching

    def _watch(self, job: JobId, attempt: int, directory: Path, run: Mapping[str, object]) -> Running:
        if watch := self._watches.get((job, attempt)):
            return watch.running
        pid = run.get("pid")
        running = Running(
            job=job, attempt=attempt, pid=pid if isinstance(pid, int) else None,
            started_at=endings.begun(run), cores=_cores(run.get("cores")),
        )  # fmt: skip
        watch = _Watch(running=running, directory=directory, run=run)
        loop = asyncio.get_running_loop()
        shepherd, start = _process(run, "shepherd")
        with contextlib.suppress(ProcessLookupError):
            watch.pidfd = os.pidfd_open(shepherd)
        self._kin.add(_process(run, "pid") if run.get("adopted") is True else (shepherd, start), job)
        self._watches[job, attempt] = watch  # only now: without its pidfd nobody would hear of the end
        if watch.pidfd is not None and tree.is_alive(shepherd, start):
            loop.add_reader(watch.pidfd, self._gone, watch)
            self._take_up_pause(watch)
        else:
            loop.call_soon(self._gone, watch)
        return watch.running

    def _gone(self, watch: _Watch) -> None:
        """The shepherd has ended."""
        if self._watches.get((watch.running.job, watch.running.attempt)) is not watch:
            return  # closed meanwhile
        self._unwatch(watch)
        try:
            with _opened(watch.directory) as directory:
                found = endings.written(watch.running.job, watch.running.attempt, directory)
        except OSError:
            found = None
        if found is not None:
            self._tell(found)
            return
        task = asyncio.get_running_loop().create_task(self._tell_settled(watch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _unwatch(self, watch: _Watch) -> None:
        if watch.pidfd is not None:
            asyncio.get_running_loop().remove_reader(watch.pidfd)
            os.close(watch.pidfd)
            watch.pidfd = None

    async def _tell_settled(self, watch: _Watch) -> None:
        running = watch.running
        self._tell(await self._settle(running.job, running.attempt, watch.directory, watch.run, watch.stopped_for))

    async def _settle(
        self, job: JobId, attempt: int, directory: Path, record: Mapping[str, object], stopped_for: Cause | None = None
    ) -> Ending:
        """The shepherd is gone without a word: end what it watched over and say so in its place.

        What was adopted is left alone, but not standing still.
        """
        first = _process(record, "pid") if record.get("pid_start") else None
        if record.get("boot_id") == self._boot_id and record.get("adopted") is not True:
            await asyncio.to_thread(leftovers.end_leftovers, directory, attempt, first)
        elif record.get("boot_id") == self._boot_id and first is not None and _was_paused(directory, attempt):
            await asyncio.to_thread(leftovers.let_go, first)
        if isinstance(cleanup := record.get("cleanup"), list) and cleanup:
            await asyncio.to_thread(clean_up, [str(word) for word in cleanup], os.environ)
        found = endings.unwritten(job, attempt, record, self._boot_id, stopped_for)
        endings.write(found, directory)
        return found

    def _tell(self, ending: Ending) -> None:
        """Once for each attempt."""
        self._watches.pop((ending.job, ending.attempt), None)
        self._kin.drop(ending.job)
        if self._on_end is not None and self._remember(ending):
            self._on_end(ending)

    def _remember(self, ending: Ending) -> bool:
        """False if this end was told before."""
        key = (ending.job, ending.attempt)
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > REMEMBERED_ENDS:
            del self._told[next(iter(self._told))]
        return True


def _was_paused(path: Path, attempt: int) -> bool:
    """Whether an attempt was told to stand still; also where nobody can tell any more."""
    try:
        with _opened(path) as directory:
            return pausing.is_wished(directory, attempt) or pausing.state(directory, attempt)[0] is not None
    except OSError:
        return True


def _order(launch: Launch) -> dict[str, object]:
    return {
        "job": launch.job,
        "attempt": launch.attempt,
        "argv": launch.argv,
        "environment": dict(launch.environment),
        "workdir": str(launch.workdir),
        "directory": str(launch.directory),
        "time_limit_s": launch.time_limit_s,
        "warn_before_s": launch.warn_before_s,
        "grace_s": launch.grace_s,
        "cores": launch.cores,
        "adopt": None if launch.adopt is None else (launch.adopt.pid, launch.adopt.start),
        "cleanup": launch.cleanup,
    }


def _running(ending: Ending) -> Running:
    started_at = ending.ended_at if ending.started_at is None else ending.started_at
    return Running(job=ending.job, attempt=ending.attempt, pid=None, started_at=started_at)


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    handle = records.open_directory(str(directory))
    try:
        yield handle
    finally:
        os.close(handle)


def _process(record: Mapping[str, object], who: str) -> tuple[int, int]:
    """Pid and start time, as the record has them under `who`; no living process where it has none."""
    pid, start = record.get(who), record.get(f"{who}_start")
    return (pid, start) if isinstance(pid, int) and isinstance(start, int) and pid > 0 else (0, -1)


def _cores(told: object) -> tuple[int, ...]:
    return tuple(core for core in told if isinstance(core, int)) if isinstance(told, list) else ()


def _ask(pidfd: int) -> None:
    """Have the shepherd read its records."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, STOP_SIGNAL)
        signal.pidfd_send_signal(pidfd, signal.SIGCONT)  # the job may have stopped it


def _kill_shepherd(claim: Mapping[str, object]) -> None:
    pid, start = _process(claim, "shepherd")
    found = tree.stat(pid)
    if found is not None and found.start == start:
        tree.send(found, signal.SIGKILL)


def _kill_below(run: Mapping[str, object]) -> None:
    """All that descends from the shepherd; of an adopted process that one, too, as it does not."""
    adopted = run.get("adopted") is True
    pid, start = _process(run, "pid" if adopted else "shepherd")
    found = tree.stat(pid)
    if found is not None and found.start == start:
        for one in (*([found] if adopted else []), *tree.descendants([pid], tree.all_processes())):
            tree.send(one, signal.SIGKILL)
