"""Which quotas one job would exceed all by itself: on an idle box, on the first of the month.

Pure. Asked at submission; what others hold or have used is not its matter.
"""

from collections.abc import Iterator, Sequence

from engine.core.fairshare import rate
from engine.core.model import GroupKey, Shape, model_matches
from engine.core.quota import Bound, Holding
from engine.core.reasons import QuotaReached
from engine.core.snapshot import Gpu, Quotas
from engine.daemon.allowance import quota_of
from engine.daemon.tally import bearers_of

HOUR_S = 3600.0


def exceeded_alone(key: GroupKey, run_s: float, gpus: Sequence[Gpu], quotas: Quotas) -> Iterator[QuotaReached]:
    """Every limit of account, group and service that is too small for one job of `key`. run_s: its expected run."""
    hours = cards_of(key.shape, gpus) * run_s / HOUR_S
    for scope, name in bearers_of(key):
        quota = quota_of(quotas, scope, name)
        if quota is None:
            continue
        yield from Bound(scope=scope, name=name, quota=quota, holding=Holding()).breaches(key.shape)
        if quota.gpu_hours is not None and hours > quota.gpu_hours:
            yield QuotaReached(
                scope=scope, name=name, resource="gpu_hours", limit=quota.gpu_hours, used=0.0, wanted=round(hours, 3)
            )


def cards_of(shape: Shape, gpus: Sequence[Gpu]) -> float:
    """Cards that a run is billed for at least: of a shared one the part that it is of the largest that matches."""
    sizes = [gpu.memory_mb for gpu in gpus if shape.gpu_type is None or model_matches(gpu.model, shape.gpu_type)]
    return rate(shape, [max(sizes)] * shape.gpus if sizes else [], 0.0)
