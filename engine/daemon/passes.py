"""The loop around the plan: snapshot, plan, claim, commit, act, publish; one pass at a time, woken by events.

Must not decide anything (that is `engine.core.plan`) and must not know SQL, processes or HTTP.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from engine.bookkeeping import Change, Charged, Scheduled
from engine.core.decisions import Plan, Start
from engine.core.model import JobId
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot
from engine.daemon.bills import Bills
from engine.daemon.books import Books, Live
from engine.daemon.decisionlog import DecisionLog
from engine.daemon.feed import Feed
from engine.daemon.journal import Journal, merged
from engine.daemon.pastpasses import PastPasses, counted
from engine.daemon.preemptions import Preemptions
from engine.daemon.runs import Runs
from engine.ports import Clock, ImpossibleChange, JobStore
from engine.protocol.errors import RcqError

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""After a pass failed, the next one comes so much later (or when something wakes it)."""


class Passes:
    """Runs passes until it is stopped.

    count, failed: passes so far. last_at: when the last good one ended, Unix seconds. last_s: how long it took.
    trouble: why the last one failed; `None` if it was good. past: the last good ones in figures.
    """

    def __init__(
        self,
        *,
        books: Books,
        journal: Journal,
        policy: Policy,
        bills: Bills,
        store: JobStore,
        runs: Runs,
        feed: Feed,
        clock: Clock,
        boot_id: str,
        plan: Callable[[Snapshot, Policy], Plan],
        decisions: DecisionLog,
        preemptions: Preemptions,
    ) -> None:
        self._books = books
        self._journal = journal
        self._policy = policy
        self._bills = bills
        self._store = store
        self._runs = runs
        self._feed = feed
        self._clock = clock
        self._boot_id = boot_id
        self._plan = plan
        self._decisions = decisions
        self._preemptions = preemptions
        self._due = asyncio.Event()
        self._stopping = False
        self.count = 0
        self.failed = 0
        self.last_at: float | None = None
        self.last_s: float | None = None
        self.trouble: str | None = None
        self.past = PastPasses()
        self._tried_at = time.monotonic()

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: the last pass was as long ago as before, and what it decided may be out of date."""
        self.last_at = None if self.last_at is None else self.last_at + by_s
        self.wake()

    def untried_s(self) -> float:
        """Seconds since a pass was last begun or ended, well or ill: many, and the loop of passes hangs."""
        return time.monotonic() - self._tried_at

    def wake(self) -> None:
        """Something changed: a pass is due. Any number of calls before it begins make one pass."""
        self._due.set()

    def stop(self) -> None:
        """Let `run` return after the pass that is under way."""
        self._stopping = True
        self._due.set()

    async def run(self) -> None:
        """Pass whenever one is due, until `stop`."""
        while True:
            await self._due.wait()
            self._due.clear()
            if self._stopping:
                return
            self._tried_at = time.monotonic()
            try:
                await self.one()
                self.trouble = None
            except Exception as error:  # noqa: BLE001 - one of the outermost loops: the next pass comes, whatever it was
                self._failed(error)
            self._tried_at = time.monotonic()

    def _failed(self, error: Exception) -> None:
        """The whole trace is for a defect, once; a full disk says so itself, every second with the same words."""
        words = str(error) if isinstance(error, RcqError) else f"a defect ({type(error).__name__}: {error})"
        if words == self.trouble:
            log.error("A pass failed again: %s", words)
        else:
            trace = None if isinstance(error, RcqError) else error
            log.error("A pass failed; the next one comes in %s s: %s", RETRY_S, words, exc_info=trace)
        self.trouble = words
        self.failed += 1
        asyncio.get_running_loop().call_later(RETRY_S, self.wake)

    async def one(self) -> None:
        """One pass."""
        began = time.perf_counter()
        # 1. the world as it is now, with what runs longer than it was charged for billed further
        now = self._clock.now()
        self._bills.catch_up()
        snapshot = self._decisions.watched(self._books.snapshot(now))
        # 2. decide
        decided = self._plan(snapshot, self._policy)
        record = self._decisions.note(snapshot, self._policy, decided)
        numbers = counted(snapshot, decided)
        # 3. claim in memory what starts and what is stopped for it, before anybody else gets the loop
        before = self._journal.take()
        starts, new = self._claim(decided, snapshot)
        victims, stops = self._preemptions.claim(decided)
        # 4. one commit for that and for everything that happened since the last pass
        try:
            await self._commit(before, starts, [*new, *stops, *record])
        except BaseException:  # a cancelled commit too: nobody is stopped for what is not on disk
            self._preemptions.undo(victims)
            raise
        # 5. act: each start and stop goes on by itself, so that a slow one holds up nobody
        for live, _ in starts:
            self._runs.launch(live)
        self._preemptions.act(victims)
        # 6. tell
        self.count += 1
        self.last_at = self._clock.now()
        self.last_s = time.perf_counter() - began
        self.past.note(numbers, self.last_at, self.last_s)
        if before or new or stops:
            self._feed.queue_changed()

    async def flush(self) -> None:
        """Write down what gathered, without deciding anything: the last thing before the store closes."""
        await self._commit(self._journal.take(), [], [])

    async def flush_for(self, jobs: Iterable[JobId]) -> None:
        """The same if the end of an attempt of one of these jobs is among it: their next step follows on that."""
        if any(self._journal.concerns(job) for job in jobs):
            await self.flush()

    def _claim(self, decided: Plan, snapshot: Snapshot) -> tuple[list[tuple[Live, Start]], list[Change]]:
        self._books.plan = decided
        self._books.cards.hot = decided.hot
        changes: list[Change] = []
        starts: list[tuple[Live, Start]] = []
        for start in decided.starts:
            live = self._books.claim(start)
            changes.append(Scheduled(lease=start.lease, attempt=live.attempt, boot_id=self._boot_id))
            changes.extend(self._bills.open(live, snapshot.all_gpus, decided.now))
            starts.append((live, start))
        return starts, changes

    async def _commit(self, before: list[Change], starts: list[tuple[Live, Start]], new: list[Change]) -> None:
        """On disk, or as if nothing had been decided; what had happened before waits for the next commit."""
        if not (changes := [*before, *new]):
            return
        try:
            await self._store.record(merged(changes))
        except Exception as error:  # whatever it was, it is undone and raised on
            self._bills.drop(change for change in new if isinstance(change, Charged))
            for live, start in starts:
                self._books.unclaim(live, start.submitted_at)
            self._journal.put_back(before)
            if isinstance(error, ImpossibleChange):
                await self._salvage()
            raise
        for ended, account in self._journal.written(changes):
            self._runs.written(ended.job)
            self._feed.job_changed(ended.job, account, ended.state.value)
            if (waits := self._books.waits(ended.job)) is not None:
                self._feed.job_changed(ended.job, account, waits.value)
        for live, _ in starts:
            self._feed.job_changed(live.job, live.lease.key.owner.account, live.state.value)

    async def _salvage(self) -> None:
        """Write what can be written, one by one: a change that never will must not keep the others off the disk."""
        for change in (waiting := self._journal.take()):
            try:
                await self._store.record([change])
            except ImpossibleChange:
                log.exception("Left out for ever, a defect: %r", change)
        self._journal.written(waiting)
