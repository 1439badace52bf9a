"""The turns of recurring jobs: each submits a fresh copy, as its owner would, and sets the next turn.

A copy and the next turn are written in one commit: no turn is taken twice. Must not know when a turn is due.
"""

import asyncio
import logging
from dataclasses import replace

from engine.api.asks import Identity
from engine.bookkeeping import Postponed, Turn
from engine.core.model import JobId
from engine.daemon import cron
from engine.daemon.books import Books
from engine.daemon.gate import Entry
from engine.daemon.gatekeeper import Gatekeeper
from engine.daemon.journal import Journal
from engine.daemon.register import Register
from engine.daemon.submission import Submission
from engine.ports import Clock, JobStore
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields

log = logging.getLogger(__name__)

AGAIN_S = 60.0
"""A turn that broke off (no store, no room) is taken again after so long."""


class Recurrence:
    """Takes turns, each in a task of its own."""

    def __init__(
        self,
        *,
        books: Books,
        journal: Journal,
        store: JobStore,
        register: Register,
        submission: Submission,
        gatekeeper: Gatekeeper,
        clock: Clock,
    ) -> None:
        self._books = books
        self._journal = journal
        self._store = store
        self._register = register
        self._submission = submission
        self._gatekeeper = gatekeeper
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, entry: Entry) -> None:
        """The turn of a recurring job has come."""
        task = asyncio.get_running_loop().create_task(self._take(entry), name=f"turn-{entry.job}")
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._taken(entry, done))

    async def settle(self) -> None:
        """Wait for the turns that were begun."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _taken(self, entry: Entry, done: "asyncio.Task[None]") -> None:
        """Whatever a turn trips over, the next one comes."""
        self._tasks.discard(done)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("A turn of job %s failed; trying again in %s s.", entry.job, AGAIN_S, exc_info=error)
            self._gatekeeper.again(entry, self._clock.now() + AGAIN_S)

    async def _take(self, entry: Entry) -> None:
        now = self._clock.now()
        next_at = cron.next_time(str(entry.cron), now)  # turns that were missed are made up for by this one
        try:
            if entry.job in self._books.held:
                self._skip(entry.job, next_at, None)
            else:
                await self._submit(entry, Turn(template=entry.job, next_at=next_at))
        except Refused as refused:
            if refused.code == "SERVICE_NOT_READY":  # it is not the job's fault
                next_at = now + AGAIN_S
            log.warning("Recurring job %s was not submitted: %s", entry.job, refused.message)
            self._skip(entry.job, next_at, f"Not submitted: {refused.message}")
        self._gatekeeper.again(entry, next_at)

    async def _submit(self, entry: Entry, turn: Turn) -> None:
        """The same job without its line, as its owner's. Raises Refused."""
        template = await self._store.fields(entry.job)
        owner = self._register.accounts.get(entry.key.owner.account)
        if owner is None:
            raise Refused("UNAUTHENTICATED", f"There is no account {entry.key.owner.account} any more.")
        who = Identity(account=owner.name, group=owner.group, role=owner.role, via="cron")
        copy: JobFields = replace(template, cron=None, begin=None, job_id=None)
        (answer,) = await self._submission.submit(who, [copy], turn)
        if isinstance(answer, Refused):
            raise answer
        log.info("Recurring job %s was submitted as job %s.", entry.job, answer)

    def _skip(self, template: JobId, next_at: float, message: str | None) -> None:
        self._journal.add(Postponed(job=template, begin_at=next_at, message=message))
        self._gatekeeper.wake()
