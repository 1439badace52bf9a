"""The queue in the plan's order, a stretch at a time: for who looks for few jobs among many.

A stretch is all that waits between two places. Its jobs are not sorted: that is worth its cost for what is found alone.
Pure. Must not know what is looked for.
"""

import heapq
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.core.ledger import Ledger
from engine.core.model import PendingGroup, Waiting
from engine.core.ordering import Rank, ranks_in
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot

_AT_ONCE = 16
"""Of so many groups a stretch may take all that it wants."""


class Piece(NamedTuple):
    """Jobs of one group, which follow each other there. rank: of each of them."""

    jobs: Sequence[Waiting]
    rank: Callable[[Waiting], Rank]


class Stretches:
    """The jobs of these groups from `begin` on, itself included; stop using it once the queue changes."""

    def __init__(
        self, groups: Sequence[PendingGroup], snapshot: Snapshot, policy: Policy, begin: Rank | None, *, behind: bool
    ) -> None:
        """behind: `begin` was shown: the first is the one behind it."""
        ledger = Ledger(snapshot, policy)
        self._jobs = [group.jobs for group in groups]
        self._ranks = [ranks_in(group, snapshot.now, ledger, policy) for group in groups]
        firsts = [self._first(number, begin) for number in range(len(groups))]
        self._heads: list[tuple[Rank, int, int]] = []
        for number, at in enumerate(firsts):
            is_shown = behind and at < len(self._jobs[number]) and self._rank(number, at) == begin
            self._wait(number, at + is_shown)

    @property
    def head(self) -> Rank | None:
        """The rank of the first job that was not taken; `None`: there is none."""
        return self._heads[0][0] if self._heads else None

    def take(self, most: int) -> list[Piece]:
        """The next stretch, about so many jobs or fewer; at least one, if there is one."""
        each = max(1, most // max(1, min(len(self._heads), _AT_ONCE)))
        end: Rank | None = None
        some: list[tuple[int, int]] = []
        while self._heads and len(some) * each < most and (end is None or self._heads[0][0] < end):
            _, at, number = heapq.heappop(self._heads)
            some.append((number, at))
            if at + each < len(self._jobs[number]):
                far = self._rank(number, at + each)
                end = far if end is None else min(end, far)
        if self._heads and (end is None or self._heads[0][0] < end):
            end = self._heads[0][0]
        return [self._cut(number, at, each, end) for number, at in some]

    def _cut(self, number: int, at: int, each: int, end: Rank | None) -> Piece:
        jobs, rank = self._jobs[number], self._ranks[number]
        stop = min(at + each, len(jobs))
        if end is not None:
            stop = bisect_left(jobs, end, at, stop, key=rank)
        self._wait(number, stop)
        return Piece(jobs[at:stop], rank)

    def _wait(self, number: int, at: int) -> None:
        if at < len(self._jobs[number]):
            heapq.heappush(self._heads, (self._rank(number, at), at, number))

    def _rank(self, number: int, at: int) -> Rank:
        return self._ranks[number](self._jobs[number][at])

    def _first(self, number: int, begin: Rank | None) -> int:
        return 0 if begin is None else bisect_left(self._jobs[number], begin, key=self._ranks[number])
