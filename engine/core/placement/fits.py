"""Which cards match a request, and which of those are out of use whatever the books say.

Pure. This module must not know who holds which card.
"""

from engine.core.model import GpuUuid, Shape, model_matches
from engine.core.policy import Policy
from engine.core.reasons import GpuDrained, GpuForeign, GpuQuarantined, GpuSettling, GpuTooHot
from engine.core.snapshot import Gpu

Obstacle = GpuDrained | GpuQuarantined | GpuSettling | GpuForeign | GpuTooHot
LASTING = (GpuDrained, GpuQuarantined)
"""In the way of who waits also while a job is on the card: its end does not give the card back."""


def matches(gpu: Gpu, shape: Shape) -> bool:
    """Whether the card could ever serve the shape: its type and its size are right."""
    if shape.gpu_type is not None and not model_matches(gpu.model, shape.gpu_type):
        return False
    if gpu.parent is not None and shape.gpus > 1:
        return False  # a program can use one MIG instance alone: CUDA shows it no second one
    return gpu.memory_mb >= shape.gpu_memory_mb


def obstacle(gpu: Gpu, hot: frozenset[GpuUuid], policy: Policy) -> Obstacle | None:
    """Why nothing may start on the card now, whoever asks; `None` if it may."""
    if gpu.drained:
        return GpuDrained(gpu=gpu.uuid, index=gpu.index)
    if gpu.quarantined:
        return GpuQuarantined(gpu=gpu.uuid, index=gpu.index, cause=gpu.cause)
    if gpu.settling:
        return GpuSettling(gpu=gpu.uuid, index=gpu.index, used_mb=gpu.memory_used_mb)
    if policy.tolerated_foreign_mb is not None and gpu.foreign_mb > policy.tolerated_foreign_mb:
        return GpuForeign(
            gpu=gpu.uuid,
            index=gpu.index,
            foreign_mb=gpu.foreign_mb,
            tolerated_mb=policy.tolerated_foreign_mb,
            processes=gpu.strangers,
            users=gpu.strangers_of,
        )
    if gpu.uuid in hot:
        critical_c = policy.thermal.critical_c
        return GpuTooHot(
            gpu=gpu.uuid,
            index=gpu.index,
            temperature_c=gpu.temperature_c,
            threshold_c=policy.thermal.threshold_c,
            resume_c=policy.thermal.resume_c,
            throttled=gpu.throttled,
            margin_c=gpu.margin_c,
            margin_min_c=None if gpu.margin_c is None else policy.thermal.margin_c,
            throttle=gpu.throttle if gpu.throttled else (),
            critical_c=critical_c if (gpu.temperature_c or 0.0) >= critical_c else None,
        )
    return None
