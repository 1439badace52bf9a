"""What a run costs: the core's rate, for the time that is expected or that it really took, month by month.

Pure. Must not know where usage is kept.
"""

from collections.abc import Iterable
from dataclasses import replace

from engine.bookkeeping import Bill, Charged
from engine.core.fairshare import rate
from engine.core.model import GroupKey
from engine.core.policy import Policy
from engine.core.snapshot import Gpu, Lease
from engine.daemon.months import by_month


def bill_of(lease: Lease, gpus: Iterable[Gpu], policy: Policy) -> Bill:
    """The bill of the expected run."""
    sizes = {gpu.uuid: gpu.memory_mb for gpu in gpus}
    leased = [sizes[uuid] for uuid in lease.gpus if uuid in sizes]
    return Bill(
        rate=rate(lease.key.shape, leased, policy.core_weight),
        cards=rate(lease.key.shape, leased, 0.0),
        since=lease.started_at,
        until=max(lease.started_at, lease.expected_end),
    )


def first_charge(key: GroupKey, bill: Bill, at: float) -> Charged:
    """What a start is charged."""
    return difference(key, replace(bill, until=bill.since), bill, at)


def difference(key: GroupKey, before: Bill, after: Bill, at: float) -> Charged:
    """What a changed bill adds; what it gives back is negative, in GPU-seconds as they were when it was charged."""
    sign = 1.0 if after.until >= before.until else -1.0
    since, until = sorted((before.until, after.until))
    plain = {month: sign * after.cards * seconds for month, seconds in by_month(since, until)}
    return Charged(
        owner=key.owner,
        service=key.service,
        gpu_seconds=after.rate * (after.until - before.until),
        card_s=plain if after.cards else {},
        at=at,
    )


def added(one: Charged, other: Charged) -> Charged:
    """Two charges of one owner and service as one."""
    months = dict.fromkeys((*one.card_s, *other.card_s))
    return replace(
        one,
        gpu_seconds=one.gpu_seconds + other.gpu_seconds,
        card_s={month: one.card_s.get(month, 0.0) + other.card_s.get(month, 0.0) for month in months},
        at=max(one.at, other.at),
    )


def taken_back(charged: Charged) -> Charged:
    """What undoes a charge."""
    plain = {month: -seconds for month, seconds in charged.card_s.items()}
    return replace(charged, gpu_seconds=-charged.gpu_seconds, card_s=plain)
