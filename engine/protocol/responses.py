"""What the engine answers: one plain dataclass per response.

Front end and engine share them; times are Unix seconds, memory is MiB, ratios are 0 to 1, absent is `None`.
Must not know how any of it is found or shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.protocol.cluster import BackendView, SlurmView
from engine.protocol.snapshots import Snapshot
from engine.protocol.uploads import FileView


@dataclass(slots=True, kw_only=True)
class JobRow:
    """One line of the queue.

    Owners and admins get all of it. Others get it redacted: `redacted` is true and `job_id`, `name`, `account`,
    `service`, `command_line`, `exit_code`, `signal` and `cause` are `None`.
    array_parent, array_index: of an element of a job array, the id of its first element and its own index.
    position: 1 is next, `None` unless pending (or when further back than the engine counts for lists).
    paused_since: it stands still since then (its time limit, too); paused_s: for so long it did before. notices: what
    its owner should know of it while it runs, each `{"code": …, "at": …, numbers…}` of `engine.protocol.notices`.
    expected_start: when it is to start, by `basis`: `promised` (cards are kept for it then) or `forecast` (if every
    run ends as expected and nobody better comes). reasons: why it does not start now, each `{"code": …, numbers…}`.
    folded: the row stands for so many elements of its array in this state, of which it is the first; elements: their
    indices, such as `0-5,9`, as far as they are told. place: `slurm` for one that runs, waits or ran on the cluster,
    else empty; node: the machine of it that it runs or ran on; slurm: what Slurm tells of it, or told last.
    """

    id: int
    job_id: str | None
    name: str | None
    account: str | None
    group: str
    service: str | None
    state: str
    cause: str | None
    exit_code: int | None
    signal: int | None
    priority: int
    gpus: int
    gpu_type: str | None
    gpu_memory_mb: int
    gpu_share: bool
    cpu_cores: int
    memory_mb: int
    time_limit_s: int
    preemptible: bool
    command_line: str | None
    submitted_at: float
    started_at: float | None
    ended_at: float | None
    attempt: int
    gpu_indices: list[int]
    array_parent: int | None = None
    array_index: int | None = None
    position: int | None = None
    expected_start: float | None = None
    basis: str | None = None
    reasons: list[dict[str, Any]] = field(default_factory=list)
    redacted: bool = False
    paused_since: float | None = None
    paused_s: float = 0.0
    notices: list[dict[str, Any]] = field(default_factory=list)
    folded: int | None = None
    elements: str | None = None
    place: str = ""
    node: str | None = None
    slurm: SlurmView | None = None


@dataclass(slots=True, kw_only=True)
class MeasuresView:
    """What was measured of an attempt.

    energy_kwh: of its cards, as far as they were its own. peak_gpu_memory_mb: the most that it had on one of its cards.
    gpu_utilization: of its cards in the mean, 0 to 1. gpus_used: of its `gpus` cards those that were ever in use.
    """

    energy_kwh: float
    peak_gpu_memory_mb: int | None
    gpu_utilization: float | None
    gpus: int
    gpus_used: int


@dataclass(slots=True, kw_only=True)
class AttemptView:
    """One attempt of a job that is over. started_at: `None` where it never ran. gpu_indices: the cards it held.

    place, node: as in a row.
    """

    attempt: int
    state: str
    cause: str | None
    exit_code: int | None
    signal: int | None
    started_at: float | None
    ended_at: float
    gpu_indices: list[int]
    message: str | None = None
    measures: MeasuresView | None = None
    place: str = ""
    node: str | None = None


@dataclass(slots=True, kw_only=True)
class JobDetail(JobRow):
    """A job with everything its owner may see of it.

    files_removed_at: Unix seconds, once its files are gone; files_removed_why: `age`, or `fetched` where its results
    had been handed out.
    message: what its end told beyond the cause, or why its last attempt was not the last. retries: further attempts
    that it may have after failures. attempts: the ones that are over, in order.
    cron_of: the recurring job that it is a copy of. gpu_power_w: watts that each of its cards is held to. idle_ok: it
    may hold cards that it does not use. anywhere: it may run on the cluster, where there is one. image: the container
    image that it runs in. adopted_pid: of the process that became the job. foreground: where its terminal is. measures:
    of the attempt that runs, or of the last. files: staged for it. snapshot: code that it runs in. redo_of: the job it
    is once more. withheld: left empty for a group's manager, who sees what its jobs ask for and not their secrets.
    """

    command: list[str] | None = None
    script: str | None = None
    args: list[str] = field(default_factory=list)
    workdir: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    after: list[dict[str, Any]] = field(default_factory=list)
    array: str | None = None
    begin: float | None = None
    cron: str | None = None
    cron_of: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    gpu_uuids: list[str] = field(default_factory=list)
    message: str | None = None
    directory: str | None = None
    retries: int = 0
    attempts: list[AttemptView] = field(default_factory=list)
    gpu_power_w: int | None = None
    idle_ok: bool = False
    anywhere: bool = False
    image: str | None = None
    foreground: str | None = None
    adopted_pid: int | None = None
    measures: MeasuresView | None = None
    files_removed_at: float | None = None
    files_removed_why: str | None = None
    files: list[FileView] = field(default_factory=list)
    snapshot: Snapshot | None = None
    redo_of: int | None = None
    withheld: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class JobPage:
    """A page of jobs; `cursor` asks for the next one, `None` at the end. A search may end a page early, even empty.

    total: of all pages together, where that is known without counting. searched: jobs that were looked at for this
    page, where looking for them took more than reading its rows.
    """

    items: list[JobRow]
    cursor: str | None = None
    total: int | None = None
    searched: int | None = None


@dataclass(slots=True, kw_only=True)
class Holder:
    """A running job that holds what another one waits for; id, account are `None` for those who may not know.

    codes: of the reasons that it stands behind. gpus: indices of its cards that would do. until: its expected end, by
    `basis`: `time limit` or `history` of equal jobs. ending: it was told to stop. waits: it does not run yet, but
    counts for quotas since it was handed to Slurm. node: of the cluster, where it runs. Times are Unix seconds.
    """

    codes: list[str]
    id: int | None
    account: str | None
    group: str
    gpus: list[int]
    cpu_cores: int
    memory_mb: int
    since: float
    until: float
    basis: str
    ending: bool
    waits: bool = False
    node: str | None = None


@dataclass(slots=True, kw_only=True)
class ArrayChanged:
    """What became of the elements that were named of the job array `array`.

    changed: they are cancelled, held or released now. ending: they run and are being ended, or they wait in a cluster's
    queue and are taken back. unchanged: they were in no state for it.
    """

    array: int
    changed: int = 0
    ending: int = 0
    unchanged: int = 0


@dataclass(slots=True, kw_only=True)
class Why:
    """Why a job is where it is.

    score, base, fair, wait, short: its place in the order and what that is made of (fair-share order; else `None` but
    score). patience_s: after so many seconds of waiting it goes to the head. run_s: seconds that it is expected to run,
    by `runs` earlier ones (0: its time limit), of the same kind and shape if `alike`, else of its owner's.
    expected_start: Unix seconds, by `basis` as in a row; reserved_gpus: indices of the cards of its reservation.
    later_than: where nothing better is known, it starts later than this, Unix seconds. holders: who has what it lacks.
    helps: what would let it start at `start_at`: each `{"start_at": …, "changes": [{"code": …, numbers…}, …]}`, tried.
    claimed_gpus: indices of cards whose jobs were told to stop for it. place: where it is to start, as in a row.
    message: what is told of it besides: why its last attempt was not the last, how it ended. notices, paused_since: as
    in a row.
    """

    id: int
    state: str
    reasons: list[dict[str, Any]]
    position: int | None = None
    pending: int = 0
    score: float | None = None
    base: float | None = None
    fair: float | None = None
    wait: float | None = None
    expected_start: float | None = None
    reserved_gpus: list[int] = field(default_factory=list)
    message: str | None = None
    basis: str | None = None
    later_than: float | None = None
    holders: list[Holder] = field(default_factory=list)
    helps: list[dict[str, Any]] = field(default_factory=list)
    claimed_gpus: list[int] = field(default_factory=list)
    short: float | None = None
    patience_s: float | None = None
    run_s: float | None = None
    runs: int = 0
    alike: bool = False
    notices: list[dict[str, Any]] = field(default_factory=list)
    paused_since: float | None = None
    place: str = ""


@dataclass(slots=True, kw_only=True)
class Preview:
    """What would become of a job that was submitted now; it would be taken (`ok`).

    expected_start: now if it starts at once, else as in `Why` with `basis`, `later_than` and `place`; helps as there.
    position: of `pending` jobs, itself included.
    """

    ok: bool = True
    starts_now: bool
    expected_start: float | None
    position: int
    pending: int
    reasons: list[dict[str, Any]] = field(default_factory=list)
    basis: str | None = None
    later_than: float | None = None
    helps: list[dict[str, Any]] = field(default_factory=list)
    place: str = ""


@dataclass(slots=True, kw_only=True)
class ReservationView:
    """A booked reservation: between the two times (Unix seconds) no other account's job may be on these cards.

    account: `None` for those who may not know, and so is group where others are hidden. mine: the caller may take it
    back. active: it has begun. promises_moved: promised starts of waiting jobs that the booking pushed back; told when
    it is made, else `None`.
    """

    id: int
    account: str | None
    group: str | None
    gpu_indices: list[int]
    gpu_uuids: list[str]
    start_at: float
    end_at: float
    created_at: float
    active: bool
    mine: bool
    promises_moved: int | None = None


@dataclass(slots=True, kw_only=True)
class Stats:
    """The engine's own state. jobs: how many in each state. Watts of all cards: drawn now, of the host's budget.

    last_backup_at: Unix seconds that the youngest backup of the database shows, as far as the engine has looked.
    host_cpu: how busy all cores are, 0 to 1. load1: processes that want to run, mean of a minute. host_memory_…: MiB of
    the whole machine, disk_…: of the file system with the engine's files. backends: who runs jobs, and how they are.
    """

    version: str
    policy: str
    now: float
    uptime_s: float
    jobs: dict[str, int]
    gpus_total: int
    gpus_busy: int
    gpus_hot: int
    cpu_cores_total: int
    cpu_cores_busy: int
    memory_mb_total: int
    memory_mb_busy: int
    passes: int
    last_pass_at: float | None
    last_pass_age_s: float | None
    last_pass_s: float | None
    power_w: float | None = None
    power_budget_w: float | None = None
    last_backup_at: float | None = None
    host_cpu: float | None = None
    load1: float | None = None
    host_memory_used_mb: int | None = None
    host_memory_total_mb: int | None = None
    disk_free_mb: int | None = None
    disk_total_mb: int | None = None
    backends: list[BackendView] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Health:
    """Whether the engine is fit; accounts: whether any exists. trouble: why it is not, where that is known.

    status: `ok`, `starting`, `failing` (passes fail, or nothing can be written) or `stalled` (no pass for too long).
    backends: who runs jobs; one that is away does not make the engine unfit: jobs wait, and a restart mends nothing.
    """

    status: str
    version: str
    last_pass_age_s: float | None
    accounts: bool
    trouble: str | None = None
    backends: list[BackendView] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class IngestReport:
    """What became of each line. errors: the first 100, `{"line", "job_id", "code", "message", "details"}`.

    A job array is one accepted line; first_id and last_id are those of all its elements. known: lines whose job_id had
    its job before this file; they are rejected, but for those that `resume` passes over.
    """

    accepted: int = 0
    rejected: int = 0
    first_id: int | None = None
    last_id: int | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    dry_run: bool = False
    known: int = 0


@dataclass(slots=True, kw_only=True)
class LogChunk:
    """A piece of a job's output: bytes from `offset`, decoded with replacement; `next_offset` continues.

    complete: the job has ended and nothing follows.
    """

    text: str
    offset: int
    next_offset: int
    size: int
    complete: bool
