"""What is written in the books of jobs: new jobs, what is known of unended ones, and each change, as plain values.

Must not know how they are kept, nor when a change is due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid, GroupKey, JobId, Owner, ServiceName
from engine.core.snapshot import Lease
from engine.protocol.fields import After, JobFields

STEP_S = 1e-6
"""Jobs that come together stand so far apart: every order is total, and their own is kept."""


@dataclass(slots=True, frozen=True, kw_only=True)
class AtGate:
    """What keeps a job at the gate: ends it waits for, a time (Unix seconds) it must not start before.

    cron: of a recurring job, which never starts itself; its copies are submitted, next at `begin_at`.
    """

    after: tuple[After, ...] = ()
    begin_at: float | None = None
    cron: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Turn:
    """A job is the copy that the recurring job `template` was due for; its next turn is at `next_at` (Unix seconds)."""

    template: JobId
    next_at: float


@dataclass(slots=True, kw_only=True)  # not frozen: that costs a microsecond for each line of a file
class NewJob:
    """A job that was accepted and waits to be written down. key.shape holds the effective request.

    indices: of a job array, ascending. Each becomes a job of its own, and their ids follow each other; the first one's
    names the array. most: how many of them may run at once. gate: what it waits for before it may be planned.
    """

    fields: JobFields
    key: GroupKey
    submitted_at: float
    indices: Sequence[int] = ()
    most: int | None = None
    gate: AtGate | None = None
    turn: Turn | None = None

    def submitted(self, place: int) -> float:
        """When its element of this place, from 0, counts as submitted: each a little after the one before."""
        return self.submitted_at + place * STEP_S


@dataclass(slots=True, frozen=True, kw_only=True)
class KnownJob:
    """A job that has not ended, as the books show it after a restart.

    The lease is set for `scheduled` and `running`. attempt: 0 before the first start. failures: of its attempts, those
    that count against its retries. stopping: why it was told to stop, if it was; stop_message: for its owner;
    held_next: it is kept back once it has stopped. node: the machine of a cluster that runs it. name: of which nothing
    is in the key yet.
    """

    job: JobId
    key: GroupKey
    state: JobState
    submitted_at: float
    attempt: int
    lease: Lease | None
    boot_id: str | None
    gate: AtGate | None = None
    failures: int = 0
    oom_retries: int = 0
    stopping: Cause | None = None
    stop_message: str | None = None
    held_next: bool = False
    node: str | None = None
    name: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class PastRun:
    """A run that is over: its job's key and name, and how many seconds it took."""

    key: GroupKey
    name: str | None
    ran_s: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Scheduled:
    """The pass gave the job this lease: state `scheduled`, attempt counted."""

    lease: Lease
    attempt: int
    boot_id: str


@dataclass(slots=True, frozen=True, kw_only=True)
class Started:
    """The executor runs it: state `running`. node: on that machine of a cluster. lease: as it is from now on.

    `None` leaves the lease as it was scheduled.
    """

    job: JobId
    started_at: float
    node: str | None = None
    lease: Lease | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Ended:
    """The job reached a terminal state; its lease is over. message: what its owner should know beyond the cause.

    node, gpus: the machine of a cluster that it ran on and the cards that it had there, where only its end told them.
    """

    job: JobId
    state: JobState
    cause: Cause
    exit_code: int | None
    signal: int | None
    started_at: float | None
    ended_at: float
    message: str | None = None
    node: str | None = None
    gpus: tuple[GpuUuid, ...] | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Moved:
    """The job moved between waiting states (`held`, `pending`), or back to `pending` for another attempt.

    failures: attempts that count against its retries from now on, oom_retries: those that asked for more GPU memory
    after they had run out of it; submitted_at: Unix seconds, its new place in the queue; `None` leaves each as it was.
    message: what its owner should know while it waits.
    """

    job: JobId
    state: JobState
    failures: int | None = None
    oom_retries: int | None = None
    submitted_at: float | None = None
    message: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Rewritten:
    """The waiting job asks for what `new` says from now on; its owner, key, array and place in the queue stay."""

    job: JobId
    new: NewJob


@dataclass(slots=True, frozen=True, kw_only=True)
class MovedAll:
    """These waiting jobs took the same step at `at` (Unix seconds): to `held` or `pending`, or they are `cancelled`."""

    jobs: Sequence[JobId]
    state: JobState
    at: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Stopping:
    """A job that holds a lease is told to stop, because of `cause`: its end counts as that, whoever hears of it.

    Nothing changes where it holds none (any more). message: what its owner should know of it. held_next: what goes on
    after that is kept back (`held`).
    """

    job: JobId
    cause: Cause
    message: str | None = None
    held_next: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Passed:
    """The job waits at the gate no more. submitted_at: it may be planned, its age counts from then (Unix seconds)."""

    job: JobId
    submitted_at: float | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Postponed:
    """A recurring job's turn came and nothing was submitted; the next is at `begin_at`. message: why, for its owner."""

    job: JobId
    begin_at: float
    message: str | None


@dataclass(slots=True, frozen=True, kw_only=True)
class Bill:
    """What an attempt is charged for: from `since` until `until` (Unix seconds), expected or, once it ended, real.

    rate: weighted GPUs, billed each second. cards: plain ones, a shared one as the part of its memory, cores left out.
    """

    rate: float
    cards: float
    since: float
    until: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Billed:
    """The attempt's bill is this one from now on; what it changes in usage is a `Charged` beside it."""

    job: JobId
    attempt: int
    owner: Owner
    bill: Bill


@dataclass(slots=True, frozen=True, kw_only=True)
class Charged:
    """Usage grows at `at` (Unix seconds); negative gives back, and nothing ever falls below 0.

    gpu_seconds: weighted, for the group and the account in it, and fades. card_s: plain GPU-seconds in each calendar
    month (UTC, `2026-11`), for the account, the group and the service.
    """

    owner: Owner
    gpu_seconds: float
    at: float
    service: ServiceName | None = None
    card_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def bearers(self) -> tuple[tuple[str, str], ...]:
        """Scope (`account`, `group`, `service`) and name of everybody whose month it counts in."""
        owners = (("account", self.owner.account), ("group", self.owner.group))
        return owners if self.service is None else (*owners, ("service", self.service))


@dataclass(slots=True, frozen=True, kw_only=True)
class Decided:
    """The record of a pass that decided something new at `at` (Unix seconds), from which it can be planned again.

    blob: what is its own. steady: what it has in common with other passes, kept once.
    """

    at: float
    steady: bytes
    blob: bytes


@dataclass(slots=True, frozen=True, kw_only=True)
class Measured:
    """What was measured of an attempt up to `at` (Unix seconds), in place of what was known of it before.

    energy_j: joules of its cards, as far as they are its own. peak_memory_mb: the most MiB that it had on one of its
    cards. gpu_s: GPU-seconds that it held while its cards told their utilization; busy_gpu_s: the part in use.
    gpus_used: cards of its that were ever in use.
    """

    job: JobId
    attempt: int
    owner: Owner
    at: float
    energy_j: float = 0.0
    peak_memory_mb: int | None = None
    gpu_s: float = 0.0
    busy_gpu_s: float = 0.0
    gpus_used: int = 0
    service: ServiceName | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Charted:
    """What an attempt on `gpus` cards did over time, in place of what was known of it before.

    points: for each step of `step_s` seconds from `start_at` (Unix seconds) on, the means of utilization (0 to 1), GPU
    memory (MiB) and power (watts); `None` where nothing was told.
    """

    job: JobId
    attempt: int
    gpus: int
    start_at: float
    step_s: float
    points: Sequence[tuple[float | None, ...]]


Change = (
    Measured
    | Charted
    | Scheduled
    | Started
    | Ended
    | Moved
    | Rewritten
    | MovedAll
    | Stopping
    | Passed
    | Postponed
    | Billed
    | Charged
    | Decided
)
