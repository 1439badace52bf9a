"""Running a job again because somebody asks: what runs is stopped and goes on, what has ended starts anew.

Must not know HTTP, how a pass decides or how a process ends.
"""

from engine.api.asks import Identity
from engine.bookkeeping import KnownJob, Moved
from engine.core.lifecycle import TERMINAL, Cause, JobState
from engine.core.model import JobId, Waiting
from engine.daemon.access import Action
from engine.daemon.allowance import Allowances
from engine.daemon.answers import audited, not_ready
from engine.daemon.books import Books, Live
from engine.daemon.deeds import Deeds
from engine.daemon.gate import Entry
from engine.daemon.gatekeeper import Gatekeeper, terms
from engine.daemon.intake import Intake
from engine.daemon.lookup import Lookup
from engine.daemon.passes import Passes
from engine.daemon.persons import Persons
from engine.daemon.runs import Runs
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.fields import AdoptedFields, JobFields
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
        persons: Persons,
        allowances: Allowances,
        gatekeeper: Gatekeeper,
        lookup: Lookup,
        deeds: Deeds,
        passes: Passes,
        runs: Runs,
        clock: Clock,
    ) -> None:
        self._books = books
        self._store = store
        self._intake = intake
        self._persons = persons
        self._allowances = allowances
        self._gatekeeper = gatekeeper
        self._lookup = lookup
        self._deeds = deeds
        self._passes = passes
        self._runs = runs
        self._clock = clock
        self._in_hand: set[JobId] = set()

    async def requeue(self, who: Identity, job: int) -> None:
        """Stop it if it runs, and queue it again. INVALID_STATE if it waits, or is being ended."""
        number = JobId(str(job))
        await self._deeds.settle()
        stored = await self._lookup.find(who, job, Action.CONTROL_JOB)
        if isinstance(stored.fields, AdoptedFields):
            told = f"Job {job} was adopted while it ran: rcq cannot start it again. Submit its command as a job."
            raise Refused("INVALID_STATE", told)
        if stored.fields is not None and stored.fields.foreground is not None:
            told = f"Job {job} ran on a terminal, which is gone with it: run it again, or as a job with rcq redo {job}."
            raise Refused("INVALID_STATE", told)
        if (refused := await self._persons.refusal(stored.account)) is not None:
            raise refused
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
        await self._runs.stop(live, Cause.PREEMPTED, told, marked=self._deeds.settle_stop if live.on_cluster else None)
        await self._deeds.settle_stop()
        await self._deeds.note(who, "job.requeue", stored, before, ending=1, attempt=live.attempt)
        self._passes.wake()

    async def _start_anew(self, who: Identity, stored: StoredJob) -> None:
        """A submission of the same request under the same id: having run before buys no age, all retries are back."""
        job = JobId(str(stored.id))
        fields = stored.fields or JobFields()
        try:
            known = self._intake.told_apart(await self._store.known(job))
        except StoreError as error:
            raise not_ready(error) from error
        if (refused := self._intake.again(known.key)) is not None:
            raise refused
        (entry,) = await self._gatekeeper.weigh(who, [fields])
        batch = self._allowances.batch()
        try:
            (admitted,) = batch.admit([fields], [known.key])
            for found in (admitted, entry):
                if isinstance(found, Refused):
                    raise found
            batch.keep()
            await self._write(who, stored, known, entry if isinstance(entry, Entry) else None)
        finally:
            batch.settle()
            self._gatekeeper.forget([entry])

    async def _write(self, who: Identity, stored: StoredJob, known: KnownJob, entry: Entry | None) -> None:
        """On disk with its audit entry, then in the queue or at the gate."""
        waiting = Waiting(max(self._clock.now(), stored.submitted_at), known.job)
        change = Moved(
            job=known.job, state=JobState.PENDING, failures=0, oom_retries=0, submitted_at=waiting.submitted_at
        )
        note = audited(
            self._clock,
            who,
            "job.requeue",
            str(stored.id),
            owner=stored.account,
            before={"state": stored.state.value},
            after={"state": JobState.PENDING.value},
        )
        try:
            await self._store.requeue(change, terms(entry) if entry is not None else None, note)
        except StoreError as error:
            raise not_ready(error) from error
        self._books.finished[stored.state] -= 1
        self._books.attempts[known.job] = known.attempt
        if entry is not None:
            self._gatekeeper.enter(entry, [(known.key, waiting)])
        else:
            self._books.pending.add(known.key, waiting)
        self._deeds.tell(stored, JobState.PENDING)
