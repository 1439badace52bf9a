"""When a job would start if it were submitted now: a plan of the box with that one job more.

Nothing is changed by asking. Must not know how a request is judged, nor HTTP.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import overload

from engine.core.clusterreasons import of_job
from engine.core.decisions import Hold, Start
from engine.core.explain import explain
from engine.core.forecast import Bounds, cut_short, forecast, frozen
from engine.core.model import GroupKey, JobId, PendingGroup, Waiting
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot
from engine.daemon.books import Books
from engine.daemon.helps import Helps
from engine.daemon.outlook import as_dicts, helps_as_dicts
from engine.daemon.whys import when
from engine.ports import Clock
from engine.protocol.responses import Preview

NOBODY = JobId("~")
"""An id that sorts behind every real one."""


class OneMore(Sequence[Waiting]):
    """A group's queue and one job behind it, without copying the queue."""

    def __init__(self, queue: Sequence[Waiting], last: Waiting) -> None:
        self._queue = queue
        self._last = last

    def __len__(self) -> int:
        return len(self._queue) + 1

    @overload
    def __getitem__(self, at: int) -> Waiting: ...
    @overload
    def __getitem__(self, at: slice) -> list[Waiting]: ...
    def __getitem__(self, at: int | slice) -> Waiting | list[Waiting]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = at if at >= 0 else at + len(self)
        return self._last if place == len(self._queue) else self._queue[place]


class Previews:
    """Asks what would become of a job."""

    def __init__(self, *, books: Books, policy: Policy, bounds: Bounds, helps: Helps, clock: Clock) -> None:
        self._books = books
        self._policy = policy
        self._bounds = bounds
        self._helps = helps
        self._clock = clock

    async def of(self, key: GroupKey) -> Preview:
        """What a pass would say of a job of `key` submitted at this instant, and what is foreseen of it."""
        asked, mine = one_more(self._books.snapshot(self._clock.now()), key)
        if (expected := self._books.run_times.estimate(key)) is not None:
            asked = replace(asked, estimates={**asked.estimates, key: expected.run_s})
        copied = frozen(asked, self._policy)  # the queues are live, and others get the loop in between
        cut = cut_short(asked, copied)
        found = explain(asked, self._policy, plan(asked, self._policy), key, mine)
        foreseen = None
        if isinstance(found.outcome, Hold):
            foreseen = await asyncio.to_thread(forecast, copied, self._policy, self._bounds, cut)
        starts = when(found.outcome, NOBODY, asked, foreseen)
        reasons = () if isinstance(found.outcome, Start) else of_job(found.outcome.reasons, mine.submitted_at)
        helps = await self._helps.fresh(copied, key, mine, starts.expected) if reasons else ()
        return Preview(
            starts_now=isinstance(found.outcome, Start),
            expected_start=starts.expected,
            basis=starts.basis,
            later_than=starts.later_than,
            position=found.position,
            pending=found.pending,
            reasons=as_dicts(reasons),
            helps=helps_as_dicts(helps),
            place=starts.place,
        )


def one_more(snapshot: Snapshot, key: GroupKey) -> tuple[Snapshot, Waiting]:
    """The same world with one more job of `key` at the end of its queue."""
    queue: Sequence[Waiting] = next((group.jobs for group in snapshot.pending if group.key == key), ())
    mine = Waiting(max(snapshot.now, queue[-1].submitted_at if queue else 0.0), NOBODY)  # a batch runs ahead a little
    others = tuple(group for group in snapshot.pending if group.key != key)
    return replace(snapshot, pending=(*others, PendingGroup(key, OneMore(queue, mine)))), mine
