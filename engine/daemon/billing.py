"""What a run costs its group: the core's rate, for the time that is expected or that it really took.

Must not know where usage is kept.
"""

from collections.abc import Iterable

from engine.core.fairshare import charge
from engine.core.policy import Policy
from engine.core.snapshot import Gpu, Lease


def bill(lease: Lease, gpus: Iterable[Gpu], policy: Policy) -> float:
    """Weighted GPU-seconds of the expected run."""
    sizes = {gpu.uuid: gpu.memory_mb for gpu in gpus}
    return charge(lease, lease.expected_end, sizes, policy.core_weight)


def correction(lease: Lease, charged: float, ran_s: float) -> float:
    """What is to be added to `charged` (below 0: given back) so that the run of `ran_s` seconds is what was billed."""
    expected_s = lease.expected_end - lease.started_at
    return charged * (ran_s / expected_s - 1.0) if expected_s > 0 else 0.0
