"""Running a job again because somebody asks: what runs is stopped and goes on, what has ended starts anew.

Must not know HTTP, how a pass decides or how a process ends.
"""

from engine.api.backend import Identity
from engine.core.lifecycle import TERMINAL, Cause, JobState
from engine.core.model import JobId, Waiting
from engine.daemon.answers import not_ready
from engine.daemon.books import Books, Live
from engine.daemon.deeds import Deeds
from engine.daemon.intake import Intake
from engine.daemon.lookup import Lookup
from engine.daemon.passes import Passes
from engine.daemon.runs import Runs
from engine.ports import Clock, Moved
from engine.protocol.errors import Refused
from engine.store.errors import StoreError
from engine.store.jobs import Jobs
from engine.store.rows import StoredJob

RULE = "Only a running job or one that has ended can be."


class Requeue:
    """Gives a job its next attempt."""

    def __init__(
        self,
        *,
        books: Books,
        store: Jobs,
        intake: Intake,
        lookup: Lookup,
        deeds: Deeds,
        passes: Passes,
        runs: Runs,
        clock: Clock,
    ) -> None:
        self._books = books
        self._store = store
        self._intake = intake
        self._lookup = lookup
        self._deeds = deeds
        self._passes = passes
        self._runs = runs
        self._clock = clock
        self._in_hand: set[JobId] = set()

    async def requeue(self, who: Identity, job: int) -> None:
        """Stop it if it runs, and queue it again. INVALID_STATE if it waits, or is being ended."""
        number = JobId(str(job))
        await self._deeds.settle(number)
        stored = await self._lookup.own(who, job)
        live = self._books.live.get(number)
        if live is not None:
            await self._stop(who, stored, live)
        elif self._books.waits(number) is None and stored.state in TERMINAL and number not in self._in_hand:
            self._in_hand.add(number)
            try:
                await self._start_anew(who, stored)
            finally:
                self._in_hand.discard(number)
        else:
            raise self._deeds.wrong_state(stored, "requeued", RULE)

    async def _stop(self, who: Identity, stored: StoredJob, live: Live) -> None:
        if live.stopping is not None:
            raise Refused("INVALID_STATE", f"Job {stored.id} is being stopped already. See: rcq show {stored.id}.")
        before = live.state
        told = f"attempt {live.attempt} was stopped: {who.account} had it requeued; it goes on as its next attempt"
        await self._runs.stop(live, Cause.PREEMPTED, told)
        await self._deeds.settle_stop()
        await self._deeds.note(who, "job.requeue", stored, before, attempt=live.attempt)
        self._passes.wake()

    async def _start_anew(self, who: Identity, stored: StoredJob) -> None:
        """It counts as submitted now: having run before buys no age. Its retries are all there again."""
        job = JobId(str(stored.id))
        try:
            known = await self._store.known(job)
        except StoreError as error:
            raise not_ready(error) from error
        if (refused := self._intake.again(known.key)) is not None:
            raise refused
        waiting = Waiting(max(self._clock.now(), stored.submitted_at), job)
        change = Moved(job=job, state=JobState.PENDING, failures=0, submitted_at=waiting.submitted_at)
        await self._deeds.record(who, "job.requeue", stored, stored.state, change)
        self._books.finished[stored.state] -= 1
        self._books.requeue(known.key, waiting, attempts=known.attempt, failures=0)
        self._deeds.tell(stored, JobState.PENDING)
