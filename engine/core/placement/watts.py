"""What cards draw, and whether the host's power budget bears it.

A card in use counts with its own power limit, or with its job's cap where that is lower; one that strangers keep to
themselves with its own limit, too; any other with `idle_w`; one that does not tell its limit not at all. A MIG instance
draws its part of its card. Pure. Must not know when a card is in use.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence

from engine.core.model import GpuUuid, Shape
from engine.core.policy import Power
from engine.core.snapshot import Gpu

ROUNDING_W = 1e-6
"""Sums of watts in another order differ by less."""


class Watts:
    """Of these cards, in this order. strangers_on: those that others keep to themselves.

    spare_w: what the budget leaves when all the others are idle; below 0 if even that is too much.
    """

    def __init__(
        self, gpus: Sequence[Gpu], budget_w: float, idle_w: float, strangers_on: Container[GpuUuid] = ()
    ) -> None:
        siblings = Counter(gpu.parent for gpu in gpus)
        idle = [idle_w / siblings[gpu.parent] if gpu.parent is not None else idle_w for gpu in gpus]
        idle = [
            0.0 if gpu.power_w is None else max(at_rest, gpu.power_w) if gpu.uuid in strangers_on else at_rest
            for gpu, at_rest in zip(gpus, idle, strict=True)
        ]
        self.budget_w = budget_w
        self.spare_w = budget_w - sum(idle)
        self._cards = [(gpu.power_w or 0.0, at_rest) for gpu, at_rest in zip(gpus, idle, strict=True)]
        self._sums: dict[tuple[int, int | None], float] = {}

    def of(self, at: int, cap_w: int | None) -> float:
        """Watts that the card of this place draws at most beyond what it draws idle, held to `cap_w`."""
        most, idle = self._cards[at]
        return max(0.0, (most if cap_w is None else min(most, cap_w)) - idle)

    def drawn(self, cards: int, shape: Shape) -> float:
        """The same of a set of cards (a bit for each place) that a job of `shape` has."""
        about = (cards, shape.gpu_power_w)
        if (known := self._sums.get(about)) is None:
            places = (at for at in range(len(self._cards)) if cards >> at & 1)
            known = self._sums[about] = sum(self.of(at, shape.gpu_power_w) for at in places)
        return known

    def least(self, cards: int, count: int, cap_w: int | None) -> int:
        """Of these cards the `count` that draw least, held to `cap_w`; all, if they are fewer."""
        places = (at for at in range(len(self._cards)) if cards >> at & 1)
        return sum(1 << at for at in sorted(places, key=lambda at: self.of(at, cap_w))[:count])


def watts_of(gpus: Sequence[Gpu], power: Power, strangers_on: Container[GpuUuid] = ()) -> Watts | None:
    """What counts against the host's budget; `None` without one."""
    return None if power.budget_w is None else Watts(gpus, power.budget_w, power.idle_w, strangers_on)


def alone_w(gpus: Iterable[Gpu], candidates: Iterable[GpuUuid], shape: Shape, power: Power) -> float:
    """What all cards draw when a job of `shape` alone runs, on those `candidates` that draw least."""
    cards = tuple(gpus)
    watts = Watts(cards, 0.0, power.idle_w)
    able = set(candidates)
    open_to = sum(1 << at for at, gpu in enumerate(cards) if gpu.uuid in able)
    return watts.drawn(watts.least(open_to, shape.gpus, shape.gpu_power_w), shape) - watts.spare_w
