"""Which of the usable cards a job gets: all or nothing, tightest fit first.

Pure. This module must not know why a card is usable.
"""

from collections.abc import Mapping, Sequence

from engine.core.ledger import TypeCap
from engine.core.model import GpuUuid, Shape
from engine.core.placement.topology import Spot, best_linked
from engine.core.snapshot import Gpu

UNKNOWN_TEMPERATURE_C = 1000.0
"""A card without a reading is taken last among equals."""


def preferred(
    cards: Sequence[tuple[Gpu, int]], shape: Shape, warmth: Mapping[GpuUuid, float] | None = None
) -> list[Gpu]:
    """Usable cards, best first; each comes with its free memory, MiB.

    A whole-card job takes the smallest card that is enough (big cards stay for big jobs), a sharer the card with the
    least room that is enough; then the coolest, then the lowest index. warmth: how warm it is at and around each card
    (`thermal.warmth`); else its own temperature counts.
    """

    def order(entry: tuple[Gpu, int]) -> tuple[int, float, int]:
        gpu, free_mb = entry
        heat = gpu.temperature_c if warmth is None else warmth.get(gpu.uuid)
        heat = UNKNOWN_TEMPERATURE_C if heat is None else heat
        return (free_mb if shape.share else gpu.memory_mb, heat, gpu.index)

    return [gpu for gpu, _ in sorted(cards, key=order)]


def gang(
    best_first: Sequence[Gpu], wanted: int, caps: Sequence[TypeCap], places: Mapping[GpuUuid, int]
) -> tuple[Gpu, ...] | None:
    """`wanted` whole cards that keep within the caps, or `None`: as tight as can be, and of such sets the best linked.

    places: of each card in the host's order by index. Where a cap stands in the way of the best set, the first one.
    """
    first = choose(best_first, wanted, caps)
    if not first or not any(gpu.links for gpu in best_first):
        return first
    largest = max(gpu.memory_mb for gpu in first)
    spots = {Spot(places[gpu.uuid], gpu.links): gpu for gpu in best_first}
    fixed = tuple(spot for spot, gpu in spots.items() if gpu in first and gpu.memory_mb < largest)
    open_to = tuple(spot for spot, gpu in spots.items() if gpu.memory_mb == largest)
    best = [spots[spot] for spot in best_linked(fixed, open_to, wanted - len(fixed))]
    return first if choose(best, wanted, caps) is None else tuple(best)


def choose(best_first: Sequence[Gpu], wanted: int, caps: Sequence[TypeCap] = ()) -> tuple[Gpu, ...] | None:
    """The first `wanted` cards that keep within the caps, or `None`: never a part of them."""
    chosen: list[Gpu] = []
    left = [cap.left for cap in caps]
    for gpu in best_first:
        if len(chosen) == wanted:
            break
        counted = [at for at, cap in enumerate(caps) if cap.covers(gpu)]
        if all(left[at] > 0 for at in counted):
            chosen.append(gpu)
            for at in counted:
                left[at] -= 1
    return tuple(chosen) if len(chosen) == wanted else None
