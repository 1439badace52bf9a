"""Who holds what a waiting job lacks: the leases behind its reasons.

Pure. Must not know who may see whose lease.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.core.estimate import foreseen_end
from engine.core.model import GpuUuid, GroupKey, model_matches
from engine.core.placement.fits import matches
from engine.core.reasons import ArrayFull, CoresBusy, MemoryBusy, NotEnoughGpus, PowerShort, QuotaReached, Reason
from engine.core.snapshot import Gpu, Lease, Quotas, Snapshot


@dataclass(slots=True, frozen=True, kw_only=True)
class Holder:
    """A lease in a job's way. codes: of the reasons it stands behind.

    gpus: the cards that it keeps from the job; all of its own where it is their power that the job lacks.
    """

    lease: Lease
    codes: tuple[str, ...]
    gpus: tuple[GpuUuid, ...]


_TAKES: dict[type, Callable[[Lease], bool]] = {
    CoresBusy: lambda lease: lease.key.shape.cpu_cores > 0,
    MemoryBusy: lambda lease: lease.key.shape.memory_mb > 0,
    PowerShort: lambda lease: bool(lease.gpus),
}
"""Whether a lease has any of what the host is short of."""


def holders(snapshot: Snapshot, key: GroupKey, reasons: Iterable[Reason]) -> tuple[Holder, ...]:
    """Every lease in the way of a job of `key` that waits for `reasons`; first the one that is to end first."""
    cards = {gpu.uuid: gpu for gpu in snapshot.all_gpus}
    codes: dict[int, list[str]] = {}
    for reason in reasons:
        stands_behind = _test(snapshot, key, reason, cards)
        for at, lease in enumerate(snapshot.leases):
            if stands_behind(lease) and reason.code not in codes.setdefault(at, []):
                codes[at].append(reason.code)
    found = [
        Holder(lease=lease, codes=tuple(codes[at]), gpus=_kept(lease, key, cards, codes[at]))
        for at, lease in enumerate(snapshot.leases)
        if codes.get(at)
    ]
    return tuple(sorted(found, key=lambda one: (foreseen_end(one.lease, snapshot.now), one.lease.job)))


def per_account(quotas: Quotas, reason: QuotaReached) -> bool:
    """Whether it is the cap of a service on one account's jobs, not the quota of the whole service."""
    caps = {str(name): cap for name, cap in quotas.services.items()}
    return reason.scope == "service" and reason.resource == "jobs" and caps.get(reason.name) == reason.limit


def _test(snapshot: Snapshot, key: GroupKey, reason: Reason, cards: dict[GpuUuid, Gpu]) -> Callable[[Lease], bool]:
    """Whether a lease is one of those that the reason counts."""
    match reason:
        case NotEnoughGpus():
            return lambda lease: _is_on(lease, snapshot) and bool(_matching(lease, key, cards))
        case CoresBusy() | MemoryBusy() | PowerShort():
            return lambda lease: _is_on(lease, snapshot) and _TAKES[type(reason)](lease)
        case ArrayFull(parent=parent):
            return lambda lease: lease.key.array is not None and lease.key.array.parent == parent
        case QuotaReached():
            return lambda lease: _bears(snapshot, key, reason, lease) and _holds(lease, reason.resource, cards)
        case _:
            return lambda lease: False


def _is_on(lease: Lease, snapshot: Snapshot) -> bool:
    """Whether it has room of the place; who waits in the place's own queue has none yet, but counts for quotas."""
    return lease.place == snapshot.place and not lease.waits


def _kept(lease: Lease, key: GroupKey, cards: dict[GpuUuid, Gpu], codes: list[str]) -> tuple[GpuUuid, ...]:
    if PowerShort.code in codes:
        return tuple(uuid for uuid in lease.gpus if uuid in cards)
    return _matching(lease, key, cards)


def _matching(lease: Lease, key: GroupKey, cards: dict[GpuUuid, Gpu]) -> tuple[GpuUuid, ...]:
    """The cards of a lease that would do for the job. Who waits for cards is on none."""
    if not key.shape.gpus or lease.waits:
        return ()
    return tuple(uuid for uuid in lease.gpus if uuid in cards and matches(cards[uuid], key.shape))


def _bears(snapshot: Snapshot, key: GroupKey, reason: QuotaReached, lease: Lease) -> bool:
    """Whether the lease counts against the quota's bearer."""
    if reason.scope == "account":
        return lease.key.owner.account == reason.name
    if reason.scope == "group":
        return lease.key.owner.group == reason.name
    if lease.key.service != reason.name:
        return False
    return not per_account(snapshot.quotas, reason) or lease.key.owner.account == key.owner.account


def _holds(lease: Lease, resource: str, cards: dict[GpuUuid, Gpu]) -> bool:
    """Whether the lease holds any of a quota's resource; hours of the month are nobody's to give back."""
    shape = lease.key.shape
    if resource.startswith("gpus:"):
        kind = resource.removeprefix("gpus:")
        return any(uuid in cards and model_matches(cards[uuid].model, kind) for uuid in lease.gpus)
    amounts = {
        "gpus": len(lease.gpus),
        "gpu_memory_mb": len(lease.gpus),
        "cpu_cores": shape.cpu_cores,
        "memory_mb": shape.memory_mb,
        "jobs": 1,
    }
    return amounts.get(resource, 0) > 0
