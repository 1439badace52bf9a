"""Which working cards get a lower power limit because of heat, and which get their own back.

The engine and the simulator ask the same. Pure. The memory of the hysteresis is an argument and a result. This module
must not know who sets limits.
"""

from collections.abc import Iterable
from dataclasses import replace

from engine.core.model import GpuUuid
from engine.core.placement.thermal import is_hot
from engine.core.policy import Thermal
from engine.core.snapshot import Gpu

EARLY_C = 2.0
"""A card is capped so many degrees before the threshold, else it would be above it before the lower limit tells."""


def capped(working: Iterable[Gpu], capped_before: frozenset[GpuUuid], thermal: Thermal) -> frozenset[GpuUuid]:
    """The cards whose limit is to be `thermal.power_cap_share` of their own, given which ones had that before.

    working: the cards that jobs are on; one that is not among them has its own limit, for it cools by itself. A card is
    capped from `EARLY_C` below the threshold, or as soon as it throttles, until it is below the resume temperature.
    """
    if not thermal.power_cap:
        return frozenset()
    early = replace(
        thermal,
        threshold_c=max(thermal.resume_c, thermal.threshold_c - EARLY_C),
        margin_c=thermal.margin_c + EARLY_C,
    )
    return frozenset(gpu.uuid for gpu in working if is_hot(gpu, gpu.uuid in capped_before, early))
