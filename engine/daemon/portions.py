"""Which part of a card is whose, of those who have it at one reading: what it draws, and its memory.

Pure. Must not know what is done with it.
"""

from collections.abc import Iterable, Iterator, Mapping

from engine.core.model import JobId
from engine.daemon.books import Live
from engine.daemon.cards import Card


def parts(holders: Iterable[Live], memory: Mapping[JobId, int]) -> Iterator[tuple[Live, float]]:
    """Each with its part of what the card drew; together 1. By measured memory where that is known of all, else equal.

    memory: MiB measured of each job on the card.
    """
    sharers = list(holders)
    sizes = [memory.get(live.job, 0) for live in sharers]
    known = all(sizes)
    for live, size in zip(sharers, sizes, strict=True):
        yield live, size / sum(sizes) if known else 1 / len(sharers)


def own_memory_mb(card: Card, live: Live, *, alone: bool) -> int | None:
    """MiB that its processes have there, else, of a card of its own, what is not others'."""
    size = card.use.jobs.get(live.job)
    return card.use.held_mb or None if size is None and alone else size
