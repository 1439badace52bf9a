"""What the engine answers about people: log-ins, accounts, groups, services, their limits and their usage.

Front end and engine share these; times are Unix seconds, memory is MiB, absent is `None`.
Must not know how any of it is found or shown.
"""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Session:
    """A log-in: the token is shown this once. expires_at: Unix seconds.

    must_change_password: it was made with a one-time password, and is good for nothing but setting another.
    """

    token: str
    account: str
    group: str
    role: str
    expires_at: float
    must_change_password: bool = False


@dataclass(slots=True, kw_only=True)
class Me:
    """Who the caller is to the engine. via: `token` or `peer`. must_change_password: as of `Session`.

    token: the name of the API token that the request carries, if it is one; read_only: that one changes nothing.
    """

    account: str
    group: str
    role: str
    via: str
    expires_at: float | None = None
    must_change_password: bool = False
    token: str | None = None
    read_only: bool = False


@dataclass(slots=True, kw_only=True)
class QuotaView:
    """Limits; `None` is none.

    gpu_hours: in a calendar month (UTC). queued: jobs that wait. submissions_per_minute: jobs taken in;
    ingest_per_minute: those of files and batches, which have this limit instead. staged_mb: MiB of staged files that
    are kept, of an account or a group. The rest: what may be held at once, memory in MiB.
    """

    gpus: int | None = None
    gpus_by_type: dict[str, int] = field(default_factory=dict)
    gpu_memory_mb: int | None = None
    cpu_cores: int | None = None
    memory_mb: int | None = None
    jobs: int | None = None
    gpu_hours: float | None = None
    queued: int | None = None
    submissions_per_minute: int | None = None
    ingest_per_minute: int | None = None
    staged_mb: int | None = None


@dataclass(slots=True, kw_only=True)
class AccountView:
    """An account. unix_user: the Unix user it is linked to, if any. note: in the answer to a change, what to know.

    one_time_password: its password was set by an admin and has to be changed at the next log-in. manager: it may manage
    its group's jobs, if `auth.group_managers` is on.
    """

    name: str
    role: str
    group: str
    disabled: bool
    unix_user: str | None
    created_at: float
    quota: QuotaView
    note: str | None = None
    one_time_password: bool = False
    manager: bool = False


@dataclass(slots=True, kw_only=True)
class GroupView:
    """A research group with its terms; usage_gpu_s is decayed. guarantee_gpus: cards that are its own when it wants."""

    name: str
    priority: int
    share: float
    usage_gpu_s: float
    quota: QuotaView
    guarantee_gpus: int = 0


@dataclass(slots=True, kw_only=True)
class ServiceView:
    """A named kind of work. jobs_per_account: what one account may run of it at once; quota: of all its jobs."""

    name: str
    jobs_per_account: int | None
    quota: QuotaView = field(default_factory=QuotaView)


@dataclass(slots=True, kw_only=True)
class UsageRow:
    """What somebody used, against what they may. GPU-seconds, unless the name says hours.

    usage_gpu_s: weighted, fading. quota_gpu_s: the usage that would be just its due. fair: the factor in a job's score
    that follows from the two. month_gpu_s: plain, in this calendar month, expected runs of what runs included;
    month_limit_gpu_h: of it, `None` is no limit. gpus: cards held now; gpus_limit: of them. since_gpu_s: plain, what
    ran from the asked time on, `None` unless asked. month_energy_kwh: of the cards, measured in this calendar month, as
    far as it was its own; since_energy_kwh: from the asked time on.
    """

    usage_gpu_s: float
    quota_gpu_s: float
    fair: float
    month_gpu_s: float
    month_limit_gpu_h: float | None
    gpus: int
    gpus_limit: int | None
    since_gpu_s: float | None
    month_energy_kwh: float = 0.0
    since_energy_kwh: float | None = None


@dataclass(slots=True, kw_only=True)
class AccountUsage(UsageRow):
    """One account inside a group. fair: its group's factor included. Its month counts what it ran for any group."""

    account: str


@dataclass(slots=True, kw_only=True)
class GroupUsage(UsageRow):
    """A group, with those of its accounts that the caller may know of. fair: among the groups."""

    group: str
    priority: int
    share: float
    guarantee_gpus: int
    accounts: list[AccountUsage]


@dataclass(slots=True, kw_only=True)
class UsageReport:
    """Usage of groups, and what its numbers rest on.

    month: as `2026-11`, UTC. half_life_s: seconds after which usage counts half. shares: of all groups together;
    total_gpu_s: their usage. core_weight: the part of a card that a core is billed as. Times are Unix seconds.
    """

    now: float
    since: float | None
    month: str
    policy: str
    half_life_s: float
    shares: float
    total_gpu_s: float
    core_weight: float
    items: list[GroupUsage]
