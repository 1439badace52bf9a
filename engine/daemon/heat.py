"""How warm the cards of a simulation get: the simulated cards' own thermal model on virtual time.

A card under any lease has the load that the settings give to a job that does not tell its own. That throttling makes
jobs slower is left out. Must not know what is scheduled.
"""

from collections.abc import Sequence
from dataclasses import replace

from config.settings import Settings, SimulatedCard
from engine.core.model import GpuUuid
from engine.core.snapshot import Gpu, Lease
from engine.core.trace import Heat
from engine.daemon.provider import spec_of
from engine.gpu.simulated import SimulatedGpus
from engine.readings import GpuLoad


class HeatError(ValueError):
    """The cards would never cool down; the message says what to change."""


class _VirtualClock:
    """Says what it was set to."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


def heat_of(settings: Settings, cards: Sequence[Gpu]) -> Heat:
    """The model for these cards, made as `[[gpu.simulated]]` says, over and over; the default make where it is silent.

    Raises HeatError for cards that even at rest stay too hot.
    """
    makes = [card for card in settings.gpu.simulated for _ in range(card.count)] or [SimulatedCard()]
    made = [makes[at % len(makes)] for at in range(len(cards))]
    for make in made:
        at_rest_c = spec_of(make).steady_c(make.idle_w)
        if at_rest_c >= settings.thermal.resume_c:
            raise HeatError(
                f"gpu.simulated: a {make.model} at rest has {at_rest_c:.0f} °C and never comes below thermal.resume_c, "
                f"{settings.thermal.resume_c:.0f}. Lower its ambient_c or idle_w, or raise resume_c"
            )
    clock, loads = _VirtualClock(), list[GpuLoad]()
    model = SimulatedGpus([spec_of(make) for make in made], lambda: loads, clock)
    twins: dict[GpuUuid, tuple[GpuUuid, SimulatedCard]] = {
        card.uuid: (reading.uuid, make) for card, reading, make in zip(cards, model.read(), made, strict=True)
    }

    def read(now: float, leases: Sequence[Lease]) -> tuple[Gpu, ...]:
        clock.time = now
        loads[:] = [
            GpuLoad(gpu=twins[uuid][0], load=twins[uuid][1].load, memory_mb=0)
            for lease in leases
            for uuid in lease.gpus
        ]
        return tuple(
            replace(card, temperature_c=reading.temperature_c, throttled=reading.throttled)
            for card, reading in zip(cards, model.read(), strict=True)
        )

    return read
