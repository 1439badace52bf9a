"""Cancel, hold and release many elements of a job array: taken in hand in one step, written down in one commit.

Must not know HTTP, where jobs wait, how a pass decides or how a process ends.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence

from engine.api.backend import ArrayStep, Identity
from engine.core.lifecycle import WAITING, JobState
from engine.core.model import JobId
from engine.daemon.answers import audited, not_ready
from engine.daemon.arrays import ArrayLookup
from engine.daemon.books import Books, Live
from engine.daemon.feed import Feed
from engine.daemon.gatekeeper import Gatekeeper
from engine.daemon.passes import Passes
from engine.daemon.runs import Runs
from engine.daemon.waitingjobs import Taken, WaitingJobs
from engine.ports import Clock, MovedAll
from engine.protocol.arrays import compact
from engine.protocol.errors import Refused
from engine.protocol.responses import ArrayChanged
from engine.store.arrays import StoredArray
from engine.store.errors import StoreError
from engine.store.store import Store

log = logging.getLogger(__name__)

TOLD_ONE_BY_ONE = 20
"""More are one `queue` event instead of one event for each job."""
MOST_TARGET = 200
"""Characters of the elements' indices in the audit log."""
ROUNDS = 3
"""Of taking what waits: a start that could not be written down puts its job back into the queue."""
STEPS: dict[ArrayStep, tuple[frozenset[JobState], JobState, str]] = {
    "cancel": (WAITING, JobState.CANCELLED, "Only waiting and running elements can be cancelled"),
    "hold": (frozenset({JobState.PENDING}), JobState.HELD, "Only pending elements can be held"),
    "release": (frozenset({JobState.HELD}), JobState.PENDING, "Only held elements can be released"),
}
"""From which waiting states each goes to which state, and its rule."""


class ArrayControl:
    """What the owner of a job array (or an admin) may do to many of its elements at once."""

    def __init__(
        self,
        *,
        books: Books,
        store: Store,
        lookup: ArrayLookup,
        gatekeeper: Gatekeeper,
        passes: Passes,
        runs: Runs,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._books = books
        self._store = store
        self._lookup = lookup
        self._waiting = WaitingJobs(books=books, gatekeeper=gatekeeper)
        self._passes = passes
        self._runs = runs
        self._feed = feed
        self._clock = clock

    async def change(self, who: Identity, number: int, step: ArrayStep, elements: Sequence[int]) -> ArrayChanged:
        """Take the step for these elements, for all if none are named. Raises Refused."""
        array = await self._lookup.own(who, number)
        jobs = [JobId(str(one)) for one in await self._lookup.elements(array, elements)]
        done = ArrayChanged(array=number)
        if step == "cancel":
            done.changed, done.ending = await self._cancel(array, jobs)
        else:
            done.changed = len(await self._move(array, jobs, step))
        done.unchanged = len(jobs) - done.changed - done.ending
        if done.unchanged == len(jobs):
            told = f"No element of array {number} that you named could be changed. {STEPS[step][2]}."
            raise Refused("INVALID_STATE", f"{told} See: rcq queue --array {number}.")
        await self._note(who, array, f"job.{step}", elements, done)
        return done

    async def _cancel(self, array: StoredArray, jobs: Sequence[JobId]) -> tuple[int, int]:
        """How many were cancelled while they waited, and how many are being ended."""
        cancelled, ending = set[JobId](), set[JobId]()
        for _ in range(ROUNDS):
            live = [self._books.live[job] for job in jobs if job in self._books.live and job not in ending]
            moved = await self._move(array, jobs, "cancel")  # first, so that none of them starts meanwhile
            await asyncio.gather(*[self._stop(one) for one in live])
            if not moved and not live:
                break
            cancelled.update(moved)
            ending.update(one.job for one in live)
        return len(cancelled), len(ending - cancelled)

    async def _stop(self, live: Live) -> None:
        if self._books.live.get(live.job) is live:  # else it has ended by itself
            await self._runs.stop(live)

    async def _move(self, array: StoredArray, jobs: Sequence[JobId], step: ArrayStep) -> list[JobId]:
        """Take those that wait through the step; which ones that were."""
        before, state, _ = STEPS[step]
        taken = self._take(jobs, before)
        if not taken:
            return []
        moved = [one.job for one in taken]
        try:
            await self._passes.flush_for(moved)
            await self._store.jobs.record([MovedAll(jobs=moved, state=state, at=self._clock.now())])
        except StoreError as error:
            self._put(taken, None)
            self._passes.wake()
            raise not_ready(error) from error
        if state is JobState.CANCELLED:
            for one in taken:
                self._waiting.end(one, state)
        else:
            self._put(taken, state)
        self._tell(array, moved, state)
        return moved

    def _take(self, jobs: Sequence[JobId], states: Collection[JobState]) -> list[Taken]:
        """Those that wait in one of these states, in hand; from the queue all at once."""
        taken: list[Taken] = []
        queued: list[JobId] = []
        for job in jobs:
            if job in self._books.pending:
                queued.append(job)
            elif self._books.waits(job) in states and (one := self._waiting.take_aside(job)) is not None:
                taken.append(one)
        if JobState.PENDING in states:
            found = self._books.pending.take(queued)
            taken += [Taken(key=key, waiting=waiting, state=JobState.PENDING, entry=None) for key, waiting in found]
        return taken

    def _put(self, taken: Sequence[Taken], state: JobState | None) -> None:
        """They wait again as `state`, unless given as before; into the queue all at once."""
        queued = [one for one in taken if one.entry is None and (state or one.state) is JobState.PENDING]
        self._books.pending.add_all((one.key, one.waiting) for one in queued)
        for one in taken:
            if one.entry is not None or (state or one.state) is JobState.HELD:
                self._waiting.put(one, state)

    def _tell(self, array: StoredArray, jobs: Sequence[JobId], state: JobState) -> None:
        if len(jobs) <= TOLD_ONE_BY_ONE:
            for job in jobs:
                self._feed.job_changed(job, array.account, state.value)
        self._feed.queue_changed()
        self._passes.wake()

    async def _note(
        self, who: Identity, array: StoredArray, action: str, elements: Sequence[int], done: ArrayChanged
    ) -> None:
        """One entry for all of them; what is done stays done, even if the audit log cannot be written."""
        target = f"{array.parent}[{compact(sorted(set(elements)))[:MOST_TARGET]}]"
        counts = {"changed": done.changed, "ending": done.ending}
        entry = audited(self._clock, who, action, target, owner=array.account, **counts)
        try:
            await self._store.audit.append(entry)
        except StoreError as error:
            log.error("Not in the audit log: %s: %s", entry, error)
