"""What a heap of events comes to, by what the account chose: jobs that really ended, arrays once, at their end.

Reads the jobs as they are now, so that a failed attempt that is tried again is no failure. Must not know when or how
anything is told.
"""

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

from engine.core.lifecycle import TERMINAL, JobState
from engine.daemon.notify.heaps import Heap
from engine.protocol.notifications import EVENTS, MOST_LISTED, Notification, ToldArray, ToldJob
from engine.store.arrays import Arrays
from engine.store.jobs import Jobs
from engine.store.notifications import Choice, Notifications
from engine.store.rows import StoredJob

EVENT_OF = {
    JobState.COMPLETED: "end",
    JobState.CANCELLED: "end",
    JobState.FAILED: "failed",
    JobState.PREEMPTED: "preempted",
}
Told = tuple[str, ToldJob | ToldArray]
"""Under which event it counts, and what is told."""


class Digest:
    """Makes notifications out of heaps."""

    def __init__(self, *, jobs: Jobs, arrays: Arrays, standings: Notifications) -> None:
        self._jobs = jobs
        self._arrays = arrays
        self._standings = standings

    async def of(self, heap: Heap, choice: Choice, blank: Notification) -> Notification:
        """`blank` with all of it that the account wants to be told. Raises StoreError."""
        rows = await self._jobs.jobs(list(heap.jobs))
        singles = [told for row in rows if (told := _single(row, heap.jobs[row.id], choice)) is not None]
        parents = dict.fromkeys(row.array_parent for row in rows if row.array_parent is not None)
        named = {row.array_parent: row.name for row in rows}
        arrays = [told for parent in parents if (told := await self._array(parent, named[parent], choice)) is not None]
        counts = dict.fromkeys(EVENTS, 0)
        for event, _ in [*singles, *arrays]:
            counts[event] += 1
        for state, number in heap.more.items():
            if EVENT_OF[state] in choice.on:
                counts[EVENT_OF[state]] += number
        warnings = heap.warnings if "warning" in choice.on else []
        counts["warning"] = len(warnings) + (heap.more_warnings if warnings else 0)
        return replace(
            blank,
            counts={event: number for event, number in counts.items() if number},
            jobs=[told for _, told in _worst_first(singles) if isinstance(told, ToldJob)][:MOST_LISTED],
            arrays=[told for _, told in _worst_first(arrays) if isinstance(told, ToldArray)][:MOST_LISTED],
            warnings=warnings[:MOST_LISTED],
        )

    async def _array(self, parent: int, name: str | None, choice: Choice) -> Told | None:
        """An array is told of once none of its elements waits or runs."""
        array = await self._arrays.array(parent)
        if array is None:
            return None
        standing = await self._standings.array(parent, array.size)
        states = standing.states
        if any(state not in TERMINAL or state is JobState.PREEMPTED for state in states):
            return None
        event = "failed" if states.get(JobState.FAILED) else "end"
        began, ended = standing.started_at, standing.ended_at
        took = 0.0 if began is None or ended is None else ended - began
        if event not in choice.on or took < choice.min_run_s:
            return None
        told = ToldArray(
            id=parent,
            name=name,
            elements=array.size,
            completed=states.get(JobState.COMPLETED, 0),
            failed=states.get(JobState.FAILED, 0),
            cancelled=states.get(JobState.CANCELLED, 0),
        )
        return event, told


def _single(row: StoredJob, heard: JobState, choice: Choice) -> Told | None:
    """`None` for what is not wanted, for an element's end, and for an attempt that failed and is tried again."""
    was_preempted = heard is JobState.PREEMPTED and (row.state not in TERMINAL or row.state is JobState.PREEMPTED)
    if not was_preempted and (row.state not in TERMINAL or row.array_parent is not None):
        return None
    state = JobState.PREEMPTED if was_preempted else row.state
    took = None if row.started_at is None or row.ended_at is None else row.ended_at - row.started_at
    event = EVENT_OF[state]
    if event not in choice.on or (not was_preempted and (took or 0.0) < choice.min_run_s):
        return None
    told = ToldJob(
        id=row.id,
        name=row.name,
        state=state.value,
        cause=None if was_preempted or row.cause is None else row.cause.value,
        exit_code=None if was_preempted else row.exit_code,
        signal=None if was_preempted else row.signal,
        run_s=None if was_preempted else took,
    )
    return event, told


def _worst_first(told: Sequence[Told]) -> list[Told]:
    """Failures are what somebody has to look at: they are listed where not all can be."""
    order = {event: place for place, event in enumerate(("failed", "preempted", "end"))}
    return sorted(told, key=lambda one: (order[one[0]], attrgetter("id")(one[1])))
