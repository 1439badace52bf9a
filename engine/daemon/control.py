"""Cancel, hold and release: claimed in memory in one step, then written down; a commit that fails undoes the claim.

Must not know HTTP, how a pass decides or how a process ends.
"""

from engine.api.asks import Identity
from engine.bookkeeping import Ended, Moved
from engine.core.lifecycle import Cause, JobState
from engine.core.model import JobId
from engine.daemon.access import Action
from engine.daemon.books import Books
from engine.daemon.deeds import Deeds
from engine.daemon.gatekeeper import Gatekeeper
from engine.daemon.live import Live
from engine.daemon.lookup import Lookup
from engine.daemon.passes import Passes
from engine.daemon.runs import Runs
from engine.daemon.views import Views, waiting_of
from engine.daemon.waitingjobs import Taken, WaitingJobs
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.store.rows import StoredJob

TAKEN_BACK = "taken back from Slurm's queue"


class Control:
    """What the owner of a job (or an admin) may do to it."""

    def __init__(
        self,
        *,
        books: Books,
        deeds: Deeds,
        lookup: Lookup,
        views: Views,
        passes: Passes,
        runs: Runs,
        gatekeeper: Gatekeeper,
        clock: Clock,
    ) -> None:
        self._books = books
        self._deeds = deeds
        self._lookup = lookup
        self._views = views
        self._passes = passes
        self._runs = runs
        self._waiting = WaitingJobs(books=books, gatekeeper=gatekeeper)
        self._clock = clock

    async def cancel(self, who: Identity, job: int) -> None:
        """End it, waiting or running. INVALID_STATE if it has ended."""
        stored = await self._lookup.find(who, job, Action.CONTROL_JOB)
        number = JobId(str(job))
        before = self._views.state(stored)
        live = self._books.live.get(number)
        if live is not None:
            await self._runs.stop(live)
            await self._deeds.settle_stop()
            if number not in self._books.pending:  # its start may have failed to be written down meanwhile
                await self._deeds.note(who, "job.cancel", stored, before, ending=1)
                return
        taken = self._waiting.take(waiting_of(stored))
        if taken is None:
            raise self._deeds.wrong_state(stored, "cancelled", "Only a waiting or running job can be.")
        await self._change(who, "job.cancel", stored, taken, self._cancelled(number))
        self._waiting.end(taken, JobState.CANCELLED)
        self._deeds.tell(stored, JobState.CANCELLED)

    async def hold(self, who: Identity, job: int) -> None:
        """Keep a job from starting: a pending one, or one that waits in a cluster's queue. Else INVALID_STATE."""
        stored = await self._lookup.find(who, job, Action.CONTROL_JOB)
        live = self._books.live.get(JobId(str(job)))
        if live is not None and live.waits and live.stopping is None:
            await self._take_back(who, stored, live)
            return
        taken = self._taken(stored, JobState.PENDING, "held")
        await self._change(who, "job.hold", stored, taken, Moved(job=taken.job, state=JobState.HELD))
        self._waiting.put(taken, JobState.HELD)
        self._deeds.tell(stored, JobState.HELD)

    async def _take_back(self, who: Identity, stored: StoredJob, live: Live) -> None:
        """Out of the cluster's queue, and held in the same step. Why is on disk before the cluster is told.

        While nobody answers there, it is held as soon as somebody does.
        """
        before, attempt = live.state, live.attempt
        await self._runs.stop(live, Cause.PREEMPTED, TAKEN_BACK, held_next=True, marked=self._deeds.settle_stop)
        await self._deeds.settle_stop()
        await self._deeds.note(who, "job.hold", stored, before, ending=1, attempt=attempt)

    async def release(self, who: Identity, job: int) -> None:
        """Let a held job go on. INVALID_STATE unless held."""
        stored = await self._lookup.find(who, job, Action.CONTROL_JOB)
        taken = self._taken(stored, JobState.HELD, "released")
        await self._change(who, "job.release", stored, taken, Moved(job=taken.job, state=JobState.PENDING))
        self._waiting.put(taken, JobState.PENDING)
        self._deeds.tell(stored, JobState.PENDING)

    def _taken(self, stored: StoredJob, state: JobState, done: str) -> Taken:
        """The job in hand, if it waits as `state`. Raises Refused."""
        taken = self._waiting.take(waiting_of(stored)) if self._books.waits(JobId(str(stored.id))) is state else None
        if taken is None:
            raise self._deeds.wrong_state(stored, done, f"Only a {state.value} job can be.")
        return taken

    async def _change(self, who: Identity, action: str, stored: StoredJob, taken: Taken, change: Ended | Moved) -> None:
        """Write down what becomes of a job in hand; it waits as before if that fails."""
        try:
            await self._deeds.record(who, action, stored, taken.state, change)
        except Refused:
            self._waiting.put(taken)
            self._passes.wake()
            raise

    def _cancelled(self, job: JobId) -> Ended:
        return Ended(
            job=job,
            state=JobState.CANCELLED,
            cause=Cause.CANCELLED,
            exit_code=None,
            signal=None,
            started_at=None,
            ended_at=self._clock.now(),
        )
