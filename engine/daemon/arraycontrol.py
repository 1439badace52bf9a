"""Cancel, hold and release many elements of a job array: taken in hand in one step, written down in one commit.

Must not know HTTP, where jobs wait, how a pass decides or how a process ends.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from engine.api.asks import ArrayStep, Identity
from engine.bookkeeping import MovedAll
from engine.core.lifecycle import WAITING, Cause, JobState
from engine.core.model import JobId
from engine.daemon.access import Action
from engine.daemon.answers import audited, not_ready, note_done
from engine.daemon.arrays import ArrayLookup
from engine.daemon.books import Books, Live
from engine.daemon.control import TAKEN_BACK
from engine.daemon.feed import Feed
from engine.daemon.gate import Place
from engine.daemon.gatekeeper import Gatekeeper
from engine.daemon.passes import Passes
from engine.daemon.runs import Runs
from engine.daemon.waitingjobs import Taken, WaitingJobs
from engine.ports import Clock
from engine.protocol.arrays import ALL, compact
from engine.protocol.errors import Refused
from engine.protocol.responses import ArrayChanged
from engine.store.arrays import StoredArray
from engine.store.errors import StoreError
from engine.store.store import Store

log = logging.getLogger(__name__)
T = TypeVar("T")

TOLD_ONE_BY_ONE = 20
"""More are one `queue` event instead of one event for each job."""
MOST_TARGET = 200
"""Characters of the elements' indices in the audit log."""
ROUNDS = 3
"""Of taking what waits: a start that could not be written down puts its job back into the queue."""
SLICE = 2000
"""Jobs that are settled before others get the event loop."""
MOVES: dict[ArrayStep, tuple[Collection[JobState], JobState]] = {
    "hold": ({JobState.PENDING}, JobState.HELD),
    "release": ({JobState.HELD}, JobState.PENDING),
}
"""From which waiting states to which."""
RULES: dict[ArrayStep, str] = {
    "cancel": "Only waiting and running elements can be cancelled",
    "hold": "Only pending elements and those in a cluster's queue can be held",
    "release": "Only held elements can be released",
}


@dataclass(slots=True, frozen=True, kw_only=True)
class Hand:
    """Waiting jobs that were taken out of the books: out of the queue, and from where they were held or at the gate."""

    queued: list[Place]
    aside: list[Taken]

    @property
    def jobs(self) -> list[JobId]:
        """All of them."""
        return [waiting.job for _, waiting in self.queued] + [one.job for one in self.aside]


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
        self._gatekeeper = gatekeeper
        self._waiting = WaitingJobs(books=books, gatekeeper=gatekeeper)
        self._passes = passes
        self._runs = runs
        self._feed = feed
        self._clock = clock

    async def change(self, who: Identity, number: int, step: ArrayStep, elements: Sequence[int]) -> ArrayChanged:
        """Take the step for these elements, for all if none are named. Raises Refused."""
        array = await self._lookup.find(who, number, Action.CONTROL_JOB)
        jobs = [JobId(str(one)) for one in await self._lookup.of(who, array, elements, Action.CONTROL_JOB)]
        done = ArrayChanged(array=number)
        if step == "cancel":
            done.changed, done.ending = await self._cancel(array, jobs)
        else:
            before, state = MOVES[step]
            done.changed = len(await self._move(array, await self._take(jobs, before), state))
            if step == "hold":  # last, so that none of the others takes a place in the cluster's queue
                done.ending = await self._take_back(jobs)
        done.unchanged = len(jobs) - done.changed - done.ending
        if done.unchanged == len(jobs):
            told = f"No element of array {number} that you named could be changed. {RULES[step]}."
            raise Refused("INVALID_STATE", f"{told} See: rcq queue --array {number}.")
        await self._note(who, array, f"job.{step}", elements, done)
        return done

    async def _cancel(self, array: StoredArray, jobs: Sequence[JobId]) -> tuple[int, int]:
        """How many were cancelled while they waited, and how many are being ended."""
        cancelled, ending = set[JobId](), set[JobId]()
        for _ in range(ROUNDS):
            hand = await self._take(jobs, WAITING)  # first, so that none of them starts while others are ended
            live = [self._books.live[job] for job in jobs if job in self._books.live and job not in ending]
            cancelled.update(await self._move(array, hand, JobState.CANCELLED))
            ending.update(one.job for one in live)
            if not live:
                break
            await asyncio.gather(*[self._stop(one) for one in live])
            await self._keep_stops()
        return len(cancelled), len(ending - cancelled)

    async def _take_back(self, jobs: Sequence[JobId]) -> int:
        """How many are taken out of the cluster's queue, to be held once they are."""
        found = [self._books.live[job] for job in jobs if job in self._books.live]
        back = [live for live in found if live.waits and live.stopping is None]
        stops = [
            self._runs.stop(live, Cause.PREEMPTED, TAKEN_BACK, held_next=True, marked=self._keep_stops) for live in back
        ]
        await asyncio.gather(*stops)
        await self._keep_stops()
        return len(back)

    async def _stop(self, live: Live) -> None:
        if self._books.live.get(live.job) is live:  # else it has ended by itself
            await self._runs.stop(live)

    async def _keep_stops(self) -> None:
        """That they were told to stop is on disk before the answer; if it cannot be, they were told all the same."""
        try:
            await self._passes.flush()
        except StoreError as error:
            log.error("Not written down that jobs were told to stop: %s", error)

    async def _move(self, array: StoredArray, hand: Hand, state: JobState) -> list[JobId]:
        """Put what was taken into that state; which ones these are."""
        moved = hand.jobs
        if not moved:
            return []
        try:
            await self._passes.flush_for(moved)
            await self._store.jobs.record([MovedAll(jobs=moved, state=state, at=self._clock.now())])
        except StoreError as error:
            self._put_back(hand)
            raise not_ready(error) from error
        await self._settle(hand, state)
        self._tell(array, moved, state)
        return moved

    async def _take(self, jobs: Sequence[JobId], states: Collection[JobState]) -> Hand:
        """Those that wait in one of these states; from the queue all at once, and last."""
        aside: list[Taken] = []

        def take(job: JobId) -> None:
            if job not in self._books.pending and self._books.waits(job) in states:
                one = self._waiting.take_aside(job)
                aside.extend([one] if one is not None else [])

        await _sliced(jobs, take)
        return Hand(queued=self._books.pending.take(jobs) if JobState.PENDING in states else [], aside=aside)

    async def _settle(self, hand: Hand, state: JobState) -> None:
        """They are in that state on disk; now in the books, too."""
        if state is JobState.CANCELLED:
            self._books.ended(state, Cause.CANCELLED, len(hand.queued))
            await _sliced(hand.queued, lambda place: self._gatekeeper.ended(place[1].job, state))
            await _sliced(hand.aside, lambda one: self._waiting.end(one, state))
        elif state is JobState.HELD:
            await _sliced(hand.queued, lambda place: self._books.held.update({place[1].job: place}))
            await _sliced(hand.aside, lambda one: self._waiting.put(one, state))
        else:
            self._books.pending.add_all((one.key, one.waiting) for one in hand.aside if one.entry is None)
            await _sliced(
                [one for one in hand.aside if one.entry is not None], lambda one: self._waiting.put(one, state)
            )

    def _put_back(self, hand: Hand) -> None:
        """They wait as before."""
        self._books.pending.add_all(hand.queued)
        for one in hand.aside:
            self._waiting.put(one)
        self._passes.wake()

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
        which = compact(sorted(set(elements)))[:MOST_TARGET] if elements else ALL
        target = f"{array.parent}[{which}]"
        changed, ending = done.changed, done.ending
        entry = audited(self._clock, who, action, target, owner=array.account, changed=changed, ending=ending)
        await note_done(self._store.audit, entry)


async def _sliced(items: Sequence[T], act: Callable[[T], None]) -> None:
    for at in range(0, len(items), SLICE):
        for item in items[at : at + SLICE]:
            act(item)
        await asyncio.sleep(0)
