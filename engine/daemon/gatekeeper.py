"""Keeps the gate: weighs what a new job waits for, and acts when conditions come to hold, can never hold, or fall due.

Every end of a job is told to `ended`, the clock's time to `due`. Must not know HTTP, how a job runs or how a recurring
job's copy is made.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from engine.api.asks import Identity
from engine.bookkeeping import STEP_S, AtGate, Ended, KnownJob, Passed
from engine.core.lifecycle import TERMINAL, Cause, JobState
from engine.core.model import AccountName, JobId, Owner, Waiting
from engine.daemon import cron
from engine.daemon.answers import not_ready
from engine.daemon.books import Books
from engine.daemon.feed import Feed
from engine.daemon.gate import FINAL, Doom, Entry, Place, Verdict
from engine.daemon.journal import Journal
from engine.daemon.views import Views
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.fields import After, JobFields
from engine.store.errors import StoreError
from engine.store.jobs import Jobs

log = logging.getLogger(__name__)

Standings = dict[JobId, tuple[str, JobState]]
Weighed = Entry | Refused | None
"""What keeps a new job at the gate, why it cannot be taken in, or nothing of either."""
ENDS = {"ok": "completed", "failed": "failed", "any": "ended"}
"""What a job waits for another one to have done."""


class Gatekeeper:
    """wake: asks for a pass. alarm: sets the time (Unix seconds) of the next `due`. recur: takes a recurring turn."""

    def __init__(self, *, books: Books, journal: Journal, store: Jobs, views: Views, feed: Feed, clock: Clock) -> None:
        self._books = books
        self._gate = books.gate
        self._journal = journal
        self._store = store
        self._views = views
        self._feed = feed
        self._clock = clock
        self._last = 0.0
        self._alarm_at: float | None = None
        self.wake: Callable[[], None] = lambda: None
        self.alarm: Callable[[float], None] = lambda when: None
        self.recur: Callable[[Entry], None] = lambda entry: None

    async def weigh(self, who: Identity, jobs: Sequence[JobFields]) -> list[Weighed]:
        """For each job what keeps it at the gate, `None` for nothing, or why it cannot be taken in.

        From now on every end counts for these entries, until they are given to `forget`. Raises Refused.
        """
        found: list[Weighed] = [self._entry(job) for job in jobs]
        wanted = {JobId(str(one.id)) for job, entry in zip(jobs, found, strict=True) if entry for one in job.after}
        if wanted:
            standings = await self._standings(wanted, found)
            found = [
                self._judged(who, job, entry, standings) if isinstance(entry, Entry) and job.after else entry
                for job, entry in zip(jobs, found, strict=True)
            ]
        return found

    def enter(self, entry: Entry, places: Iterable[Place]) -> None:
        """These jobs are on disk and wait by the entry's terms, each for itself; some may pass at once."""
        for place in places:
            twin = replace(entry, after=dict(entry.after))
            self._gate.watch(twin)
            self._act(self._gate.enter(twin, place))
        self._set_alarm()

    def come_back(self, entry: Entry) -> None:
        """An entry that had left is here again, as it was or by what happened meanwhile."""
        self._act(self._gate.enter(entry, (entry.key, entry.waiting)))
        self._set_alarm()

    def leave(self, job: JobId) -> Entry | None:
        """Take a job away from the gate while something is done to it; then `come_back`, or `over` if it has ended."""
        return self._gate.leave(job)

    def forget(self, entries: Iterable[Weighed]) -> None:
        """These jobs were not taken in, or wait no more."""
        for entry in entries:
            if isinstance(entry, Entry):
                self._gate.forget(entry)

    def ended(self, job: JobId, state: JobState) -> None:
        """A job has come to its final end. To be called once for it, in the step that puts its end into the journal."""
        if state in FINAL:
            self._act(self._gate.ended(job, state))

    def over(self, job: JobId, state: JobState, entry: Entry | None) -> None:
        """A waiting job has ended, on disk already. entry: what had left with it."""
        if entry is not None:
            self._gate.forget(entry)
            self._journal.add(Passed(job=job))
        self.ended(job, state)

    def due(self) -> None:
        """Let go on whose begin time has come, and set the alarm for the next one."""
        verdict = self._gate.due(self._clock.now())
        self._act(verdict)
        for entry in verdict.recurring:
            self.recur(entry)
        self._alarm_at = None
        self._set_alarm()

    def again(self, entry: Entry, at: float) -> None:
        """A recurring job's turn was taken; the next one is at `at`."""
        self._gate.again(entry, at)
        self._set_alarm()

    async def recover(self, left: Sequence[KnownJob]) -> None:
        """Take up the jobs that waited here when an earlier engine stopped. Before any attempt is adopted."""
        entries = [entry_of(job.gate) for job in left if job.gate]
        for entry in entries:
            self._gate.watch(entry)
        standings = await self._store.standings([job for entry in entries for job in entry.after])
        for job, entry in zip(left, entries, strict=True):
            for other in tuple(entry.after):
                if other in standings:
                    self._gate.settle(entry, other, standings[other][1])
            self._act(self._gate.enter(entry, (job.key, Waiting(job.submitted_at, job.job))))
        self.due()

    def _entry(self, job: JobFields) -> Weighed:
        """What the job waits for by its own words, watched; before those whom it waits for are looked up."""
        if not (job.after or job.begin is not None or job.cron is not None):
            return None
        now = self._clock.now()
        try:
            if job.cron is not None:
                cron.check(job.cron, now)
        except ValueError as error:
            return _invalid("cron", f"cron: {error}.", [{"field": "cron", "message": f"{error}."}])
        entry = entry_of(at_gate(job, now))
        self._gate.watch(entry)
        for other in tuple(entry.after):
            if (ending := self._journal.ending(other)) is not None and not self._books.holds(other):
                self._gate.settle(entry, other, ending.state)
        if entry.is_open and not job.after:
            return None
        return entry

    async def _standings(self, wanted: Iterable[JobId], entries: Sequence[Weighed]) -> Standings:
        try:
            return await self._store.standings(list(wanted))
        except StoreError as error:
            self.forget(entries)
            raise not_ready(error) from error

    def _judged(self, who: Identity, job: JobFields, entry: Entry, standings: Standings) -> Weighed:
        numbers = {one: JobId(str(one.id)) for one in job.after}
        unknown = [
            one
            for one, number in numbers.items()
            if number not in standings
            or not self._views.sees_all_of(who, Owner(account=AccountName(standings[number][0])))
        ]
        if unknown:
            self._gate.forget(entry)
            return _unknown(unknown)
        for number in numbers.values():
            state = standings[number][1]
            if state in TERMINAL and not self._books.holds(number):  # else its row is behind: it is to run again
                self._gate.settle(entry, number, state)
        if entry.doom is not None:
            self._gate.forget(entry)
            return _hopeless(entry.doom)
        if entry.is_open:
            self._gate.forget(entry)
            return None
        return entry

    def _act(self, verdict: Verdict) -> None:
        """What was said is in the books and the journal from here on; the next pass writes it down."""
        self._let_pass(verdict.passed)
        for entry in verdict.doomed:
            self._end(entry)
        if verdict.passed or verdict.doomed:
            self._feed.queue_changed()
            self.wake()

    def _let_pass(self, entries: Sequence[Entry]) -> None:
        """Into the queue, as if they were submitted now, one after the other: waiting at the gate buys no age."""
        queued: list[Place] = []
        for entry in sorted(entries, key=lambda entry: int(entry.job)):
            self._last = max(self._clock.now(), self._last + STEP_S)
            place = entry.key, Waiting(self._last, entry.job)
            self._journal.add(Passed(job=entry.job, submitted_at=self._last))
            if entry.job in self._books.held:
                self._books.held[entry.job] = place
            else:
                queued.append(place)
        if queued:
            self._books.pending.add_all(queued)

    def _end(self, entry: Entry) -> None:
        assert entry.doom is not None  # noqa: S101 - that is why it ends
        self._books.held.pop(entry.job, None)
        self._books.ended(JobState.FAILED, Cause.DEPENDENCY)
        ended = Ended(
            job=entry.job,
            state=JobState.FAILED,
            cause=Cause.DEPENDENCY,
            exit_code=None,
            signal=None,
            started_at=None,
            ended_at=self._clock.now(),
            message=self._told(entry.doom),
        )
        self._journal.end(ended, entry.key.owner.account)
        self._journal.add(Passed(job=entry.job))

    def _told(self, doom: Doom) -> str:
        ending = self._journal.ending(doom.job)
        cause = f" ({ending.cause.value})" if ending and ending.cause not in (Cause.EXIT, Cause.CANCELLED) else ""
        told = f"It was to start only after job {doom.job} has {ENDS[doom.when]}"
        return f"{told}; that job has {ended_as(doom.state)}{cause}."

    def _set_alarm(self) -> None:
        at = self._gate.next_at()
        if at is not None and at != self._alarm_at:
            self._alarm_at = at
            self.alarm(at)


def at_gate(job: JobFields, now: float) -> AtGate:
    """What the job waits for, as of `now`, Unix seconds; a recurring one for its first turn. Its line must be right."""
    begin = job.begin if job.begin is not None and job.begin > now else None
    if job.cron is not None:
        begin = cron.next_time(job.cron, now if begin is None else begin - 0.01)  # at the begin time itself, too
    return AtGate(after=tuple(job.after), begin_at=begin, cron=job.cron)


def entry_of(gate: AtGate) -> Entry:
    """An entry with these terms."""
    after = {JobId(str(one.id)): one.when for one in gate.after}
    return Entry(after=after, begin_at=gate.begin_at, cron=gate.cron)


def terms(entry: Entry) -> AtGate:
    """The terms that are still to be met."""
    after = tuple(After(id=int(job), when=when) for job, when in entry.after.items())
    return AtGate(after=after, begin_at=entry.begin_at, cron=entry.cron)


def ended_as(state: JobState) -> str:
    """How a job has ended, after `has`."""
    return "been cancelled" if state is JobState.CANCELLED else state.value


def _unknown(unknown: Sequence[After]) -> Refused:
    told = ", ".join(str(one.id) for one in unknown[:5]) + (" …" if len(unknown) > 5 else "")
    details = [{"field": "after", "message": "no such job of yours", "job": one.id} for one in unknown]
    return _invalid("after", f"There is no job {told}, or it is not yours: see rcq queue --mine --state all.", details)


def _hopeless(doom: Doom) -> Refused:
    told = f"Job {doom.job} has {ended_as(doom.state)}, and this job was to start only after it has {ENDS[doom.when]}"
    detail = {
        "field": "after",
        "message": f"has {ended_as(doom.state)}",
        "job": int(doom.job),
        "state": doom.state.value,
    }
    return _invalid("after", f"{told}: it could never start. Leave the dependency out, or name another job.", [detail])


def _invalid(field: str, message: str, details: list[dict[str, object]]) -> Refused:
    return Refused("VALIDATION_ERROR", message, details or [{"field": field, "message": message}])
