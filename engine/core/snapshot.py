"""Everything a pass looks at, frozen at one instant.

Pure values. This module must not know where readings or books come from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, JobId, Owner, PendingGroup, ServiceName, Shape
from engine.core.quota import Quota


@dataclass(slots=True, frozen=True, kw_only=True)
class Gpu:
    """One card as last read. A reading that is missing is `None`, never a number.

    memory_mb: its size, MiB. memory_used_mb: measured use, MiB, whoever uses it. held_mb: the part of it that belongs
    to rcq's own jobs. over: jobs that share it and have more of it than they asked for, by so many MiB each, where
    that is measured. strangers: how many processes that rcq did not start are on it, strangers_of: of which users.
    temperature_c: degrees Celsius; margin_c: degrees that are left before it slows itself down, where it tells that.
    throttled: the driver slows it down because of heat, throttle: in its words. drained: an admin took it out of use;
    quarantined: the health monitor did, for `cause`. settling: a job left it and it was not yet seen free since.
    power_w: watts that it draws at most when it works; power_min_w: what it can be held to, where rcq may do that.
    links: how closely it is linked to each card of the host in their order by index (`placement.topology`); empty where
    that is not known. parent: of a MIG instance, its card. node: the machine of a cluster that it is in, `None` in this
    host; a job's cards are always in one machine.
    """

    uuid: GpuUuid
    index: int
    model: str
    memory_mb: int
    memory_used_mb: int | None = None
    held_mb: int = 0
    temperature_c: float | None = None
    throttled: bool = False
    throttle: tuple[str, ...] = ()
    drained: bool = False
    quarantined: bool = False
    cause: str | None = None
    settling: bool = False
    over: tuple[tuple[JobId, int], ...] = ()
    strangers: int = 0
    strangers_of: tuple[str, ...] = ()
    margin_c: float | None = None
    power_w: float | None = None
    power_min_w: float | None = None
    links: tuple[int, ...] = ()
    parent: GpuUuid | None = None
    node: str | None = None

    @property
    def foreign_mb(self) -> int:
        """MiB in use by processes that rcq did not start; while it settles, most is of the job that left: 0."""
        return 0 if self.settling else max(0, (self.memory_used_mb or 0) - self.held_mb)

    @property
    def open_mb(self) -> int:
        """MiB that are rcq's to give: all that others do not use."""
        return max(0, self.memory_mb - self.foreign_mb)


@dataclass(slots=True, frozen=True, kw_only=True)
class NodeRoom:
    """What one machine of a cluster has for jobs on an idle day: cores and MiB of memory. open: it takes jobs now."""

    name: str
    cpu_cores: int
    memory_mb: int
    open: bool = True

    def holds(self, shape: Shape) -> bool:
        """Whether it has the cores and the memory for it."""
        return self.cpu_cores >= shape.cpu_cores and self.memory_mb >= shape.memory_mb


@dataclass(slots=True, frozen=True, kw_only=True)
class Host:
    """What the machine offers to jobs: cores and MiB of memory.

    Of a cluster, what its machines offer together now. nodes: those machines, empty for a single host: no job is larger
    than one of them, and which one it runs on is not the plan's matter.
    """

    cpu_cores: int
    memory_mb: int
    nodes: tuple[NodeRoom, ...] = ()


CLUSTER = "slurm"
"""The place of leases on the cluster; that of leases on this host is empty."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Lease:
    """The GPUs, cores and memory that a started job holds until `expected_end` (Unix seconds) or its real end.

    expected_end: by what is known of its run time when it starts. ending: it was told to stop, and `expected_end` is
    when its grace is over. firm: it had waited so long when it started that nobody of higher priority may stop it: else
    it could be stopped for ever and never get done. paused_s: seconds that it stood still so far, which its time limit
    does not count. place: where it runs. waits: it was handed to the cluster and waits in the queue there.
    """

    job: JobId
    key: GroupKey
    gpus: tuple[GpuUuid, ...]
    started_at: float
    expected_end: float
    ending: bool = False
    firm: bool = False
    paused_s: float = 0.0
    place: str = ""
    waits: bool = False

    @property
    def limit_end(self) -> float:
        """When its time limit ends it, Unix seconds; later if it is paused again."""
        return self.started_at + self.key.shape.time_limit_s + self.paused_s


@dataclass(slots=True, frozen=True, kw_only=True)
class GroupTerms:
    """What a research group was promised: priority 1-10 and its share of the box, a weight against the others'.

    guarantee_gpus: so many cards are the group's whenever it wants them; others may borrow them until then.
    """

    priority: int = 5
    share: float = 1.0
    guarantee_gpus: int = 0


@dataclass(slots=True, frozen=True, kw_only=True)
class Quotas:
    """The limits in force. Who is not listed has no limit of that scope."""

    accounts: Mapping[AccountName, Quota] = field(default_factory=dict)
    groups: Mapping[GroupName, Quota] = field(default_factory=dict)
    services: Mapping[ServiceName, int] = field(default_factory=dict)
    """Concurrent jobs that one account may run of that service."""
    service_totals: Mapping[ServiceName, Quota] = field(default_factory=dict)
    """What all jobs of a service may hold together."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Month:
    """GPU-seconds used in this calendar month (UTC), expected runs of what is leased included.

    A whole card counts 1, a shared one the part of its memory that was asked for; nothing fades.
    """

    accounts: Mapping[AccountName, float] = field(default_factory=dict)
    groups: Mapping[GroupName, float] = field(default_factory=dict)
    services: Mapping[ServiceName, float] = field(default_factory=dict)


@dataclass(slots=True, frozen=True, kw_only=True)
class Slot:
    """A booked reservation: from `start` to `end` (Unix seconds) only jobs of `account` may be on these cards.

    A person's booking is kept to the letter: nobody else's time limit may reach into it.
    """

    slot: str
    account: AccountName
    gpus: tuple[GpuUuid, ...]
    start: float
    end: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Claim:
    """Jobs were told to stop so that `job` can have these cards: until it starts, nobody else gets them.

    place: where the cards are, as a lease has it.
    """

    job: JobId
    key: GroupKey
    submitted_at: float
    gpus: tuple[GpuUuid, ...]
    place: str = ""

    def stands(self, leases: Iterable[Lease]) -> bool:
        """Whether the cards are still to be kept: none of these leases has one whole and is not on the way out.

        An equal, older job of the owner may have taken them; then the claim has done its work.
        """
        return not any(
            uuid in lease.gpus
            for lease in leases
            if not lease.ending and not lease.key.shape.share
            for uuid in self.gpus
        )


@dataclass(slots=True, frozen=True, kw_only=True)
class Cluster:
    """Where jobs go that may run anywhere and that this host cannot start within `after_s` seconds, or can never hold.

    ahead: so many of them may wait in the cluster's own queue.
    """

    host: Host
    gpus: tuple[Gpu, ...]
    ahead: int
    after_s: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Snapshot:
    """The world at `now` (Unix seconds), as one pass sees it.

    usage_gpu_s: decayed weighted GPU-seconds of each group; usage_accounts_gpu_s: the same for each account inside its
    group. estimates: seconds that jobs of a key are expected to run, where history tells; else the time limit counts.
    hot: cards that were too hot at the last pass and have not yet come back below the resume temperature. left_out_s:
    work of waiting jobs that a copy does not hold, in seconds of the whole box (`backlog.backlog_s`).
    place: where this plan's starts run; leases elsewhere count for quotas and take no room. others: cards elsewhere,
    which those may hold. ahead: so many jobs that find no room may be handed over to wait in the place's own queue.
    cluster: a second place, for jobs that may run anywhere.
    """

    now: float
    host: Host
    gpus: tuple[Gpu, ...] = ()
    leases: tuple[Lease, ...] = ()
    pending: tuple[PendingGroup, ...] = ()
    groups: Mapping[GroupName, GroupTerms] = field(default_factory=dict)
    quotas: Quotas = Quotas()
    usage_gpu_s: Mapping[GroupName, float] = field(default_factory=dict)
    usage_accounts_gpu_s: Mapping[Owner, float] = field(default_factory=dict)
    month: Month = Month()
    estimates: Mapping[GroupKey, float] = field(default_factory=dict)
    slots: tuple[Slot, ...] = ()
    claims: tuple[Claim, ...] = ()
    hot: frozenset[GpuUuid] = frozenset()
    left_out_s: float = 0.0
    place: str = ""
    others: tuple[Gpu, ...] = ()
    ahead: int = 0
    cluster: Cluster | None = None

    @property
    def all_gpus(self) -> tuple[Gpu, ...]:
        """Every card that a lease may hold, wherever it is."""
        return (*self.gpus, *self.others, *(self.cluster.gpus if self.cluster else ()))

    @property
    def here(self) -> tuple[Lease, ...]:
        """The leases that take room in this place."""
        return tuple(lease for lease in self.leases if lease.place == self.place)

    def run_s(self, key: GroupKey) -> float:
        """Seconds that a job of `key` is expected to run: never more than its time limit."""
        return self.estimates.get(key, float(key.shape.time_limit_s))
