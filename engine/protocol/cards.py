"""What the engine answers about the cards: their figures, who is on them, why one is out of use.

Front end and engine share them; times are Unix seconds, memory is MiB, ratios are 0 to 1, absent is `None`.
Must not know how any of it is found or shown.
"""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class GpuUser:
    """A running job on a card; id, account, name and, where others are hidden, group are `None` who may not know.

    until: when its time limit ends it, Unix seconds; `None` where it stands still, or one may not know.
    """

    id: int | None
    account: str | None
    group: str | None
    name: str | None
    memory_mb: int | None
    until: float | None = None


@dataclass(slots=True, kw_only=True)
class GpuSlot:
    """The booked reservation that holds a card now, or the next one that will; account, group: `None` if one may not
    know.

    start_at, end_at: Unix seconds. starts_in_s, ends_in_s: seconds from now; it has begun when the first is 0.
    """

    account: str | None
    group: str | None
    start_at: float
    end_at: float
    starts_in_s: float
    ends_in_s: float


@dataclass(slots=True, kw_only=True)
class GpuProcessView:
    """A process on a card. job: whose process it is, `None` for a foreign one and for jobs that one may not know of.

    foreign: rcq did not start it. user: its Unix user. command: all of it for admins and its own user, else the
    program's name; both `None` where the host does not tell.
    """

    pid: int
    foreign: bool
    job: int | None
    user: str | None
    command: str | None
    memory_mb: int | None


@dataclass(slots=True, kw_only=True)
class GpuView:
    """One card. state: `ok`, `hot`, `drained`, `quarantined` or `missing`; age_s: seconds since it was read.

    why: the words with which it was drained, or the cause for which it is quarantined or missing; detail: what was seen
    then; since: Unix seconds. settling: a job left it, and it was not
    yet seen free. foreign_mb: MiB of processes that rcq did not start; over tolerated_mb (`None`: any are tolerated) no
    job starts beside them. processes: who is on it, rcq's jobs and others. margin_c: degrees left before it slows
    itself down, where it tells that. throttle: what slows it down now (`engine.readings.THROTTLES`). power_cap_w: rcq
    holds it to so many watts. links: how closely it is linked to each card, by index: higher is closer.
    parent: of a MIG instance, the UUID of its card. node: the machine of the cluster that it is in, `None` in this
    host; taken_by: the user of a Slurm job, none of rcq's, that holds it there.
    """

    uuid: str
    index: int
    model: str
    state: str
    memory_mb: int
    memory_used_mb: int | None
    utilization: float | None
    temperature_c: float | None
    threshold_c: float
    resume_c: float
    power_w: float | None
    power_limit_w: float | None
    throttled: bool
    foreign_mb: int
    tolerated_mb: int | None
    age_s: float
    jobs: list[GpuUser] = field(default_factory=list)
    slot: GpuSlot | None = None
    why: str | None = None
    detail: str | None = None
    since: float | None = None
    settling: bool = False
    processes: list[GpuProcessView] = field(default_factory=list)
    margin_c: float | None = None
    slowdown_c: float | None = None
    throttle: list[str] = field(default_factory=list)
    power_cap_w: float | None = None
    sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    pci: str | None = None
    numa_node: int | None = None
    links: list[int] = field(default_factory=list)
    parent: str | None = None
    node: str | None = None
    taken_by: str | None = None
