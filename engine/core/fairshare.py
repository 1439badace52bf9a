"""Fair-share: what a run is charged, how recorded usage fades, and the factors of the score.

Formulas: base = job priority + group priority; fair = clamp(quota / usage, 0.1, 2.0); wait = 1 + 0.01 per hour;
score = base x fair x wait. Usage decays with a half-life, as Slurm's multifactor priority plugin does.
Pure. This module must not know where usage is recorded.
"""

import math
from collections.abc import Mapping, Sequence

from engine.core.model import GpuUuid, GroupName, Shape
from engine.core.snapshot import GroupTerms, Host, Lease

MIN_FAIR, MAX_FAIR = 0.1, 2.0
WAIT_PER_HOUR = 0.01


def decayed(amount: float, age_s: float, half_life_s: float) -> float:
    """`amount` of usage, `age_s` seconds later: half after each half-life."""
    return float(amount * 0.5 ** (max(0.0, age_s) / half_life_s))


def rate(shape: Shape, card_sizes_mb: Sequence[int], core_weight: float) -> float:
    """Weighted GPUs that a run is billed for, each second.

    A whole card counts 1, a shared one the part of its memory that was asked for, a core `core_weight`.
    card_sizes_mb: memory of the leased cards, MiB.
    """
    cards = float(shape.gpus)
    if shape.share and card_sizes_mb:
        cards = sum(min(1.0, shape.gpu_memory_mb / size) for size in card_sizes_mb)
    return cards + shape.cpu_cores * core_weight


def charge(lease: Lease, until: float, sizes_mb: Mapping[GpuUuid, int], core_weight: float) -> float:
    """Weighted GPU-seconds of a lease from its start to `until` (Unix seconds). sizes_mb: memory of each card, MiB."""
    leased = [sizes_mb[uuid] for uuid in lease.gpus if uuid in sizes_mb]
    return rate(lease.key.shape, leased, core_weight) * (until - lease.started_at)


def quotas_gpu_s(
    groups: Mapping[GroupName, GroupTerms], cards: int, host: Host, half_life_s: float, core_weight: float
) -> dict[GroupName, float]:
    """Usage at which each group stands exactly at its share, in weighted GPU-seconds.

    Whoever uses a constant rate r for ever has a decayed usage of r x half-life / ln 2; r is the group's share of all
    that the box can give.
    """
    total = sum(terms.share for terms in groups.values())
    whole_box = (cards + host.cpu_cores * core_weight) * half_life_s / math.log(2)
    return {name: whole_box * terms.share / total if total else 0.0 for name, terms in groups.items()}


def fair_factor(quota: float, usage: float) -> float:
    """clamp(quota / usage, 0.1, 2.0); 2.0 where nothing was used yet."""
    if usage <= 0:
        return MAX_FAIR
    return min(MAX_FAIR, max(MIN_FAIR, quota / usage))


def wait_factor(waited_s: float) -> float:
    """1 + hours waited x 0.01."""
    return 1.0 + max(0.0, waited_s) / 3600.0 * WAIT_PER_HOUR
