"""Which ids belong to which job array, in memory: what that is never changes, so it is read from the store once.

Must not know states, nor how a row looks.
"""

from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter

from engine.core.model import PendingGroup, Waiting
from engine.store.listing import Listings

_ID = itemgetter(Waiting._fields.index("job"))
_TOGETHER = 4096
_MOST = 200_000
"""Elements that are passed over in one step: it takes some 30 ms."""


class ArrayMap:
    """First and last id of every array."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    async def refresh(self) -> None:
        """Learn of arrays that came since."""
        for first, size in await self._listings.arrays(self._firsts[-1] if self._firsts else 0):
            if not self._firsts or first > self._firsts[-1]:  # somebody else may have learnt of it meanwhile
                self._firsts.append(first)
                self._lasts.append(first + size - 1)

    def last(self, job: int) -> int | None:
        """The id of the last element of the array that the job is of, if it is of one."""
        at = bisect_right(self._firsts, job) - 1
        return self._lasts[at] if at >= 0 and job <= self._lasts[at] else None

    def first_of_each(self, jobs: Iterable[int]) -> list[int]:
        """Of the elements of one array the lowest id alone; ascending."""
        kept: list[int] = []
        beyond = 0
        for job in sorted(jobs):
            if job > beyond:
                kept.append(job)
                beyond = self.last(job) or job
        return kept

    def behind(self, group: PendingGroup, at: int) -> int:
        """The next place in a pending group that does not hold a later element of the array at this place.

        After `_MOST` elements it is the next one of them, so that a walk comes up for air.
        """
        job = int(group.jobs[at].job)
        last = self.last(job)
        at += 1
        if last is None:
            return at
        end = min(len(group.jobs), at + _MOST)
        while at < end:
            ids = list(map(int, map(_ID, group.jobs[at : min(end, at + _TOGETHER)])))
            if min(ids) <= job or max(ids) > last:
                return at + next(place for place, number in enumerate(ids) if not job < number <= last)
            at += len(ids)
        return at
