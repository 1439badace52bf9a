"""Where a search in the plan's order looks: the queue, a stretch at a time; only what is found gets its place.

To work out the place of each job costs the event loop more than the store needs to look at it. Must not know what is
looked for, nor who looks.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.core.lifecycle import JobState
from engine.core.model import GroupKey, JobId
from engine.core.ordering import Rank
from engine.core.policy import Policy
from engine.core.stretches import Piece, Stretches
from engine.daemon.books import Books

GATE = "gate"
"""In a cursor: the pending jobs that wait at the gate, behind those in the queue."""
_NOT_YET = "from"
"""In a cursor: the job that is named was not looked at yet."""

Item = tuple[JobId, tuple[Any, ...]]
"""A job, and the parts of the cursor that goes on behind it."""


class Batch(NamedTuple):
    """Jobs to look at together. hits: those that were found, in order. next: where to go on, `None`: nowhere."""

    jobs: Sequence[int]
    hits: Callable[[set[int]], list[Item]]
    next: list[Any] | None


def listed(items: list[Item], following: list[Any] | None) -> Batch:
    """Jobs that are in order already."""
    return Batch([int(job) for job, _ in items], lambda kept: [one for one in items if int(one[0]) in kept], following)


def is_queued(parts: list[Any]) -> bool:
    """Whether a cursor goes on in the queue."""
    return bool(parts[0] == JobState.PENDING.value and parts[1] != GATE)


class PlanSearch:
    """One request's way through the queue. wanted: of which groups jobs may be found."""

    def __init__(self, books: Books, policy: Policy, wanted: Callable[[GroupKey], bool]) -> None:
        self._books = books
        self._policy = policy
        self._wanted = wanted
        self._stretches: Stretches | None = None
        self._seen = 0

    def batch(self, parts: list[Any], most: int) -> Batch:
        """About so many jobs behind a cursor. Raises ValueError, TypeError or OverflowError for a made-up one."""
        now = float(parts[1])
        stretches = self._from(now, parts[2:])
        pieces = stretches.take(most)
        head = stretches.head
        following = [JobState.PENDING.value, now, *head, _NOT_YET] if head else [JobState.PENDING.value, GATE, 0]
        jobs = [int(waiting.job) for piece in pieces for waiting in piece.jobs]
        return Batch(jobs, lambda kept: _ranked(pieces, now, kept), following)

    def _from(self, now: float, parts: list[Any]) -> Stretches:
        """The queue from there on, as of the first page's moment, so that no job is skipped."""
        pending = self._books.pending
        if self._stretches is None or self._seen != pending.changes:
            snapshot = self._books.snapshot(now)
            groups = [group for group in snapshot.pending if self._wanted(group.key)]
            begin = rank_of(parts[:4]) if parts else None
            is_shown = parts[4:] != [_NOT_YET]
            self._stretches = Stretches(groups, snapshot, self._policy, begin, behind=is_shown)
            self._seen = pending.changes
        return self._stretches


def rank_of(parts: list[Any]) -> Rank:
    """The place that a cursor tells. Raises ValueError, TypeError or OverflowError for a made-up one."""
    starved, first, second, job = parts
    return int(starved), float(first), float(second), str(job)


def _ranked(pieces: list[Piece], now: float, kept: set[int]) -> list[Item]:
    if not kept:
        return []
    ranks = sorted(piece.rank(waiting) for piece in pieces for waiting in piece.jobs if int(waiting.job) in kept)
    return [(JobId(rank[3]), (JobState.PENDING.value, now, *rank)) for rank in ranks]
