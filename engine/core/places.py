"""The queue in the plan's order, from any place on: what listings and positions are read from.

Cost follows the number of groups and of the jobs taken, not the length of the queue. Pure. Must not know who looks.
"""

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from engine.core.ledger import Ledger
from engine.core.model import GroupKey, JobId, PendingGroup, Waiting
from engine.core.ordering import Rank, ranks_in
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot

COUNTED = 1000
"""Lists give positions up to here."""


class Place(NamedTuple):
    """One pending job in the order; rank says where to go on after it."""

    waiting: Waiting
    key: GroupKey
    rank: Rank


def one_by_one(group: PendingGroup, at: int) -> int:
    """The place behind this one."""
    return at + 1


def places(
    groups: Sequence[PendingGroup],
    snapshot: Snapshot,
    policy: Policy,
    after: Rank | None = None,
    behind: Callable[[PendingGroup, int], int] = one_by_one,
) -> Iterator[Place]:
    """Jobs of these groups in order, those behind `after`; stop using it once the queue changes.

    behind: which place of a group comes next, for who leaves some out.
    """
    ledger = Ledger(snapshot, policy)
    ranks = [ranks_in(group, snapshot.now, ledger, policy) for group in groups]

    def entry(number: int, at: int) -> tuple[Rank, int, int]:
        return ranks[number](groups[number].jobs[at]), at, number

    def first(number: int) -> int:
        return 0 if after is None else bisect_right(groups[number].jobs, after, key=ranks[number])

    queue = [entry(n, at) for n, group in enumerate(groups) if (at := first(n)) < len(group.jobs)]
    heapq.heapify(queue)
    while queue:
        rank, at, number = queue[0]
        group = groups[number]
        yield Place(group.jobs[at], group.key, rank)
        if (following := behind(group, at)) < len(group.jobs):
            heapq.heapreplace(queue, entry(number, following))
        else:
            heapq.heappop(queue)


def positions(snapshot: Snapshot, policy: Policy, jobs: Iterable[JobId]) -> dict[JobId, int]:
    """Position of each of these jobs that is among the first `COUNTED` pending ones, 1 is next."""
    wanted, found = set(jobs), dict[JobId, int]()
    if wanted:
        for number, place in enumerate(islice(places(snapshot.pending, snapshot, policy), COUNTED), 1):
            if place.waiting.job in wanted:
                found[place.waiting.job] = number
                if len(found) == len(wanted):
                    break
    return found
