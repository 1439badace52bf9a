"""Fair-share: what a run is charged, how recorded usage fades, and the factors of the score.

Formulas: base = job priority + group priority; fair = clamp(quota / usage, 0.1, 2.0); wait = 1 + 0.01 per hour;
score = base x fair x wait, times the shortness factor where the policy asks for it. Usage decays with a half-life, as
Slurm's multifactor priority plugin does. Pure. This module must not know where usage is recorded.
"""

from collections.abc import Iterable, Mapping, Sequence

from engine.core.model import GpuUuid, GroupName, Shape
from engine.core.snapshot import GroupTerms, Lease, Month

MIN_FAIR, MAX_FAIR = 0.1, 2.0
WAIT_PER_HOUR = 0.01
SHORT_S = 600.0


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


def month_with(month: Month, leases: Iterable[Lease], sizes_mb: Mapping[GpuUuid, int]) -> Month:
    """The month with the expected runs of these leases, which it does not have yet. sizes_mb: as for `charge`."""
    accounts, groups, services = dict(month.accounts), dict(month.groups), dict(month.services)
    for lease in leases:
        plain = charge(lease, lease.expected_end, sizes_mb, 0.0)
        owner, service = lease.key.owner, lease.key.service
        accounts[owner.account] = accounts.get(owner.account, 0.0) + plain
        groups[owner.group] = groups.get(owner.group, 0.0) + plain
        if service is not None:
            services[service] = services.get(service, 0.0) + plain
    return Month(accounts=accounts, groups=groups, services=services)


def quotas_gpu_s(groups: Mapping[GroupName, GroupTerms], used_gpu_s: float) -> dict[GroupName, float]:
    """Usage at which each group stands exactly at its share: that part of all recorded usage, weighted GPU-seconds.

    Relative to what was used, not to what the box could have given: so the factor tells groups apart from the first
    hour on, and whoever has the box alone loses nothing.
    """
    total = sum(terms.share for terms in groups.values())
    return {name: used_gpu_s * terms.share / total if total else 0.0 for name, terms in groups.items()}


def fair_factor(quota: float, usage: float) -> float:
    """clamp(quota / usage, 0.1, 2.0); 2.0 where nothing was used yet."""
    if usage <= 0:
        return MAX_FAIR
    return min(MAX_FAIR, max(MIN_FAIR, quota / usage))


def owner_factor(of_group: float, of_account: float) -> float:
    """The factor of an account inside its group: both factors, within the same bounds."""
    return min(MAX_FAIR, max(MIN_FAIR, of_group * of_account))


def short_factor(gpus: int, run_s: float, shortness: float) -> float:
    """(GPUs x 1 hour / (expected run + 10 minutes)) ^ shortness; 1 for every job where shortness is 0.

    Shortest job first keeps slowdowns small; counting GPUs lets a wide job go when the cards for it happen to be free.
    The ten minutes keep jobs of seconds from being told apart. It bends shares: of two groups that always want more the
    one with shorter jobs gets more, by the ratio of their factors; a root instead of the full ratio keeps that small.
    """
    return float((max(1, gpus) * 3600.0 / (run_s + SHORT_S)) ** shortness) if shortness else 1.0


def wait_factor(waited_s: float) -> float:
    """1 + hours waited x 0.01."""
    return 1.0 + max(0.0, waited_s) / 3600.0 * WAIT_PER_HOUR
