"""Jobs that wait, wherever they do: in the queue, at the gate, held. Taken away in one step, put back in one step.

Whoever changes a waiting job takes it first, so that nobody else starts, ends or changes it meanwhile; what it waits
for at the gate goes on counting. Must not know why a job is taken, nor how anything is written down.
"""

from dataclasses import dataclass

from engine.core.lifecycle import Cause, JobState
from engine.core.model import GroupKey, JobId, Waiting
from engine.daemon.books import Books
from engine.daemon.gate import Entry
from engine.daemon.gatekeeper import Gatekeeper


@dataclass(slots=True, frozen=True, kw_only=True)
class Taken:
    """A waiting job that somebody has in hand. state: `pending` or `held`. entry: what keeps it at the gate."""

    key: GroupKey
    waiting: Waiting
    state: JobState
    entry: Entry | None

    @property
    def job(self) -> JobId:
        """Its id."""
        return self.waiting.job


class WaitingJobs:
    """Takes waiting jobs and puts them back."""

    def __init__(self, *, books: Books, gatekeeper: Gatekeeper) -> None:
        self._books = books
        self._gatekeeper = gatekeeper

    def take(self, waiting: Waiting) -> Taken | None:
        """The job, out of wherever it waits; `None` if it does not wait. waiting: its place, as far as it is known."""
        entry = self._gatekeeper.leave(waiting.job)
        held = self._books.held.pop(waiting.job, None)
        if held is not None:
            return Taken(key=held[0], waiting=held[1], state=JobState.HELD, entry=entry)
        if entry is not None:
            return Taken(key=entry.key, waiting=entry.waiting, state=JobState.PENDING, entry=entry)
        place = self._books.pending.waiting(waiting.job, waiting.submitted_at)
        key = self._books.pending.remove(place.job, place.submitted_at) if place else None
        return Taken(key=key, waiting=place, state=JobState.PENDING, entry=None) if place and key else None

    def take_aside(self, job: JobId) -> Taken | None:
        """The same for a job that is held or at the gate, where its place is known; `None` if it is not there."""
        held, entry = self._books.held.get(job), self._books.gate.of(job)
        waiting = held[1] if held is not None else entry.waiting if entry is not None else None
        return self.take(waiting) if waiting is not None else None

    def put(self, taken: Taken, state: JobState | None = None) -> None:
        """It waits again as `state`, unless given as before; or it has ended, if a job it waits for ended meanwhile."""
        if (state or taken.state) is JobState.HELD:
            self._books.held[taken.job] = (taken.key, taken.waiting)
        if taken.entry is not None:
            self._gatekeeper.come_back(taken.entry)
        elif taken.job not in self._books.held:
            self._books.pending.add(taken.key, taken.waiting)

    def end(self, taken: Taken, state: JobState) -> None:
        """It has ended as `state`, which is on disk; whoever waits for it hears of that."""
        self._books.ended(state, Cause.CANCELLED)
        self._gatekeeper.over(taken.job, state, taken.entry)
