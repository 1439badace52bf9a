"""What could be asked or allowed differently so that a waiting job starts: frozen values, and the world with them.

Pure. Must not know whether a change helps; `engine.core.whatif` finds that out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from engine.core.holders import per_account
from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, PendingGroup, ServiceName, Waiting
from engine.core.quota import Quota
from engine.core.reasons import QuotaReached
from engine.core.snapshot import Quotas, Snapshot


@dataclass(slots=True, frozen=True, kw_only=True)
class FewerGpus:
    """Ask for `gpus` cards instead of `wanted`."""

    code: ClassVar[str] = "FEWER_GPUS"
    gpus: int
    wanted: int


@dataclass(slots=True, frozen=True, kw_only=True)
class AnyType:
    """Take cards of any type instead of `gpu_type`."""

    code: ClassVar[str] = "ANY_GPU_TYPE"
    gpu_type: str


@dataclass(slots=True, frozen=True, kw_only=True)
class LessGpuMemory:
    """Ask for `gpu_memory_mb` MiB on each card instead of `wanted`."""

    code: ClassVar[str] = "LESS_GPU_MEMORY"
    gpu_memory_mb: int
    wanted: int


@dataclass(slots=True, frozen=True, kw_only=True)
class ShareGpu:
    """Be content with `gpu_memory_mb` MiB of each card and leave the rest to others."""

    code: ClassVar[str] = "SHARE_GPU"
    gpu_memory_mb: int


@dataclass(slots=True, frozen=True, kw_only=True)
class FewerCores:
    """Ask for `cpu_cores` cores instead of `wanted`."""

    code: ClassVar[str] = "FEWER_CORES"
    cpu_cores: int
    wanted: int


@dataclass(slots=True, frozen=True, kw_only=True)
class LessMemory:
    """Ask for `memory_mb` MiB of host memory instead of `wanted`."""

    code: ClassVar[str] = "LESS_MEMORY"
    memory_mb: int
    wanted: int


@dataclass(slots=True, frozen=True, kw_only=True)
class LessPower:
    """Let each card be held to `gpu_power_w` watts instead of `wanted`."""

    code: ClassVar[str] = "LESS_POWER"
    gpu_power_w: int
    wanted: int


@dataclass(slots=True, frozen=True, kw_only=True)
class ShorterLimit:
    """A time limit of `time_limit_s` seconds instead of `wanted`: over before what is promised or booked begins."""

    code: ClassVar[str] = "SHORTER_LIMIT"
    time_limit_s: int
    wanted: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Preemptible:
    """Be preemptible: the job may borrow what is kept for others, who may stop it."""

    code: ClassVar[str] = "PREEMPTIBLE"


@dataclass(slots=True, frozen=True, kw_only=True)
class Anywhere:
    """Let it run on the cluster, too."""

    code: ClassVar[str] = "ANYWHERE"


@dataclass(slots=True, frozen=True, kw_only=True)
class RaiseQuota:
    """Raise the limit of a quota by `by`; scope, name and resource as in QUOTA_REACHED. each: a cap on each account."""

    code: ClassVar[str] = "RAISE_QUOTA"
    scope: str
    name: str
    resource: str
    limit: float
    by: float
    each: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class ResumeGpu:
    """Put a drained card back into use."""

    code: ClassVar[str] = "RESUME_GPU"
    gpu: GpuUuid
    index: int


Change = (
    FewerGpus
    | AnyType
    | LessGpuMemory
    | ShareGpu
    | FewerCores
    | LessMemory
    | LessPower
    | ShorterLimit
    | Preemptible
    | Anywhere
    | RaiseQuota
    | ResumeGpu
)

NUMBER_OF: dict[type, str] = {
    FewerGpus: "gpus",
    LessGpuMemory: "gpu_memory_mb",
    FewerCores: "cpu_cores",
    LessMemory: "memory_mb",
    LessPower: "gpu_power_w",
    ShorterLimit: "time_limit_s",
}
"""Changes that lower one number of the shape, and which."""

CHANGE_CODES: frozenset[str] = frozenset(kind.code for kind in Change.__args__)
"""Every code there is: documents and screens must know each."""


def changed(
    snapshot: Snapshot, key: GroupKey, waiting: Waiting, changes: Sequence[Change]
) -> tuple[Snapshot, GroupKey]:
    """The world with these changes, and the key under which the job waits in it."""
    now_key = key
    for change in changes:
        now_key = _key(now_key, change)
        snapshot = _world(snapshot, change)
    return (snapshot if now_key == key else _moved(snapshot, key, now_key, waiting)), now_key


def raising(quotas: Quotas, reason: QuotaReached) -> RaiseQuota:
    """The least rise of a quota that makes room for the job."""
    return RaiseQuota(
        scope=reason.scope,
        name=reason.name,
        resource=reason.resource,
        limit=reason.limit,
        by=reason.used + reason.wanted - reason.limit,
        each=per_account(quotas, reason),
    )


def _key(key: GroupKey, change: Change) -> GroupKey:
    if isinstance(change, Preemptible):
        return replace(key, preemptible=True)
    if isinstance(change, Anywhere):
        return replace(key, anywhere=True)
    if isinstance(change, AnyType):
        return replace(key, shape=replace(key.shape, gpu_type=None))
    if isinstance(change, ShareGpu):
        return replace(key, shape=replace(key.shape, gpu_memory_mb=change.gpu_memory_mb, share=True))
    if (field := NUMBER_OF.get(type(change))) is not None:
        number: int = getattr(change, field)
        return replace(key, shape=replace(key.shape, **{field: number}))  # type: ignore[arg-type]  # all are integers
    return key


def _world(snapshot: Snapshot, change: Change) -> Snapshot:
    if isinstance(change, RaiseQuota):
        return replace(snapshot, quotas=_raised(snapshot.quotas, change))
    if isinstance(change, ResumeGpu):
        cards = tuple(replace(gpu, drained=False) if gpu.uuid == change.gpu else gpu for gpu in snapshot.gpus)
        return replace(snapshot, gpus=cards)
    return snapshot


def _raised(quotas: Quotas, change: RaiseQuota) -> Quotas:
    limit = change.limit + change.by
    if change.scope == "account":
        name = AccountName(change.name)
        return replace(quotas, accounts={**quotas.accounts, name: _with(quotas.accounts[name], change.resource, limit)})
    if change.scope == "group":
        of = GroupName(change.name)
        return replace(quotas, groups={**quotas.groups, of: _with(quotas.groups[of], change.resource, limit)})
    service = ServiceName(change.name)
    if change.each:
        return replace(quotas, services={**quotas.services, service: int(limit)})
    total = _with(quotas.service_totals[service], change.resource, limit)
    return replace(quotas, service_totals={**quotas.service_totals, service: total})


def _with(quota: Quota, resource: str, limit: float) -> Quota:
    if resource.startswith("gpus:"):
        by_type = {**quota.gpus_by_type, resource.removeprefix("gpus:"): int(limit)}
        return replace(quota, gpus_by_type=by_type)
    value = limit if resource == "gpu_hours" else int(limit)
    return replace(quota, **{resource: value})  # type: ignore[arg-type]  # the resource names a number of the quota


def _moved(snapshot: Snapshot, key: GroupKey, now_key: GroupKey, waiting: Waiting) -> Snapshot:
    """The job leaves its pending group for the one of its new shape; its place by submission stays."""
    pending: list[PendingGroup] = []
    joined: tuple[Waiting, ...] = (waiting,)
    for group in snapshot.pending:
        if group.key == now_key:
            joined = tuple(sorted((*group.jobs, waiting)))
        elif group.key != key:
            pending.append(group)
        elif left := tuple(entry for entry in group.jobs if entry.job != waiting.job):
            pending.append(PendingGroup(key, left))
    estimates = snapshot.estimates
    if key in estimates and now_key not in estimates:  # what is known of its run time, within its new limit
        estimates = {**estimates, now_key: min(estimates[key], float(now_key.shape.time_limit_s))}
    return replace(snapshot, pending=(*pending, PendingGroup(now_key, joined)), estimates=estimates)
