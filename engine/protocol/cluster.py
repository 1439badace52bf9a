"""What the engine answers about the cluster: its machines, a job's place there, who runs jobs and how they are.

Front end and engine share it; times are Unix seconds, memory is MiB, absent is `None`. Must not know how any of it is
found or shown.
"""

from dataclasses import dataclass, field

from engine.protocol.cards import GpuUser


@dataclass(slots=True, kw_only=True)
class SlurmView:
    """A job in Slurm's own words. id: of the Slurm job. expected_start: when Slurm expects to start it.

    state, reason: as squeue shows them, empty where Slurm was not heard of it yet.
    """

    id: int
    state: str = ""
    reason: str = ""
    expected_start: float | None = None


@dataclass(slots=True, kw_only=True)
class NodeCards:
    """The cards of one type in a machine. ours: that rcq's jobs hold, others: that other Slurm jobs hold."""

    type: str
    total: int
    ours: int
    others: int


@dataclass(slots=True, kw_only=True)
class NodeUser:
    """A job of rcq's in a machine, with what it holds of it; `who` as on a card."""

    who: GpuUser
    gpus: int
    cpu_cores: int
    memory_mb: int


@dataclass(slots=True, kw_only=True)
class NodeView:
    """One machine of the cluster as of `age_s` seconds ago. state: `open`, or `closed` where it takes no jobs now.

    slurm_state: in Slurm's words, `mixed` or `idle+drain`. why: it takes no jobs. allocated: to whomever, as Slurm
    told it; ours: to rcq's jobs now; others: to Slurm jobs that are known to be nobody's of rcq. cpu_load:
    processes that want to run; memory_free_mb: of the machine as its kernel tells; both `None` where Slurm does not
    know. jobs: rcq's in it.
    """

    name: str
    state: str
    slurm_state: str
    why: str | None
    age_s: float
    cpu_cores: int
    cpu_cores_allocated: int
    cpu_cores_ours: int
    cpu_cores_others: int
    memory_mb: int
    memory_mb_allocated: int
    memory_mb_ours: int
    cpu_load: float | None = None
    memory_free_mb: int | None = None
    cards: list[NodeCards] = field(default_factory=list)
    jobs: list[NodeUser] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class BackendView:
    """Who runs jobs. name: `process`, `systemd` or `slurm`; state: `ok`, or `away` since `since`: it cannot be asked.

    detail: why it is away. waiting: jobs of rcq's in its own queue; running: those that run. nodes_open, nodes_total:
    of a cluster, its machines and those of them that take jobs.
    """

    name: str
    state: str
    since: float | None = None
    detail: str | None = None
    waiting: int = 0
    running: int = 0
    nodes_open: int | None = None
    nodes_total: int | None = None
