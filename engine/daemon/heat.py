"""How warm the cards of a simulation get: the simulated cards' own thermal model on virtual time.

A card under any lease has the load that the settings give to a job that does not tell its own. Must not know what is
scheduled.
"""

from collections.abc import Container, Sequence

from config.settings import Settings
from config.settings import SimulatedCard as Make
from engine.core.model import GpuUuid
from engine.core.policy import Thermal
from engine.core.snapshot import Gpu, Lease
from engine.core.trace import Warm
from engine.core.warmth import Warmth
from engine.daemon.provider import spec_of
from engine.gpu.simulated import SimulatedCard, pass_time
from engine.gpu.thermal import inlet_c, steady_c


class HeatError(ValueError):
    """The cards would never cool down, or never work; the message says what to change."""


def warmth_of(settings: Settings, cards: Sequence[Gpu], thermal: Thermal) -> Warmth:
    """The heat of these cards in one stack, made as `[[gpu.simulated]]` says, over and over, or of the default make.

    thermal: how hot ones are capped. Raises HeatError for cards that even at rest stay too hot, or that their lower
    limit would stop.
    """
    makes = [card for card in settings.gpu.simulated for _ in range(card.count)] or [Make()]
    made = [makes[at % len(makes)] for at in range(len(cards))]
    idle_w = [make.idle_w for make in made]
    for at, make in enumerate(made):
        at_rest_c = steady_c(inlet_c(make.ambient_c, make.coupling, idle_w, at), make.kelvin_per_watt, make.idle_w)
        if at_rest_c >= settings.thermal.resume_c:
            raise HeatError(
                f"gpu.simulated: a {make.model} at rest has {at_rest_c:.0f} °C and never comes below thermal.resume_c, "
                f"{settings.thermal.resume_c:.0f}. Lower its ambient_c or idle_w, or raise resume_c"
            )
        if thermal.power_cap and thermal.power_cap_share * make.limit_w <= make.idle_w:
            raise HeatError(
                f"thermal.power_cap_share: {thermal.power_cap_share:g} of the {make.limit_w:.0f} W of a {make.model} "
                f"is no more than it takes at rest, {make.idle_w:.0f} W. Raise the share, or lower its idle_w"
            )
    stack = _Stack(cards, made, thermal.power_cap_share)
    return Warmth(cards, stack.read, thermal, settings.thermal.threshold_c)


class _Stack:
    """The cards of the box, each with its simulated twin. cap_share: of its own limit, the lower one of a hot card."""

    def __init__(self, cards: Sequence[Gpu], made: Sequence[Make], cap_share: float) -> None:
        self._cards = tuple(cards)
        self._twins = tuple(SimulatedCard(at, spec_of(make)) for at, make in enumerate(made))
        self._load = {card.uuid: make.load for card, make in zip(cards, made, strict=True)}
        self._cap_share = cap_share

    def read(self, now: float, leases: Sequence[Lease], capped: Container[GpuUuid]) -> tuple[Warm, ...]:
        """The `Heat` of this stack."""
        working = {uuid for lease in leases for uuid in lease.gpus}
        pass_time(self._twins, now)
        return tuple(
            self._warm(card, twin, working=card.uuid in working, capped=card.uuid in capped)
            for card, twin in zip(self._cards, self._twins, strict=True)
        )

    def _warm(self, card: Gpu, twin: SimulatedCard, *, working: bool, capped: bool) -> Warm:
        twin.limit = twin.spec.limit_w * (self._cap_share if capped else 1.0)
        twin.take_up(self._load[card.uuid] if working else 0.0)
        return Warm(temperature_c=twin.temperature_c, throttled=twin.throttled, power_w=twin.power, speed=twin.speed)
