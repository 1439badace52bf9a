"""When a job would start if it were submitted now: a plan of the box with that one job more.

Nothing is changed by asking. Must not know how a request is judged, nor HTTP.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import overload

from engine.core.decisions import Reserve, Start
from engine.core.explain import explain
from engine.core.model import GroupKey, JobId, PendingGroup, Waiting
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot
from engine.daemon.outlook import as_dicts
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


def preview(snapshot: Snapshot, policy: Policy, key: GroupKey) -> Preview:
    """What a pass would say of a job of `key` submitted at this instant."""
    queue: Sequence[Waiting] = next((group.jobs for group in snapshot.pending if group.key == key), ())
    mine = Waiting(max(snapshot.now, queue[-1].submitted_at if queue else 0.0), NOBODY)  # a batch runs ahead a little
    others = tuple(group for group in snapshot.pending if group.key != key)
    asked = replace(snapshot, pending=(*others, PendingGroup(key, OneMore(queue, mine))))
    found = explain(asked, policy, plan(asked, policy), key, mine)
    starts = isinstance(found.outcome, Start)
    reserved = found.outcome if isinstance(found.outcome, Reserve) else None
    return Preview(
        starts_now=starts,
        expected_start=snapshot.now if starts else reserved.start_at if reserved else None,
        position=found.position,
        pending=found.pending,
        reasons=[] if isinstance(found.outcome, Start) else as_dicts(found.outcome.reasons),
    )
