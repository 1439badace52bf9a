"""The gate: accepted jobs that may not be planned yet, who of them waits for whose end, and until when.

Owned by the event loop; every call is one synchronous step. Says who may go and who never can, each exactly once, and
leaves the acting to others. Must not know the store, the clock, people or what a job runs.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from sortedcontainers import SortedDict

from engine.core.lifecycle import JobState
from engine.core.model import GroupKey, JobId, Waiting
from engine.core.reasons import Dependency, NotBefore

Place = tuple[GroupKey, Waiting]
"""A job's pending group and its place in there, for when it passes."""
GOOD_END = JobState.COMPLETED
FINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})
"""The ends that dependents hear of. A preempted job comes back: it has not ended."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Doom:
    """A condition that can never hold any more: `job` was to end `when`, and ended as `state`."""

    job: JobId
    when: str
    state: JobState


@dataclass(slots=True, eq=False, kw_only=True)
class Entry:
    """One job at the gate, or on its way to it or away from it.

    after: the conditions that do not hold yet, job to `ok`, `failed` or `any`. begin_at: Unix seconds, `None` once that
    has come. cron: the line of a recurring job: it never passes, copies of it are submitted at each `begin_at`.
    place: unset until it has an id. doom: set once it can never pass. gone: the gate has forgotten it.
    """

    after: dict[JobId, str] = field(default_factory=dict)
    begin_at: float | None = None
    cron: str | None = None
    place: Place | None = None
    doom: Doom | None = None
    gone: bool = False

    @property
    def key(self) -> GroupKey:
        """Its pending group. It must have been let in once."""
        assert self.place is not None  # noqa: S101 - the gate hands out no others
        return self.place[0]

    @property
    def waiting(self) -> Waiting:
        """Its place in that group. It must have been let in once."""
        assert self.place is not None  # noqa: S101 - likewise
        return self.place[1]

    @property
    def job(self) -> JobId:
        """Its id. It must have been let in once."""
        return self.waiting.job

    @property
    def is_open(self) -> bool:
        """Whether nothing keeps it any more."""
        return not self.after and self.begin_at is None and self.doom is None and self.cron is None


@dataclass(slots=True)
class Verdict:
    """What follows from one step: who passes, who never will, and whose turn has come again."""

    passed: list[Entry] = field(default_factory=list)
    doomed: list[Entry] = field(default_factory=list)
    recurring: list[Entry] = field(default_factory=list)


class Gate:
    """Who waits, by job; for whom, by the job waited for; until when, by time. changed: told of who comes or goes."""

    def __init__(self) -> None:
        self._entries: SortedDict[int, Entry] = SortedDict()
        self._dependents: dict[JobId, dict[Entry, None]] = {}
        self._times: list[tuple[float, int, Entry]] = []
        self._turns = count()
        self.changed: Callable[[JobId, GroupKey], None] = lambda job, key: None

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, job: JobId) -> bool:
        return int(job) in self._entries

    def of(self, job: JobId) -> Entry | None:
        """The entry of a job that waits here."""
        found: Entry | None = self._entries.get(int(job))
        return found

    def entries(self, beyond: int = 0) -> Iterator[Entry]:
        """Who waits here, by id, from the first one above `beyond`."""
        return (self._entries[number] for number in self._entries.irange(beyond, inclusive=(False, False)))

    def watch(self, entry: Entry) -> None:
        """From now on, ends and times count for this entry, although it is not here yet."""
        for job in entry.after:
            self._dependents.setdefault(job, {})[entry] = None
        if entry.begin_at is not None:
            heapq.heappush(self._times, (entry.begin_at, next(self._turns), entry))

    def enter(self, entry: Entry, place: Place) -> Verdict:
        """A watched entry waits here now, as this job; or passes or is doomed at once, by what happened meanwhile."""
        entry.place = place
        self._entries[int(entry.job)] = entry
        self.changed(entry.job, entry.key)
        verdict = Verdict()
        if entry.doom is not None:
            self._spread([entry], verdict)
        else:
            self._pass_if_open(entry, verdict)
        return verdict

    def leave(self, job: JobId) -> Entry | None:
        """Take an entry away, still watched: it comes back by `enter`, or is given up by `forget`."""
        found: Entry | None = self._entries.pop(int(job), None)
        if found is not None:
            self.changed(job, found.key)
        return found

    def forget(self, entry: Entry) -> None:
        """This entry is nobody's any more."""
        entry.gone = True
        if self._is_here(entry):
            del self._entries[int(entry.job)]
            self.changed(entry.job, entry.key)
        self._unwatch(entry)

    def ended(self, job: JobId, state: JobState) -> Verdict:
        """A job has come to a final end; those that wait for it go on, or are doomed, and so on through theirs."""
        verdict = Verdict()
        self._spread(self._hear(job, state, verdict), verdict)
        return verdict

    def settle(self, entry: Entry, job: JobId, state: JobState) -> None:
        """What `ended` would do to one entry that is not here yet: the job had ended before it was watched."""
        when = entry.after.get(job)
        if when is not None and state in FINAL:
            self._drop(entry, job)
            self._meet(entry, job, when, state)

    def due(self, now: float) -> Verdict:
        """Whose begin time has come at `now`. A recurring one waits for `again`."""
        verdict = Verdict()
        while self._times and self._times[0][0] <= now:
            at, _, entry = heapq.heappop(self._times)
            if entry.gone or entry.begin_at != at:
                continue
            if entry.cron is not None:
                verdict.recurring.append(entry)
                continue
            entry.begin_at = None
            self._pass_if_open(entry, verdict)
        return verdict

    def again(self, entry: Entry, at: float) -> None:
        """The next turn of a recurring job, Unix seconds."""
        if not entry.gone:
            entry.begin_at = at
            heapq.heappush(self._times, (at, next(self._turns), entry))

    def next_at(self) -> float | None:
        """The earliest begin time that is still to come."""
        while self._times and (self._times[0][2].gone or self._times[0][2].begin_at != self._times[0][0]):
            heapq.heappop(self._times)
        return self._times[0][0] if self._times else None

    def cycle(self, job: JobId, after: Iterable[JobId]) -> list[int]:
        """The circle that would close if `job` waited for `after`, from it back to it; empty if there is none."""
        came_from: dict[JobId, JobId] = {}
        ahead = [(other, job) for other in after]
        while ahead:
            one, before = ahead.pop()
            if one in came_from:
                continue
            came_from[one] = before
            if one == job:
                return _circle(job, came_from)
            entry = self.of(one)
            ahead += [(other, one) for other in entry.after] if entry else []
        return []

    def _hear(self, job: JobId, state: JobState, verdict: Verdict) -> list[Entry]:
        """One end, told to those that wait for it; who of them is here and doomed by it."""
        doomed: list[Entry] = []
        for entry in self._dependents.pop(job, {}):
            self._meet(entry, job, entry.after[job], state)
            if entry.doom is None:
                self._pass_if_open(entry, verdict)
            elif self._is_here(entry):
                doomed.append(entry)
        return doomed

    def _meet(self, entry: Entry, job: JobId, when: str, state: JobState) -> None:
        del entry.after[job]
        if not holds(when, state):
            entry.doom = Doom(job=job, when=when, state=state)
            self._unwatch(entry)

    def _spread(self, doomed: list[Entry], verdict: Verdict) -> None:
        """Doomed jobs fail, which is an end of its own for those that wait for them."""
        for entry in doomed:  # grows while it is walked
            self.forget(entry)
            verdict.doomed.append(entry)
            doomed += self._hear(entry.job, JobState.FAILED, verdict)

    def _pass_if_open(self, entry: Entry, verdict: Verdict) -> None:
        if entry.is_open and self._is_here(entry):
            self.forget(entry)
            verdict.passed.append(entry)

    def _is_here(self, entry: Entry) -> bool:
        return entry.place is not None and self._entries.get(int(entry.job)) is entry

    def _unwatch(self, entry: Entry) -> None:
        for job in entry.after:
            self._drop(entry, job)

    def _drop(self, entry: Entry, job: JobId) -> None:
        if (others := self._dependents.get(job)) is not None:
            others.pop(entry, None)
            if not others:
                del self._dependents[job]


def holds(when: str, state: JobState) -> bool:
    """Whether a final end satisfies a condition: `ok` wants a good one, `failed` any other, `any` either."""
    return when == "any" or (when == "ok") == (state is GOOD_END)


def _circle(job: JobId, came_from: Mapping[JobId, JobId]) -> list[int]:
    circle = [job, came_from[job]]
    while circle[-1] != job:
        circle.append(came_from[circle[-1]])
    return [int(one) for one in reversed(circle)]


def reasons(
    entry: Entry, standing: Callable[[JobId], JobState], most: int | None = None
) -> list[NotBefore | Dependency]:
    """Why a job waits at the gate; of its dependencies the first `most`. standing: where such a job stands now."""
    begin = [NotBefore(begin_at=entry.begin_at)] if entry.begin_at is not None else []
    told = list(entry.after.items())[:most]
    return [*begin, *(Dependency(job=job, when=when, state=standing(job).value) for job, when in told)]
