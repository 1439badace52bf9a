"""The host's power budget over time: whether it bears a job on some cards, and by how many watts it is short.

Pure. Must not know which cards a job would rather have.
"""

from collections.abc import Iterator, Mapping, Sequence

from engine.core.bookings import Cards, Steps
from engine.core.ledger import TypeCap
from engine.core.model import GpuUuid, Shape
from engine.core.placement.packing import choose
from engine.core.placement.watts import Watts
from engine.core.reasons import PowerShort
from engine.core.snapshot import Gpu


class Powered:
    """watts: what the cards draw. steps: what is booked, kept by those watts. places: of the cards, by UUID.

    borne: what is known of jobs that might start now; to be cleared when something is booked.
    """

    def __init__(self, watts: Watts, steps: Steps, places: Mapping[GpuUuid, int]) -> None:
        self._watts = watts
        self._steps = steps
        self._places = places
        self.borne: dict[tuple[Cards, int, int | None, bool, int, int], bool] = {}

    def over(self, steps: Steps) -> "Powered":
        """The same over what else is booked."""
        return Powered(self._watts, steps, self._places)

    def bears(self, gpus: Sequence[Gpu], shape: Shape, start: float, end: float) -> bool:
        """Whether the budget bears a job of `shape` on these cards from `start` to `end`."""
        return self._steps.bears(self._bits_of(gpus), shape, start, end)

    def thrifty(
        self, best_first: Sequence[Gpu], shape: Shape, start: float, end: float, caps: Sequence[TypeCap]
    ) -> tuple[Gpu, ...] | None:
        """Of these cards those that draw least, the best of equal ones, if the budget bears them."""
        chosen = self._least(best_first, shape, start, end, caps)
        return chosen if chosen is not None and self.bears(chosen, shape, start, end) else None

    def short(self, best_first: Sequence[Gpu], shape: Shape, start: float, until: float) -> Iterator[PowerShort]:
        """If the budget is short for a job on those of these cards that draw least, from `start` to `until`."""
        chosen = self._least(best_first, shape, start, until, ())
        lack = None if chosen is None else self._steps.lack(self._bits_of(chosen), shape, start, until)
        if lack is not None:
            wanted_w, free_w = lack
            yield PowerShort(wanted_w=wanted_w, free_w=max(0.0, free_w), budget_w=self._watts.budget_w)

    def _least(
        self, best_first: Sequence[Gpu], shape: Shape, start: float, end: float, caps: Sequence[TypeCap]
    ) -> tuple[Gpu, ...] | None:
        """Those that draw least; one that the budget does not even bear alone comes last, however little it draws."""
        used = self._steps.throughout(start, end)

        def cost(gpu: Gpu) -> tuple[bool, float]:
            at = self._places[gpu.uuid]  # a card that somebody else has all the time draws nothing more
            more_w = 0.0 if used >> at & 1 else self._watts.of(at, shape.gpu_power_w)
            return not self._steps.bears(1 << at, shape, start, end), more_w

        return choose(sorted(best_first, key=cost), shape.gpus, caps)

    def _bits_of(self, gpus: Sequence[Gpu]) -> Cards:
        return sum(1 << self._places[gpu.uuid] for gpu in gpus)
