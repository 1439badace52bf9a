"""The process beside each running attempt: starts the job, bounds its time, ends its whole tree, writes how it ended.

Forked from the supervisor and independent of it from then on. Standard library only. Must not know the engine: it is
told to stop, to pause and to go on by a record in the job's directory and a signal, and tells by records there.
"""

import contextlib
import ctypes
import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping

from engine.executor import pausing, records, tree
from engine.executor.cleanup import clean_up
from engine.executor.spawn import LaunchError, spawn

PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36
LIBC = ctypes.CDLL(None, use_errno=True)

STOP_SIGNAL = signal.SIGUSR2
"""Sent to a shepherd after its stop record, or the wish that it stands still, was written."""
WAKERS = frozenset({signal.SIGCHLD, STOP_SIGNAL})

LONGEST_SLEEP_S = 3600.0
FIRST_KILL_PAUSE_S, LONGEST_KILL_PAUSE_S = 0.01, 1.0
WRITE_RETRIES, WRITE_PAUSE_S = 600, 1.0
CLOCK_SET_S = 1.0
"""Wall clock and steady clock agree better than that on how long something took, unless the former was set."""

Tell = Callable[[Mapping[str, object]], None]


def prctl(option: int, value: int | bytes) -> None:
    """The system call; raises OSError."""
    argument = value if isinstance(value, bytes) else ctypes.c_ulong(value)
    if LIBC.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


class Order:
    """What the engine asks for, as it came over the socket: the fields of a launch. Raises KeyError, TypeError."""

    __slots__ = (
        "adopt",
        "argv",
        "attempt",
        "cleanup",
        "cores",
        "directory",
        "environment",
        "grace_s",
        "job",
        "limit_s",
        "warn_before_s",
        "workdir",
    )

    def __init__(self, raw: Mapping[str, object]) -> None:
        argv, environment = raw["argv"], raw["environment"]
        if not isinstance(argv, list) or not argv or not isinstance(environment, dict):
            raise TypeError("argv must be a list with at least the program, environment a map")
        self.argv = [str(word) for word in argv]
        self.environment = {str(name): str(value) for name, value in environment.items()}
        self.job = str(raw["job"])
        self.attempt = int(str(raw["attempt"]))
        self.workdir = str(raw["workdir"])
        self.directory = str(raw["directory"])
        self.limit_s = float(str(raw["time_limit_s"]))
        self.warn_before_s = float(str(raw["warn_before_s"]))
        self.grace_s = float(str(raw["grace_s"]))
        cores = raw.get("cores")
        self.cores = [int(core) for core in cores] if isinstance(cores, list) else []
        self.adopt = _process(raw.get("adopt"))
        cleanup = raw.get("cleanup")
        self.cleanup = [str(word) for word in cleanup] if isinstance(cleanup, list) else []


def _process(raw: object) -> tuple[int, int] | None:
    """Pid and start time of a process that runs already and takes the place of `argv`. Raises TypeError."""
    if raw is None:
        return None
    if not isinstance(raw, list) or len(raw) != 2 or not all(isinstance(part, int) for part in raw):
        raise TypeError("adopt must be a pid and a start time")
    return raw[0], raw[1]


def tend(order: Order, boot_id: str, tell: Tell, kind: "type[Attempt] | None" = None) -> None:
    """The whole life of one attempt. `tell` is called once, as soon as it is clear what became of the start.

    kind: of attempts that are not begun by starting `argv`.

    It says `{"running": RUN}`, `{"claimed": true}` where the attempt was taken before, or `{"error": TEXT}`.
    """
    os.setsid()
    prctl(PR_SET_NAME, b"rcq-shepherd")
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, WAKERS)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a general shutdown asks the jobs; the shepherd notes their end
    try:
        directory = records.open_directory(order.directory)
        me = identity(boot_id)
        mine = records.claim(directory, order.attempt, me)
    except OSError as problem:
        tell({"error": f"the job's directory cannot be used: {problem}"})
        return
    if not mine:
        tell({"claimed": True})
        return
    (kind or Attempt)(order, directory, me).run(tell)


def identity(boot_id: str) -> records.Record:
    """Which process this is, beyond doubt, as claims and run records say it."""
    me = tree.stat(os.getpid())
    return {"shepherd": os.getpid(), "shepherd_start": me.start if me else 0, "boot_id": boot_id}


class Attempt:
    """One claimed attempt: its first process and everything that descends from it."""

    def __init__(self, order: Order, directory: int, me: records.Record) -> None:
        self.order = order
        self.directory = directory
        self.me = me
        self.started_at = time.time()
        self.begun = time.monotonic()
        self.first = 0
        self.status: int | None = None  # of the first process, as from waitpid, once it has ended
        self.gone = False  # no descendant is left
        self.cause: str | None = None  # why the tree is being ended, if it did not end by itself
        self.kill_at: float | None = None
        self.kill_pause_s = FIRST_KILL_PAUSE_S
        self.pause = pausing.Standstill(directory, order.attempt, self._tree)

    def run(self, tell: Tell) -> None:
        """Start, wait, write the end."""
        self._pin()
        try:
            self.first = spawn(self.order.argv, self.order.environment, self.order.workdir, self.directory)
        except LaunchError as problem:
            self._write_exit(cause="launch-error", message=str(problem))
            tell({"error": str(problem)})
            return
        run = self._run_record()
        try:
            records.write(self.directory, records.run_name(self.order.attempt), run)
        except OSError as problem:
            self._abandon(f"the job was ended at once, its run record cannot be written: {problem}", tell)
            return
        tell({"running": run})
        self._watch()
        self._clean_up()
        self._write_exit(**self._outcome())

    def _pin(self) -> None:
        """Keep this process, and so all that it starts, on the job's cores."""
        if self.order.cores:
            try:
                os.sched_setaffinity(0, self.order.cores)
            except OSError as problem:  # a core went offline: better on others than not at all
                print(f"job {self.order.job}: not pinned: {problem}", file=sys.stderr, flush=True)  # noqa: T201 (the log file)
                self.order.cores = []

    def _run_record(self) -> records.Record:
        first = tree.stat(self.first)
        return {
            "job": self.order.job,
            "attempt": self.order.attempt,
            **self.me,
            "pid": self.first,
            "pid_start": first.start if first else 0,  # 0: it has ended already
            "started_at": self.started_at,
            "cores": self.order.cores,
            "pauses": True,  # an earlier version's shepherd would not hear the wish
            "cleanup": self.order.cleanup,
        }

    def _clean_up(self) -> None:
        """Take away what is left beyond its processes."""
        if self.order.cleanup and not clean_up(self.order.cleanup, self.order.environment):
            print(f"job {self.order.job}: not cleaned up after: {self.order.cleanup}", file=sys.stderr, flush=True)  # noqa: T201 (the log file)

    def _abandon(self, message: str, tell: Tell) -> None:
        self.kill_at = time.monotonic()
        self._watch()
        self._clean_up()
        self._write_exit(cause="launch-error", message=message)
        tell({"error": message})

    # ------------------------------------------------------------ waiting

    def _watch(self) -> None:
        """Until nothing of the tree is left."""
        begun = time.monotonic()
        limit_at = begun + self.order.limit_s
        warn_at = limit_at - self.order.warn_before_s if 0 < self.order.warn_before_s < self.order.limit_s else None
        asked = True  # a stop record may have been there before the first wait
        while True:
            self._reap()
            if self.gone:
                return
            now = time.monotonic()
            later_s = self._stand_still(now, asked)
            limit_at += later_s
            warn_at = None if warn_at is None else warn_at + later_s
            running = not self.pause.still
            if self.status is not None and self.kill_at is None:
                self.kill_at = now  # the job is over; what it left behind has no claim to the lease
            elif self.status is None and self.cause is None and running and now >= limit_at:
                self._begin_stop("time-limit", now + self.order.grace_s)
            if warn_at is not None and running and now >= warn_at:
                warn_at = None
                self._warn()
            self._kill(now)
            clocks = [warn_at, limit_at if self.cause is None else None] if running else [self.pause.look_at]
            next_at = [at for at in (self.kill_at, *clocks) if at is not None]
            asked = self._sleep(min(next_at, default=now + LONGEST_SLEEP_S))

    def _stand_still(self, now: float, asked: bool) -> float:
        """Heed what was asked for, and see that a paused tree stands still; by how many seconds time was stopped."""
        later_s = 0.0
        if asked:
            self._heed(now)
        if asked and self.cause is None and self.status is None:
            later_s = self.pause.heed(now)
        elif self.pause.still and (self.cause is not None or self.status is not None):
            later_s = self.pause.end(now)
        if self.pause.look_at is not None and now >= self.pause.look_at:
            self.pause.look(now)
        return later_s

    def _kill(self, now: float) -> None:
        if self.kill_at is not None and now >= self.kill_at:
            self._signal(signal.SIGKILL)
            self.kill_at = now + self.kill_pause_s  # again: a process may have been forked meanwhile
            self.kill_pause_s = min(LONGEST_KILL_PAUSE_S, 2 * self.kill_pause_s)

    def _sleep(self, until: float) -> bool:
        """Until then, or a child ends, or a stop is asked for; true for the last."""
        pause_s = min(LONGEST_SLEEP_S, max(0.0, until - time.monotonic()))
        caught = signal.sigtimedwait(WAKERS, pause_s)
        return caught is not None and caught.si_signo == STOP_SIGNAL

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.gone = True
                return
            if pid == 0:
                return
            if pid == self.first:
                self.status = status

    # ------------------------------------------------------------ ending

    def _heed(self, now: float) -> None:
        """Act on the stop record. The first cause stays; a second request can only bring SIGKILL nearer."""
        wish = records.read(self.directory, records.stop_name(self.order.attempt))
        if wish is None or (self.status is not None and self.cause is None):
            return
        grace_s = wish.get("grace_s")
        kill_at = now + (float(grace_s) if isinstance(grace_s, int | float) else self.order.grace_s)
        if self.cause is None:
            self._begin_stop(str(wish.get("cause")), kill_at)
        elif self.kill_at is not None:
            self.kill_at = min(self.kill_at, kill_at)

    def _begin_stop(self, cause: str, kill_at: float) -> None:
        self.cause = cause
        self.kill_at = kill_at
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # a stopped process gets its SIGTERM only now

    def _warn(self) -> None:
        """SIGUSR1 to whoever handles it: by default it kills, and a warning must not."""
        if self.cause is None and self.status is None:
            processes = {one.pid: one for one in self._tree()}
            for pid in tree.wanting(processes, signal.SIGUSR1):
                tree.send(processes[pid], signal.SIGUSR1)

    def _signal(self, number: int) -> None:
        for one in self._tree():
            tree.send(one, number)

    def _tree(self) -> list[tree.Stat]:
        """Everything below this process: orphans of the job come to it, whatever session they are in."""
        return tree.descendants([os.getpid()], tree.all_processes())

    # ------------------------------------------------------------ telling

    def _outcome(self) -> records.Record:
        status = self.status or 0
        if os.WIFSIGNALED(status):
            return {"cause": self.cause or "signal", "signal": os.WTERMSIG(status)}
        return {"cause": self.cause or "exit", "exit_code": os.WEXITSTATUS(status)}

    def _began(self) -> float:
        """When it was started, by the clock of now: one that was set meanwhile makes a run no longer, nor shorter."""
        by_now = time.time() - (time.monotonic() - self.begun)
        return by_now if abs(by_now - self.started_at) >= CLOCK_SET_S else self.started_at

    def _write_exit(self, **outcome: object) -> None:
        """Leave the result; on a full disk, keep trying for a while: it is the only word of how the job ended."""
        record: records.Record = {"job": self.order.job, "attempt": self.order.attempt, "cause": None}
        record |= {"exit_code": None, "signal": None, "started_at": self._began(), "ended_at": time.time()}
        record |= {"message": None, **outcome}
        for _ in range(WRITE_RETRIES):
            try:
                records.write(self.directory, records.EXIT, record)
                return
            except OSError as problem:
                with contextlib.suppress(OSError):  # the log may be on the same disk
                    print(f"job {self.order.job}: {problem}", file=sys.stderr, flush=True)  # noqa: T201 (the log file)
                if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
                    return
            time.sleep(WRITE_PAUSE_S)
