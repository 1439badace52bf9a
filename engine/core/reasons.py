"""Why a job does not start now: one frozen value per kind, with both sides of its comparison.

Pure. No words are made here: `code` names the kind and the fields are the numbers.
"""

from dataclasses import dataclass
from typing import ClassVar

from engine.core.model import GpuUuid, JobId


@dataclass(slots=True, frozen=True, kw_only=True)
class NotEnoughGpus:
    """Of the cards that match, `free` could take the job now and `wanted` are needed; `matching` exist at all.

    Of a cluster, where more than one is needed: of the machine with most of them.
    """

    code: ClassVar[str] = "GPUS_BUSY"
    wanted: int
    free: int
    matching: int


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuTooHot:
    """A matching, idle card is kept out of use until it is below `resume_c`; hot means at or above `threshold_c`.

    margin_c: degrees left before it slows itself down, where it tells that: then hot means no more than margin_min_c.
    throttle: what slows it down, in the driver's words, while heat does. critical_c: where it is as hot as that, so
    that the jobs on it are acted on.
    """

    code: ClassVar[str] = "GPU_HOT"
    gpu: GpuUuid
    index: int
    temperature_c: float | None
    threshold_c: float
    resume_c: float
    throttled: bool
    margin_c: float | None = None
    margin_min_c: float | None = None
    throttle: tuple[str, ...] = ()
    critical_c: float | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuDrained:
    """A matching card was taken out of use by an admin."""

    code: ClassVar[str] = "GPU_DRAINED"
    gpu: GpuUuid
    index: int


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuQuarantined:
    """A matching card was taken out of use by the health monitor, for `cause`."""

    code: ClassVar[str] = "GPU_QUARANTINED"
    gpu: GpuUuid
    index: int
    cause: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuForeign:
    """A matching card carries `foreign_mb` MiB of other processes; `tolerated_mb` are ignored.

    processes: how many they are (0: nobody is known to have that memory), users: of which Unix users.
    """

    code: ClassVar[str] = "GPU_FOREIGN"
    gpu: GpuUuid
    index: int
    foreign_mb: int
    tolerated_mb: int
    processes: int = 0
    users: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuSettling:
    """A job left a matching card, and the card was not yet seen without its memory: `used_mb` MiB at last sight."""

    code: ClassVar[str] = "GPU_SETTLING"
    gpu: GpuUuid
    index: int
    used_mb: int | None


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuMemoryTaken:
    """A matching card has room in the books and not in fact: `free_mb` MiB are measured free, `wanted_mb` needed."""

    code: ClassVar[str] = "GPU_MEMORY_TAKEN"
    gpu: GpuUuid
    index: int
    wanted_mb: int
    free_mb: int


@dataclass(slots=True, frozen=True, kw_only=True)
class PowerShort:
    """Watts: the job's cards may draw `wanted_w` more, of the host's `budget_w` so many are `free_w` now."""

    code: ClassVar[str] = "POWER_BUDGET"
    wanted_w: float
    free_w: float
    budget_w: float


@dataclass(slots=True, frozen=True, kw_only=True)
class CoresBusy:
    """CPU cores: `wanted` by the job, `free` of `total` now."""

    code: ClassVar[str] = "CORES_BUSY"
    wanted: int
    free: int
    total: int


@dataclass(slots=True, frozen=True, kw_only=True)
class MemoryBusy:
    """MiB of host memory: `wanted` by the job, `free` of `total` now."""

    code: ClassVar[str] = "MEMORY_BUSY"
    wanted: int
    free: int
    total: int


@dataclass(slots=True, frozen=True, kw_only=True)
class QuotaReached:
    """A quota would be exceeded: `used` + `wanted` > `limit`.

    scope: `account`, `group` or `service`; name: whose; resource: `gpus`, `gpus:TYPE`, `gpu_memory_mb`, `cpu_cores`,
    `memory_mb`, `jobs` or `gpu_hours` (of this calendar month, with the job's expected run).
    """

    code: ClassVar[str] = "QUOTA_REACHED"
    scope: str
    name: str
    resource: str
    limit: float
    used: float
    wanted: float


@dataclass(slots=True, frozen=True, kw_only=True)
class WouldDelay:
    """It would fit now, but run (`until`, Unix seconds) into what is promised to `job` from `start_at`."""

    code: ClassVar[str] = "WOULD_DELAY"
    job: JobId
    start_at: float
    until: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Booked:
    """A matching card is somebody's by a booked reservation from `start_at` to `end_at` (Unix seconds).

    until: when the job's time limit would end it, were it started now.
    """

    code: ClassVar[str] = "BOOKED"
    slot: str
    gpu: GpuUuid
    index: int
    start_at: float
    end_at: float
    until: float


@dataclass(slots=True, frozen=True, kw_only=True)
class ArrayFull:
    """`running` elements of the job array `parent` run already; `limit` may at once."""

    code: ClassVar[str] = "ARRAY_LIMIT"
    parent: JobId
    limit: int
    running: int


@dataclass(slots=True, frozen=True, kw_only=True)
class NotBefore:
    """It was submitted with a begin time, `begin_at` (Unix seconds)."""

    code: ClassVar[str] = "BEGIN_TIME"
    begin_at: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Dependency:
    """It waits for the end of `job`: of any kind, a good one (`ok`) or a bad one (`failed`). state: of that job now."""

    code: ClassVar[str] = "DEPENDENCY"
    job: JobId
    when: str
    state: str


@dataclass(slots=True, frozen=True, kw_only=True)
class Impossible:
    """No set of this host's cards, cores and memory can ever hold the job.

    resource: what is short: `gpus`, `gpu_type`, `gpu_memory_mb`, `cpu_cores`, `memory_mb` or `gpu_power_w`; `most`:
    what exists.
    """

    code: ClassVar[str] = "IMPOSSIBLE"
    resource: str
    wanted: int
    most: int


@dataclass(slots=True, frozen=True, kw_only=True)
class ClusterUnknown:
    """Nothing was heard of the cluster's machines yet: whether it has room for the job is not known."""

    code: ClassVar[str] = "CLUSTER_UNKNOWN"


@dataclass(slots=True, frozen=True, kw_only=True)
class ClusterQueueFull:
    """The cluster has no room now, and `waiting` jobs of ours wait in its own queue already; `most` may."""

    code: ClassVar[str] = "CLUSTER_QUEUE_FULL"
    waiting: int
    most: int


@dataclass(slots=True, frozen=True, kw_only=True)
class ClusterOutOfUse:
    """It may go to the cluster, and of the `nodes` machines that could hold it none will be free in a known time."""

    code: ClassVar[str] = "CLUSTER_OUT_OF_USE"
    nodes: int


@dataclass(slots=True, frozen=True, kw_only=True)
class GoesToCluster:
    """It may run anywhere, and goes to the cluster at `at` (Unix seconds), after `after_s` seconds, unless it starts
    here before."""

    code: ClassVar[str] = "GOES_TO_CLUSTER"
    at: float
    after_s: float


@dataclass(slots=True, frozen=True, kw_only=True)
class SlurmQueue:
    """It was handed to Slurm and waits in the queue there, as Slurm job `slurm_id`.

    state, reason: Slurm's own words; expected_start: when Slurm expects to start it (Unix seconds), where it says so.
    """

    code: ClassVar[str] = "SLURM_QUEUE"
    slurm_id: int
    state: str
    reason: str
    expected_start: float | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class SlurmAway:
    """It was to be handed to Slurm, which cannot be asked since `since` (Unix seconds); detail: what it said last."""

    code: ClassVar[str] = "SLURM_AWAY"
    since: float | None
    detail: str


@dataclass(slots=True, frozen=True, kw_only=True)
class ClusterCards:
    """Matching cards of the cluster that none of rcq's jobs may have now, told together: there may be hundreds.

    closed: in machines that take no jobs, of which `nodes` names the first; taken: in others' hands there.
    """

    code: ClassVar[str] = "CLUSTER_CARDS"
    closed: int
    taken: int
    nodes: tuple[str, ...] = ()


Reason = (
    NotEnoughGpus
    | GpuTooHot
    | GpuDrained
    | GpuQuarantined
    | GpuForeign
    | GpuSettling
    | GpuMemoryTaken
    | PowerShort
    | CoresBusy
    | MemoryBusy
    | QuotaReached
    | WouldDelay
    | Booked
    | ArrayFull
    | NotBefore
    | Dependency
    | Impossible
    | ClusterUnknown
    | ClusterQueueFull
    | ClusterOutOfUse
    | GoesToCluster
    | SlurmQueue
    | SlurmAway
    | ClusterCards
)

REASON_CODES: frozenset[str] = frozenset(kind.code for kind in Reason.__args__)
"""Every code there is: documents and screens must know each."""
