"""What the daemon needs from the outside world, in the daemon's words: clock, cards, executor, store.

Every port has a real side and a fake, and both pass one contract suite. This module must not know any of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.bookkeeping import Change, KnownJob, NewJob
from engine.core.lifecycle import Cause
from engine.core.model import GpuUuid, JobId
from engine.core.snapshot import Lease
from engine.protocol.errors import RcqError
from engine.protocol.fields import JobFields
from engine.readings import GpuReading, NodeReading


class Clock(Protocol):
    """Where `now` comes from."""

    def now(self) -> float:
        """Unix seconds."""
        ...


# ---------------------------------------------------------------- cards


class GpuProvider(Protocol):
    """The cards of this host, of a cluster, or of both."""

    def read(self) -> tuple[GpuReading, ...]:
        """Every card now, by index. Takes milliseconds, or seconds where the driver hangs: called off the event loop.

        Raises RcqError while nothing can be read at all.
        """
        ...

    def nodes(self) -> tuple[NodeReading, ...]:
        """The machines of the cluster as they were last read, by name; none where all cards are this host's.

        Any thread, and at once. They stand while the cluster cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of the driver."""
        ...


class Canary(Protocol):
    """A short test of one card, in a process of its own."""

    async def __call__(self, gpu: GpuUuid) -> str | None:
        """What the card failed at, in words; `None` if it passed. Ends in bounded time, whatever the card does."""
        ...


class PowerControl(Protocol):
    """Whoever may set the power limits of cards."""

    def refusal(self) -> str | None:
        """Why no limit can be set here, for the person who asks for one; `None` if it can."""
        ...

    def set_limit(self, gpu: GpuUuid, watts: float) -> None:
        """Set a card's power limit. Called off the event loop. Raises RcqError."""
        ...


# ---------------------------------------------------------------- executor


@dataclass(slots=True, frozen=True, kw_only=True)
class Launch:
    """One attempt of a job, ready to run.

    argv: run without a shell. environment: all of it. directory: the job's own, holding `stdout.log`, `stderr.log`
    and `exit`. time_limit_s: then SIGTERM, `grace_s` later SIGKILL; SIGUSR1 comes `warn_before_s` earlier.
    cores: the CPU cores that it is kept on; empty for any. adopt: nothing is started: this process, which runs already,
    is the job's first one. user: the Unix user that it runs as, `None` for the engine's own. memory_mb: MiB of host
    memory that it may have, 0 for no limit. devices: the device nodes of its cards. cleanup: run once its processes are
    gone, as the same user. An executor that cannot hold a job to one of these says so where it is made.
    """

    job: JobId
    attempt: int
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    workdir: Path
    directory: Path
    time_limit_s: float
    warn_before_s: float
    grace_s: float
    lease: Lease
    cores: tuple[int, ...] = ()
    adopt: "Process | None" = None
    user: str | None = None
    memory_mb: int = 0
    devices: tuple[str, ...] = ()
    cleanup: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class Process:
    """A process beyond doubt: its pid and its start time, in clock ticks since the boot."""

    pid: int
    start: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Ending:
    """How an attempt ended. Times are Unix seconds; exit_code and signal exclude each other; message says more.

    node, gpus: where it ran on a cluster and on which cards, if the executor knows it; else as `Running` told them.
    """

    job: JobId
    attempt: int
    cause: Cause
    exit_code: int | None
    signal: int | None
    started_at: float | None
    ended_at: float
    message: str | None = None
    node: str | None = None
    gpus: tuple[GpuUuid, ...] | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Running:
    """An attempt that is under way. pid: of the job's first process, where the executor knows it.

    cores: the CPU cores that it is kept on, if it is. paused_since: Unix seconds, while it is paused; paused_s: seconds
    that it was paused before. node: the machine of a cluster that it is on; gpus: the cards that it was given there,
    `None` where they are those of its lease.
    """

    job: JobId
    attempt: int
    pid: int | None
    started_at: float
    cores: tuple[int, ...] = ()
    paused_since: float | None = None
    paused_s: float = 0.0
    node: str | None = None
    gpus: tuple[GpuUuid, ...] | None = None


class CannotLaunch(RcqError):
    """This attempt cannot be made ready to run, now or later; the message says why and what to do."""


class CannotPause(RcqError):
    """A job that runs cannot be told to stand still or to go on now; the message says why."""


class Executor(Protocol):
    """Starts jobs so that they outlive the engine, and tells how each attempt ended."""

    async def open(self, on_end: Callable[[Ending], None]) -> None:
        """Get ready; from now on `on_end` is called in the event loop once for each started or adopted attempt."""
        ...

    async def start(self, launch: Launch) -> Running | None:
        """Start one attempt. The same attempt is never run twice: a second call adopts what the first one started.

        Returns once it runs, which on a cluster may take days; `None` where it ended before it began, of which `on_end`
        has been told. A launch that fails is not raised: it is an `Ending` with `launch-error` through `on_end`. Raises
        RcqError or OSError where it could not be started now: it is to be tried again.
        """
        ...

    async def adopt(self, job: JobId, attempt: int, directory: Path) -> Running | Ending | None:
        """Take up an attempt that an earlier engine started: it runs, it ended meanwhile, or it never began."""
        ...

    async def stop(self, job: JobId, cause: Cause, grace_s: float) -> None:
        """End the whole process tree: SIGTERM, after `grace_s` SIGKILL. The `Ending` carries `cause`.

        What waits in a cluster's queue is taken out of it. Raises RcqError where nobody could be told now.
        """
        ...

    async def pause(self, job: JobId) -> None:
        """Stop the whole tree (SIGSTOP) where it stands; its time limit stands still with it. Twice is once.

        Does nothing where the job does not run. Raises CannotPause.
        """
        ...

    async def go_on(self, job: JobId) -> None:
        """Let a paused tree go on (SIGCONT), and its time limit with it. Raises CannotPause."""
        ...

    async def sweep(self, known: Callable[[JobId, int], bool]) -> None:
        """After recovery: let go of every attempt that is not known; what still runs of it is ended.

        known: whether an attempt holds a lease, or is the next one of a job that waits.
        """
        ...

    def forget(self, job: JobId) -> None:
        """The ending that was told of its last attempt is on disk: what was kept to tell it again may go."""
        ...

    def job_of(self, pid: int) -> JobId | None:
        """Whose process that is: of a job that runs, whatever it forked; `None` for a stranger's. Any thread."""
        ...

    async def close(self) -> None:
        """Let go; jobs run on."""
        ...


# ---------------------------------------------------------------- store


class ImpossibleChange(RcqError):
    """A change cannot follow on what the books hold: unknown job, forbidden step, attempt already counted."""


class JobStore(Protocol):
    """The books of jobs. What a call returned from is on disk."""

    async def add(self, jobs: Sequence[NewJob]) -> list[JobId | None]:
        """Write new jobs down in order, state `pending`. `None` where the account already has that `job_id`.

        Of a job array it is the id of its first element; all elements are written down, or none. An element's own
        `job_id` is the array's with its index, `key[3]`; the array's stays taken, too.
        """
        ...

    async def record(self, changes: Sequence[Change]) -> None:
        """Write changes down in order, all or none of them. Raises ImpossibleChange."""
        ...

    def unended(self) -> Iterator[KnownJob]:
        """Every job that has not ended, by id; for start-up."""
        ...

    async def fields(self, job: JobId) -> JobFields:
        """The request of one job, for its launch; ElementFields for an element of an array. Raises KeyError."""
        ...
