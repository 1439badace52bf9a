"""At start: takes up what an earlier engine left. Attempts are adopted, never run twice, never forgotten.

Must not decide anything new, nor know how an executor finds a process again.
"""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.bookkeeping import KnownJob
from engine.core.lifecycle import Cause, JobState
from engine.core.model import GroupKey, JobId, Waiting
from engine.core.snapshot import CLUSTER
from engine.daemon.bills import Bills
from engine.daemon.books import Books, Live
from engine.daemon.gatekeeper import Gatekeeper
from engine.daemon.runs import Runs
from engine.executor.directory import path_of
from engine.ports import Clock, Ending, Executor, JobStore, Running
from engine.protocol.errors import RcqError

log = logging.getLogger(__name__)

AT_ONCE = 32
ASK_S = 2.0
"""A cluster that could not be asked what became of an attempt is asked again after so long."""
CLOCK_SET_S = 30.0
"""An attempt begins sooner than that after it got its lease, or the clock was set."""


@dataclass(slots=True)
class _Left:
    """What an earlier engine left."""

    pending: list[tuple[GroupKey, Waiting]] = field(default_factory=list)
    held: list[tuple[GroupKey, Waiting]] = field(default_factory=list)
    leased: list[KnownJob] = field(default_factory=list)
    gate: list[KnownJob] = field(default_factory=list)
    attempts: dict[JobId, int] = field(default_factory=dict)
    failures: dict[JobId, int] = field(default_factory=dict)
    oom_retries: dict[JobId, int] = field(default_factory=dict)


class Recovery:
    """Fills the books from the store and from what the executor finds."""

    def __init__(
        self,
        *,
        books: Books,
        store: JobStore,
        executor: Executor,
        runs: Runs,
        gatekeeper: Gatekeeper,
        state_dir: Path,
        bills: Bills,
        boot_id: str,
        clock: Clock,
    ) -> None:
        self._books = books
        self._store = store
        self._executor = executor
        self._runs = runs
        self._gatekeeper = gatekeeper
        self._state_dir = state_dir
        self._bills = bills
        self._boot_id = boot_id
        self._clock = clock
        self._later: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Queue what waits, adopt what had a lease. The executor has to be open.

        What is on a cluster that cannot be asked now stays as the books have it, and is asked for again and again.
        """
        left = await asyncio.to_thread(self._read)
        self._queue(left)
        await self._gatekeeper.recover(left.gate)
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(job: KnownJob) -> None:
            async with turns:
                await self._take_up(job)

        # all leases are in the books by now: an ending never finds its lease missing
        await asyncio.gather(*[one(job) for job in left.leased])
        if left.pending or left.leased:
            log.info("%d jobs wait, %d hold a lease.", len(self._books.pending), len(self._books.live))

    async def close(self) -> None:
        """Ask no more: the next engine does."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    def _read(self) -> "_Left":
        """In a thread, as a million rows take seconds; of a waiting job no more is kept than the queue needs."""
        left = _Left()
        keys: dict[tuple[GroupKey, str], GroupKey] = {}
        for stored in self._store.unended():
            job = self._told_apart(stored, keys)
            if job.lease is not None:
                left.leased.append(job)
                continue
            if job.gate is not None:
                left.gate.append(job)
            if job.state is JobState.HELD:
                left.held.append((job.key, Waiting(job.submitted_at, job.job)))
            elif job.gate is None:
                left.pending.append((job.key, Waiting(job.submitted_at, job.job)))
            if job.attempt:
                left.attempts[job.job] = job.attempt
            if job.failures:
                left.failures[job.job] = job.failures
            if job.oom_retries:
                left.oom_retries[job.job] = job.oom_retries
        return left

    def _told_apart(self, job: KnownJob, keys: dict[tuple[GroupKey, str], GroupKey]) -> KnownJob:
        """The job with the kind that its name tells, where such jobs ran before. keys: shared by equal ones."""
        run_times = self._books.run_times
        kind = run_times.kind(job.key.owner.account, job.name)
        if not kind:
            return job
        key = keys.setdefault((job.key, kind), replace(job.key, kind=kind))
        return replace(job, key=key, lease=replace(job.lease, key=key) if job.lease else None)

    def _queue(self, left: "_Left") -> None:
        self._books.pending.add_all(left.pending)
        self._books.held.update((waiting.job, (key, waiting)) for key, waiting in left.held)
        self._books.attempts.update(left.attempts)
        self._books.failures.update(left.failures)
        self._books.oom_retries.update(left.oom_retries)
        for job in left.leased:
            live = self._books.live[job.job] = live_of(job, self._clock.now())
            self._bills.adopt(live)

    async def _take_up(self, job: KnownJob) -> None:
        live = self._books.live[job.job]
        await self._runs.know(live)
        try:
            found = await self._executor.adopt(job.job, job.attempt, self._place(job.job))
        except RcqError as error:
            if not live.on_cluster:
                raise
            log.warning("What became of job %s on the cluster cannot be asked now: %s", job.job, error)
            task = asyncio.get_running_loop().create_task(self._ask_again(job, live), name=f"adopt-{job.job}")
            self._later.add(task)
            task.add_done_callback(self._later.discard)
            return
        self._taken_up(job, live, found)

    async def _ask_again(self, job: KnownJob, live: Live) -> None:
        while True:
            await asyncio.sleep(ASK_S)
            try:
                found = await self._executor.adopt(job.job, job.attempt, self._place(job.job))
            except RcqError:
                continue  # that it is away is told once, by who asks all the time
            if self._books.live.get(job.job) is live:
                self._taken_up(job, live, found)
            return

    def _taken_up(self, job: KnownJob, live: Live, found: Running | Ending | None) -> None:
        match found:
            case Running():
                if not live.waits:
                    self._set_right(live, found)
                self._runs.running(live, found)
                live.settled.set()
                if live.stopping is not None:
                    self._runs.stop_soon(live)  # the engine before may have died before it said so
            case Ending():
                self._runs.ended(found)
            case None if job.state is JobState.SCHEDULED:
                self._runs.launch(live)  # it never began: the same attempt begins now
            case None:
                self._runs.ended(self._lost(job))

    def _set_right(self, live: Live, found: Running) -> None:
        """Where the clock was set while no engine ran, what is on disk is of another time than the executor's word."""
        off_s = found.started_at - live.lease.started_at
        if abs(off_s) >= CLOCK_SET_S:
            log.warning("Job %s began %.0f s away from what is on disk: the clock was set.", live.job, off_s)
            live.clock_set(off_s)
            self._bills.move(live, off_s)

    def _lost(self, job: KnownJob) -> Ending:
        """It ran, and nothing of it is left: its host went down, or somebody removed its files.

        That this host was restarted means nothing to what ran on a cluster.
        """
        on_cluster = job.lease is not None and job.lease.place == CLUSTER
        rebooted = not on_cluster and job.boot_id != self._boot_id
        gone = "the cluster knows nothing of it any more" if on_cluster else "its files or its unit are gone"
        told = None if rebooted else job.stopping  # what it was told to do it has done, seen or not
        log.error("Job %s ran when the engine stopped, and nothing is left of it.", job.job)
        return Ending(
            job=job.job,
            attempt=job.attempt,
            cause=told or (Cause.HOST_REBOOT if rebooted else Cause.LAUNCH_ERROR),
            exit_code=None,
            signal=None,
            started_at=None,
            ended_at=self._clock.now(),
            message=None if told else "the host was restarted" if rebooted else gone,
        )

    def _place(self, job: JobId) -> Path:
        return path_of(self._state_dir, job)


def live_of(job: KnownJob, now: float) -> Live:
    """The attempt as the store has it; one that was told to stop has all of its grace again.

    What waited on a cluster may be in its queue, and what ran there runs until the cluster says otherwise.
    """
    assert job.lease is not None  # noqa: S101 - the caller looked
    on_cluster = job.lease.place == CLUSTER
    return Live(
        lease=job.lease,
        attempt=job.attempt,
        state=job.state,
        submitted_at=job.submitted_at,
        failures=job.failures,
        oom_retries=job.oom_retries,
        stopping=job.stopping,
        stop_message=job.stop_message,
        stopping_since=None if job.stopping is None else now,
        held_next=job.held_next,
        node=job.node,
        tried=on_cluster,
        started_at=job.lease.started_at if on_cluster and job.state is JobState.RUNNING else None,
    )
