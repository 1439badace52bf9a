"""What is booked on the cards and on the host from now on, and how much of it overlaps a stretch of time.

Cards are bits of a number, in their order by index: a whole box is asked at once. Pure. Must not know requests,
obstacles or people's slots.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from itertools import accumulate
from operator import or_

from engine.core.model import JobId, Shape
from engine.core.placement.watts import ROUNDING_W, Watts
from engine.core.snapshot import Gpu

Cards = int
"""A set of cards: the bit `1 << place` of each, by their place in the order of index."""


@dataclass(slots=True, frozen=True, eq=False, kw_only=True)
class Booking:
    """Something is taken from `start` to `end`. memory_mb is of each card for a sharer, else the card is taken whole.

    promised: a reservation, not a lease.
    """

    job: JobId
    shape: Shape
    start: float
    end: float
    cards: Cards
    promised: bool


@dataclass(slots=True, eq=False)
class Card:
    """A card with what is booked on it. open_mb, over: the card's own, at hand for who asks thousands of times."""

    gpu: Gpu
    bookings: list[Booking] = field(default_factory=list)
    open_mb: int = field(init=False)
    over: dict[JobId, int] = field(init=False)

    def __post_init__(self) -> None:
        self.open_mb, self.over = self.gpu.open_mb, dict(self.gpu.over)

    def copied(self) -> "Card":
        """The same card, for more to be booked on it."""
        other = copy(self)
        other.bookings = list(self.bookings)
        return other

    def free_mb(self, start: float, end: float) -> int:
        """MiB that nobody has between `start` and `end`: 0 while a whole-card booking overlaps.

        A sharer's lease takes what it asked for, or what it was measured to have where that is more, until it ends.
        What others use is taken at any time: nobody knows when they leave.
        """
        left, over = self.open_mb, self.over
        for booking in self.bookings:
            if booking.start < end and booking.end > start:
                if not booking.shape.share:
                    return 0
                left -= booking.shape.gpu_memory_mb
                if over and not booking.promised:
                    left -= over.get(booking.job, 0)
        return max(0, left)

    def booked_free_mb(self, start: float, end: float) -> int:
        """The same by the books alone: as if everybody had just what was asked for, and others nothing."""
        here = [booking.shape for booking in self.bookings if booking.start < end and booking.end > start]
        if not all(shape.share for shape in here):
            return 0
        return max(0, self.gpu.memory_mb - sum(shape.gpu_memory_mb for shape in here))

    def takes(self, shape: Shape, start: float, end: float) -> bool:
        """Whether `shape` could have this card from `start` to `end`, as far as bookings go."""
        if shape.share:
            return self.free_mb(start, end) >= max(1, shape.gpu_memory_mb)
        return not any(booking.start < end and booking.end > start for booking in self.bookings)


class Steps:
    """What is taken at each moment from `now` on, as steps: between two of `times` nothing changes.

    watts: what cards draw, where the host's power has a bound.
    """

    def __init__(self, now: float, watts: Watts | None = None) -> None:
        self.times = [now]
        self._watts = watts
        self._drawn = [0.0]
        self._cores = [0]
        self._memory_mb = [0]
        self._cards: list[Cards] = [0]
        self._whole: list[Cards] = [0]
        self._from_now: tuple[list[int], list[int], list[Cards], list[Cards]] | None = None

    def copied(self) -> "Steps":
        """The same steps, for more to be booked."""
        other = copy(self)
        other.times, other._drawn = list(self.times), list(self._drawn)
        other._cores, other._memory_mb = list(self._cores), list(self._memory_mb)
        other._cards, other._whole = list(self._cards), list(self._whole)
        return other

    def add(self, booking: Booking) -> None:
        """Enter a booking that ends after now."""
        first, behind = self._cut(max(booking.start, self.times[0])), self._cut(booking.end)
        shape, cards = booking.shape, booking.cards
        for at in range(first, behind):
            self._cores[at] += shape.cpu_cores
            self._memory_mb[at] += shape.memory_mb
            if self._watts is not None:  # a card counts once, however many share it
                self._drawn[at] += self._watts.drawn(cards & ~self._cards[at], shape)
            self._cards[at] |= cards
            if not shape.share:
                self._whole[at] |= cards
        self._from_now = None

    def until(self, end: float) -> int:
        """How many steps begin before `end`: whatever ends in one step overlaps the same bookings from now on."""
        return max(1, bisect_left(self.times, end))

    @property
    def host_now(self) -> tuple[int, int]:
        """Cores and MiB of host memory that are taken now."""
        return self._cores[0], self._memory_mb[0]

    def host(self, start: float, end: float) -> tuple[int, int]:
        """The most cores and the most MiB of host memory that are taken at any moment between the two."""
        first, behind = self._span(start, end)
        if first == 0:
            cores, memory_mb, _, _ = self._since_now()
            return cores[behind - 1], memory_mb[behind - 1]
        return max(self._cores[first:behind]), max(self._memory_mb[first:behind])

    def cards(self, start: float, end: float) -> Cards:
        """Cards on which anything is booked between the two."""
        first, behind = self._span(start, end)
        if first == 0:
            return self._since_now()[2][behind - 1]
        return union(self._cards[first:behind])

    def whole(self, start: float, end: float) -> Cards:
        """Cards that somebody has whole at some moment between the two."""
        first, behind = self._span(start, end)
        if first == 0:
            return self._since_now()[3][behind - 1]
        return union(self._whole[first:behind])

    def bears(self, cards: Cards, shape: Shape, start: float, end: float) -> bool:
        """Whether the power budget bears a job of `shape` on these cards from `start` to `end`."""
        return self.lack(cards, shape, start, end) is None

    def lack(self, cards: Cards, shape: Shape, start: float, end: float) -> tuple[float, float] | None:
        """Where it does not: the watts that the job's cards draw more at the first such moment, and what is left."""
        if self._watts is None or not cards:
            return None
        first, behind = self._span(start, end)
        for at in range(first, behind):
            more_w, free_w = self._watts.drawn(cards & ~self._cards[at], shape), self._watts.spare_w - self._drawn[at]
            if more_w and more_w > free_w + ROUNDING_W:
                return more_w, free_w
        return None

    def throughout(self, start: float, end: float) -> Cards:
        """Cards on which something is booked at every moment between the two."""
        first, behind = self._span(start, end)
        found = self._cards[first]
        for cards in self._cards[first + 1 : behind]:
            found &= cards
        return found

    def _span(self, start: float, end: float) -> tuple[int, int]:
        first = bisect_right(self.times, start) - 1
        return first, max(first + 1, bisect_left(self.times, end))

    def _since_now(self) -> tuple[list[int], list[int], list[Cards], list[Cards]]:
        if self._from_now is None:
            self._from_now = (
                list(accumulate(self._cores, max)),
                list(accumulate(self._memory_mb, max)),
                list(accumulate(self._cards, or_)),
                list(accumulate(self._whole, or_)),
            )
        return self._from_now

    def _cut(self, moment: float) -> int:
        """The step that begins at `moment`, made if need be."""
        at = bisect_left(self.times, moment)
        if at == len(self.times) or self.times[at] != moment:
            self.times.insert(at, moment)
            for steps in (self._cores, self._memory_mb, self._cards, self._whole):
                steps.insert(at, steps[at - 1])
            self._drawn.insert(at, self._drawn[at - 1])
        return at


def union(sets: Iterable[Cards]) -> Cards:
    """All cards of these sets."""
    found = 0
    for cards in sets:
        found |= cards
    return found


def bits(of: Iterable[int]) -> Cards:
    """The cards of these places."""
    found = 0
    for at in of:
        found |= 1 << at
    return found


def places(cards: Cards) -> Iterator[int]:
    """The places of these cards in order. Its cost follows how many they are, not how many cards there are."""
    while cards:
        lowest = cards & -cards
        yield lowest.bit_length() - 1
        cards ^= lowest
