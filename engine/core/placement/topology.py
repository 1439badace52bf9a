"""Which of equally good sets of cards is linked best: a gang runs at the pace of its slowest link.

Pure. This module must not know why a card is usable, nor how warm it is.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import NamedTuple

SYSTEM, NODE, HOST_BRIDGE, SWITCHES, SWITCH, BOARD = 0, 10, 20, 30, 40, 50
"""How close two cards are on PCIe: only across NUMA nodes, on one node, behind one host bridge, several switches, one
switch, on one board. The steps of `nvidia-smi topo` (SYS, NODE, PHB, PXB, PIX), as numbers that grow with closeness."""
NVLINK = 100
"""Two cards with NVLinks between them: this plus their number."""

MOST_SETS = 100
"""So many sets are compared one by one; where there are more, sets are grown card by card."""


class Spot(NamedTuple):
    """A card by its place in the host's order by index, and how closely it is linked to each place."""

    place: int
    links: tuple[int, ...]

    def link(self, place: int) -> int:
        """How closely it is linked to the card at `place`."""
        return self.links[place] if place < len(self.links) else SYSTEM


class Linked(NamedTuple):
    """How well a set is linked; more is better: its weakest pair first, as collectives wait for it, then all pairs."""

    weakest: int
    total: int


def linked(spots: Sequence[Spot]) -> Linked:
    """How well these cards are linked."""
    pairs = [one.link(other.place) for one, other in combinations(spots, 2)]
    return Linked(min(pairs, default=0), sum(pairs))


def torn(chosen: Sequence[Spot], rest: Sequence[Spot]) -> int:
    """NVLinks between a set and the cards that stay free: what taking the set would tear apart."""
    numbers = (one.link(other.place) for one in chosen for other in rest)
    return sum(number for number in numbers if number >= NVLINK)


@lru_cache(maxsize=4096)
def best_linked(fixed: tuple[Spot, ...], open_to: tuple[Spot, ...], more: int) -> tuple[Spot, ...]:
    """All of `fixed` and `more` of `open_to`, which come best first.

    Best linked among each other; of such sets the one that tears the fewest NVLinks of what stays free; then the one
    whose last card comes first, then whose last but one.
    """
    order = {spot: at for at, spot in enumerate(open_to)}

    def value(added: tuple[Spot, ...]) -> tuple[Linked, int, list[int]]:
        chosen = (*fixed, *added)
        kept = -torn(chosen, [spot for spot in open_to if spot not in added])
        return linked(chosen), kept, sorted(-order[spot] for spot in added)

    return (*fixed, *max(_sets(fixed, open_to, more), key=value))


def _sets(fixed: tuple[Spot, ...], open_to: tuple[Spot, ...], more: int) -> Iterator[tuple[Spot, ...]]:
    """Every set of `more` cards where they can be counted; else one grown from each card. Earlier cards first."""
    if comb(len(open_to), more) <= MOST_SETS:
        yield from combinations(open_to, more)
        return
    for first in open_to:
        grown = [first]
        while len(grown) < more:
            rest = [spot for spot in open_to if spot not in grown]
            grown.append(max(rest, key=lambda spot: linked((*fixed, *grown, spot))))
        yield tuple(grown)
