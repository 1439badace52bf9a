"""A job's cards are all in one machine: how many of a set of cards one machine has, and which machines to look at.

Cards are bits of a number (`bookings.Cards`). Where all cards are in this host, a set is what it is. Pure. Must not
know what is booked, nor on which machine a cluster then runs the job.
"""

from collections.abc import Iterator, Sequence

from engine.core.bookings import Cards, bits
from engine.core.ledger import TypeCap
from engine.core.model import model_matches
from engine.core.snapshot import Gpu


class Machines:
    """gpus: all cards, in their places."""

    def __init__(self, gpus: Sequence[Gpu]) -> None:
        masks: dict[str | None, Cards] = {}
        for at, gpu in enumerate(gpus):
            masks[gpu.node] = masks.get(gpu.node, 0) | 1 << at
        self._gpus = gpus
        self._machine_of = [masks[gpu.node] for gpu in gpus] if len(masks) > 1 else []
        self._types: dict[str, Cards] = {}

    def most(self, cards: Cards, wanted: int) -> int:
        """How many of these cards a job that wants so many could take: several are those of the machine with most."""
        if wanted < 2:
            return cards.bit_count()
        return max((some.bit_count() for some in self._parted(cards)), default=0)

    def has(self, cards: Cards, wanted: int) -> bool:
        """Whether one machine has so many of these cards."""
        if wanted < 2 or cards.bit_count() < wanted:
            return cards.bit_count() >= wanted
        return any(some.bit_count() >= wanted for some in self._parted(cards))

    def enough(self, cards: Cards, wanted: int, caps: Sequence[TypeCap] = ()) -> list[Cards]:
        """These cards machine by machine, of those that have so many within the caps: those with the fewest first."""
        parts = self._parted(cards) if wanted > 1 else [cards]
        capped = [(self._of_type(cap.gpu_type), cap.left) for cap in caps]
        found = [
            some
            for some in parts
            if some.bit_count() >= wanted
            and all((some & ~of).bit_count() + min(left, (some & of).bit_count()) >= wanted for of, left in capped)
        ]
        return sorted(found, key=lambda some: (some.bit_count(), some))

    def _parted(self, cards: Cards) -> Iterator[Cards]:
        """The machines' parts of them. Its cost follows how many machines have some, not how many there are."""
        if not self._machine_of:
            yield cards
            return
        while cards:
            machine = self._machine_of[(cards & -cards).bit_length() - 1]
            yield cards & machine
            cards &= ~machine

    def _of_type(self, gpu_type: str) -> Cards:
        if (known := self._types.get(gpu_type)) is None:
            known = bits(at for at, gpu in enumerate(self._gpus) if model_matches(gpu.model, gpu_type))
            self._types[gpu_type] = known
        return known
