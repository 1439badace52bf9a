"""Everything a pass looks at, frozen at one instant.

Pure values. This module must not know where readings or books come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, JobId, PendingGroup, ServiceName
from engine.core.quota import Quota


@dataclass(slots=True, frozen=True, kw_only=True)
class Gpu:
    """One card as last read. A reading that is missing is `None`, never a number.

    memory_mb: its size, MiB. memory_used_mb: measured use, MiB, whoever uses it. held_mb: the part of it that belongs
    to rcq's own jobs. temperature_c: degrees Celsius. throttled: the driver slows it down because of heat.
    drained: an admin took it out of use; quarantined: the health monitor did.
    """

    uuid: GpuUuid
    index: int
    model: str
    memory_mb: int
    memory_used_mb: int | None = None
    held_mb: int = 0
    temperature_c: float | None = None
    throttled: bool = False
    drained: bool = False
    quarantined: bool = False

    @property
    def foreign_mb(self) -> int:
        """MiB in use by processes that rcq did not start."""
        return max(0, (self.memory_used_mb or 0) - self.held_mb)


@dataclass(slots=True, frozen=True, kw_only=True)
class Host:
    """What the machine offers to jobs: cores and MiB of memory."""

    cpu_cores: int
    memory_mb: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Lease:
    """The GPUs, cores and memory that a started job holds until `expected_end` (Unix seconds) or its real end."""

    job: JobId
    key: GroupKey
    gpus: tuple[GpuUuid, ...]
    started_at: float
    expected_end: float


@dataclass(slots=True, frozen=True, kw_only=True)
class GroupTerms:
    """What a research group was promised: priority 1-10 and its share of the box, a weight against the others'."""

    priority: int = 5
    share: float = 1.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Quotas:
    """The limits in force. Who is not listed has no limit of that scope."""

    accounts: Mapping[AccountName, Quota] = field(default_factory=dict)
    groups: Mapping[GroupName, Quota] = field(default_factory=dict)
    services: Mapping[ServiceName, int] = field(default_factory=dict)
    """Concurrent jobs that one account may run of that service."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Snapshot:
    """The world at `now` (Unix seconds), as one pass sees it.

    usage_gpu_s: decayed weighted GPU-seconds of each group. hot: cards that were too hot at the last pass and have not
    yet come back below the resume temperature.
    """

    now: float
    host: Host
    gpus: tuple[Gpu, ...] = ()
    leases: tuple[Lease, ...] = ()
    pending: tuple[PendingGroup, ...] = ()
    groups: Mapping[GroupName, GroupTerms] = field(default_factory=dict)
    quotas: Quotas = Quotas()
    usage_gpu_s: Mapping[GroupName, float] = field(default_factory=dict)
    hot: frozenset[GpuUuid] = frozenset()
