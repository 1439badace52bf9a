"""The host's power budget over time: whether it bears a job on some cards, and by how many watts it is short.

Pure. Must not know which cards a job would rather have.
"""

from collections.abc import Iterator, Mapping, Sequence

from engine.core.bookings import Cards, Steps
from engine.core.ledger import TypeCap
from engine.core.model import GpuUuid, Shape
from engine.core.placement.packing import choose
from engine.core.placement.watts import ROUNDING_W, Watts
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

    def bears(self, gpus: Sequence[Gpu], shape: Shape, start: float, end: float) -> bool:
        """Whether the budget bears a job of `shape` on these cards from `start` to `end`."""
        return self._steps.bears(sum(1 << self._places[gpu.uuid] for gpu in gpus), shape, start, end)

    def thrifty(
        self, best_first: Sequence[Gpu], shape: Shape, start: float, end: float, caps: Sequence[TypeCap]
    ) -> tuple[Gpu, ...] | None:
        """Of these cards those that draw least, the best of equal ones, if the budget bears them."""
        used = self._steps.throughout(start, end)

        def more_w(gpu: Gpu) -> float:
            at = self._places[gpu.uuid]  # a card that somebody else has all the time draws nothing more
            return 0.0 if used >> at & 1 else self._watts.of(at, shape.gpu_power_w)

        chosen = choose(sorted(best_first, key=more_w), shape.gpus, caps)
        return chosen if chosen is not None and self.bears(chosen, shape, start, end) else None

    def short(self, shape: Shape, open_to: Cards, start: float, until: float) -> Iterator[PowerShort]:
        """If the budget is short for a job on cards of `open_to`, at some moment from `start` to `until`."""
        taken = self._steps.cards(start, start)
        fresh = max(0, shape.gpus - (open_to & taken).bit_count())
        wanted_w = self._watts.drawn(self._watts.least(open_to & ~taken, fresh, shape.gpu_power_w), shape)
        free_w = self._watts.spare_w - self._steps.peak(start, until)
        if wanted_w > free_w + ROUNDING_W:
            yield PowerShort(wanted_w=wanted_w, free_w=max(0.0, free_w), budget_w=self._watts.budget_w)
