"""Which cards are too hot to start on (threshold, margin, hysteresis, throttling), and how warm it is around each.

Pure. The memory of the hysteresis is an argument and a result.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from engine.core.model import GpuUuid
from engine.core.policy import Thermal
from engine.core.snapshot import Gpu


def hot_cards(gpus: Iterable[Gpu], hot_before: frozenset[GpuUuid], thermal: Thermal) -> frozenset[GpuUuid]:
    """The cards that are too hot, given which ones were at the last pass."""
    return frozenset(gpu.uuid for gpu in gpus if is_hot(gpu, gpu.uuid in hot_before, thermal))


def is_hot(gpu: Gpu, was_hot: bool, thermal: Thermal) -> bool:
    """Hot from `threshold_c` (or as soon as it throttles) until it is read below `resume_c`.

    A card that tells its margin is hot as well with no more than `margin_c` left, until it has as much more as lies
    between the two. One without a reading stays what it was: heat is never forgotten because a sensor is silent.
    """
    if gpu.throttled:
        return True
    if gpu.temperature_c is None and gpu.margin_c is None:
        return was_hot
    warm = gpu.temperature_c is not None and gpu.temperature_c >= (thermal.resume_c if was_hot else thermal.threshold_c)
    return warm or (gpu.margin_c is not None and gpu.margin_c <= least_margin_c(was_hot, thermal))


def least_margin_c(was_hot: bool, thermal: Thermal) -> float:
    """With no more degrees than that left before it slows itself down, a card is hot."""
    return thermal.margin_c + (thermal.threshold_c - thermal.resume_c if was_hot else 0.0)


def warmth(gpus: Sequence[Gpu], thermal: Thermal) -> Mapping[GpuUuid, float]:
    """How warm it is at and around each card that tells its temperature, to compare them with each other.

    Its own temperature and, weighted with `neighbour`, the mean of the cards beside it. Neighbours are those next to
    it by index, as they sit in the case; MIG instances are of one card, that of their parent. A neighbour that is
    silent is left out; a card whose neighbours all are is taken to have such as itself.
    """
    slots: dict[GpuUuid, list[Gpu]] = {}
    for gpu in sorted(gpus, key=lambda gpu: (gpu.index, gpu.uuid)):
        slots.setdefault(gpu.parent or gpu.uuid, []).append(gpu)
    heats = [_heat(slot) for slot in slots.values()]
    found: dict[GpuUuid, float] = {}
    for at, slot in enumerate(slots.values()):
        beside = [heat for heat in (*heats[max(0, at - 1) : at], *heats[at + 1 : at + 2]) if heat is not None]
        for gpu in slot:
            if gpu.temperature_c is not None:
                found[gpu.uuid] = gpu.temperature_c + thermal.neighbour * fmean(beside or [gpu.temperature_c])
    return found


def _heat(slot: Iterable[Gpu]) -> float | None:
    return max((gpu.temperature_c for gpu in slot if gpu.temperature_c is not None), default=None)
