"""Which cards are too hot to start on: threshold, hysteresis, throttling.

Pure. The memory of the hysteresis is an argument and a result.
"""

from collections.abc import Iterable

from engine.core.model import GpuUuid
from engine.core.policy import Thermal
from engine.core.snapshot import Gpu


def hot_cards(gpus: Iterable[Gpu], hot_before: frozenset[GpuUuid], thermal: Thermal) -> frozenset[GpuUuid]:
    """The cards that are too hot, given which ones were at the last pass."""
    return frozenset(gpu.uuid for gpu in gpus if is_hot(gpu, gpu.uuid in hot_before, thermal))


def is_hot(gpu: Gpu, was_hot: bool, thermal: Thermal) -> bool:
    """Hot from `threshold_c` (or as soon as it throttles) until it is read below `resume_c`.

    A card without a reading stays what it was: heat is never forgotten because a sensor is silent.
    """
    if gpu.throttled:
        return True
    if gpu.temperature_c is None:
        return was_hot
    return gpu.temperature_c >= (thermal.resume_c if was_hot else thermal.threshold_c)
