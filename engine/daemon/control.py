"""Cancel, hold and release: claimed in memory in one step, then written down; a commit that fails undoes the claim.

Must not know HTTP, how a pass decides or how a process ends.
"""

import asyncio
import logging

from engine.api.backend import Identity
from engine.core.lifecycle import Cause, JobState
from engine.core.model import GroupKey, JobId, Waiting
from engine.daemon.answers import audited, not_ready
from engine.daemon.books import Books
from engine.daemon.feed import Feed
from engine.daemon.lookup import Lookup
from engine.daemon.passes import Passes
from engine.daemon.runs import Runs
from engine.daemon.views import Views, waiting_of
from engine.ports import Clock, Ended, Moved
from engine.protocol.errors import Refused
from engine.store.errors import StoreError
from engine.store.rows import StoredJob
from engine.store.store import Store

log = logging.getLogger(__name__)


class Control:
    """What the owner of a job (or an admin) may do to it."""

    def __init__(
        self,
        *,
        books: Books,
        store: Store,
        lookup: Lookup,
        views: Views,
        passes: Passes,
        runs: Runs,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._books = books
        self._store = store
        self._lookup = lookup
        self._views = views
        self._passes = passes
        self._runs = runs
        self._feed = feed
        self._clock = clock

    async def cancel(self, who: Identity, job: int) -> None:
        """End it, waiting or running. INVALID_STATE if it has ended."""
        stored = await self._lookup.own(who, job)
        number = JobId(str(job))
        before = self._views.state(stored)
        live = self._books.live.get(number)
        if live is not None:
            await self._runs.stop(live)
            if number not in self._books.pending:  # its start may have failed to be written down meanwhile
                await self._note(who, "job.cancel", stored, before)
                return
        key = self._books.pending.remove(number, stored.submitted_at)
        held = self._books.held.pop(number, None) if key is None else None
        if key is None and held is None:
            raise self._wrong_state(stored, "cancelled", "Only a waiting or running job can be.")
        try:
            await self._record(who, "job.cancel", stored, before, self._cancelled(number))
        except Refused:
            self._put_back(key, held, waiting_of(stored))
            raise
        self._books.finished[JobState.CANCELLED] += 1
        self._tell(stored, JobState.CANCELLED)

    async def hold(self, who: Identity, job: int) -> None:
        """Keep a pending job from starting. INVALID_STATE unless pending."""
        stored = await self._lookup.own(who, job)
        number, waiting = JobId(str(job)), waiting_of(stored)
        key = self._books.pending.remove(number, stored.submitted_at)
        if key is None:
            raise self._wrong_state(stored, "held", "Only a pending job can be.")
        try:
            await self._record(who, "job.hold", stored, JobState.PENDING, Moved(job=number, state=JobState.HELD))
        except Refused:
            self._put_back(key, None, waiting)
            raise
        self._books.held[number] = (key, waiting)
        self._tell(stored, JobState.HELD)

    async def release(self, who: Identity, job: int) -> None:
        """Let a held job go on. INVALID_STATE unless held."""
        stored = await self._lookup.own(who, job)
        number = JobId(str(job))
        held = self._books.held.pop(number, None)
        if held is None:
            raise self._wrong_state(stored, "released", "Only a held job can be.")
        try:
            await self._record(who, "job.release", stored, JobState.HELD, Moved(job=number, state=JobState.PENDING))
        except Refused:
            self._put_back(None, held, held[1])
            raise
        self._books.pending.add(*held)
        self._tell(stored, JobState.PENDING)

    async def _record(
        self, who: Identity, action: str, stored: StoredJob, before: JobState, change: Ended | Moved
    ) -> None:
        """Write one change down; the audit entry goes along and shares its commit."""
        written, _ = await asyncio.gather(
            self._store.jobs.record([change]), self._note(who, action, stored, before), return_exceptions=True
        )
        if isinstance(written, StoreError):
            raise not_ready(written) from written
        if isinstance(written, BaseException):
            raise written

    async def _note(self, who: Identity, action: str, stored: StoredJob, before: JobState) -> None:
        """An action that is done stays done, even if the audit log cannot be written: then the engine's log has it."""
        entry = audited(self._clock, who, action, str(stored.id), owner=stored.account, before=before.value)
        try:
            await self._store.audit.append(entry)
        except StoreError as error:
            log.error("Not in the audit log: %s: %s", entry, error)

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

    def _put_back(self, key: GroupKey | None, held: tuple[GroupKey, Waiting] | None, waiting: Waiting) -> None:
        if key is not None:
            self._books.pending.add(key, waiting)
            self._passes.wake()
        if held is not None:
            self._books.held[waiting.job] = held

    def _tell(self, stored: StoredJob, state: JobState) -> None:
        self._feed.job_changed(str(stored.id), stored.account, state.value)
        self._feed.queue_changed()
        self._passes.wake()

    def _wrong_state(self, stored: StoredJob, done: str, rule: str) -> Refused:
        state = self._views.state(stored).value
        return Refused(
            "INVALID_STATE",
            f"Job {stored.id} is {state} and cannot be {done}. {rule}",
            [{"field": "state", "message": state}],
        )
