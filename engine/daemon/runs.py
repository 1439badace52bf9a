"""Attempts under way: starting them, stopping them, taking note of how they end.

A lease is freed in memory the moment an attempt ends; the ending is written down with the next commit. Must not know
why a job was chosen, nor how processes are made.
"""

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from engine.bookkeeping import Moved, Rewritten, Started, Stopping
from engine.core.lifecycle import Cause, JobState
from engine.core.model import JobId, Waiting
from engine.core.snapshot import Lease
from engine.daemon import tries
from engine.daemon.aftermath import Aftermath, aftermath
from engine.daemon.bills import Bills
from engine.daemon.books import Books, Live
from engine.daemon.feed import Feed
from engine.daemon.handover import Handover
from engine.daemon.journal import Journal
from engine.daemon.simload import simulated_load
from engine.daemon.tries import Tries
from engine.ports import CannotLaunch, Clock, Ending, Executor, JobStore, Launch, Running
from engine.protocol.fields import JobFields

log = logging.getLogger(__name__)

SHORTAGES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What the host lacks for the moment, whichever job it is."""
SETTLE_S = 5.0
"""Who cancels a job that is just being started waits at most so long to hear how that went."""


class MakesLaunches(Protocol):
    """Turns a lease and a request into something an executor can start. Raises OSError, ValueError, CannotLaunch."""

    async def make(self, live: Live, fields: JobFields) -> Launch:
        """Makes the job's directory too."""
        ...


class ExaminesEnds(Protocol):
    """Finds out more about how an attempt ended, which takes a moment; meanwhile it keeps its lease."""

    def suspects(self, live: Live, ending: Ending) -> bool:
        """Whether there is anything to find out."""
        ...

    async def examined(self, live: Live, ending: Ending) -> Ending:
        """The end as it turns out."""
        ...


class Runs:
    """Starts, stops and ends attempts. wake: asks for a pass. final: hears of a job's last end.

    preparing: each gets the cards ready before an attempt starts, or says why it must not start; where it raises, the
    start is begun again.
    grow: gives a job that ran out of GPU memory another request. leaving: each hears of an attempt's end first; what it
    adds to the journal stands there before that end. examiners: find out more about an end before it counts. hindered,
    started: hear of each try to start that broke off and will be made again, and of one that went well.
    """

    def __init__(
        self,
        *,
        books: Books,
        journal: Journal,
        bills: Bills,
        store: JobStore,
        executor: Executor,
        launches: MakesLaunches,
        feed: Feed,
        clock: Clock,
        grace_s: float,
        retry_time_limit: bool = False,
    ) -> None:
        self._books = books
        self._journal = journal
        self._bills = bills
        self._store = store
        self._executor = executor
        self._launches = launches
        self._feed = feed
        self._clock = clock
        self._grace_s = grace_s
        self._retry_time_limit = retry_time_limit
        self._tasks: set[asyncio.Task[None]] = set()
        self._handed: set[asyncio.Task[None]] = set()
        self._tries = Tries()
        self._handover = Handover()
        self._closing = False
        self.wake: Callable[[], None] = lambda: None
        self.final: Callable[[JobId, JobState], None] = lambda job, state: None
        self.leaving: list[Callable[[Live, Ending], None]] = []
        self.preparing: list[Callable[[Live], Awaitable[str | None]]] = []
        self.examiners: list[ExaminesEnds] = []
        self.hindered: Callable[[Live, BaseException], None] = lambda live, error: None
        self.started: Callable[[Live], None] = lambda live: None
        self.grow: Callable[[Live, Aftermath], Aftermath] = lambda live, found: found
        self._examined: set[JobId] = set()

    def launch(self, live: Live) -> None:
        """Start an attempt whose lease is on disk, in a task of its own."""
        task = asyncio.get_running_loop().create_task(self._start(live), name=f"start-{live.job}")
        self._tasks.add(task)
        if live.on_cluster:
            self._handed.add(task)
            self._handover.draw(live)
        task.add_done_callback(lambda done: self._launched(live, done))

    async def settle(self) -> None:
        """Wait for the starts that were begun, but not for ever; the next engine takes up what did not get through.

        What was handed to a cluster may wait there for days, and is found there.
        """
        self._closing = True
        for task in self._handed:
            task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=SETTLE_S)
            for task in late:
                task.cancel()

    def job_of(self, pid: int) -> JobId | None:
        """Whose process that is; `None` for a stranger's."""
        return self._executor.job_of(pid)

    def mark(self, live: Live, cause: Cause, message: str | None = None, *, held_next: bool = False) -> Stopping:
        """From now on the attempt counts as told to stop; the change is for the next commit."""
        live.stopping, live.stop_message, live.stopping_since = cause, message, self._clock.now()
        live.held_next = held_next
        return Stopping(job=live.job, cause=cause, message=message, held_next=held_next)

    def unmark(self, live: Live) -> None:
        """It was not told to stop after all."""
        live.stopping = live.stop_message = live.stopping_since = None
        live.held_next = False

    def stop_soon(self, live: Live) -> "asyncio.Task[None]":
        """Tell a marked attempt to stop, in a task of its own, and again until it could be told."""
        task = asyncio.get_running_loop().create_task(self._signal(live), name=f"stop-{live.job}")
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._signalled(live, done))
        return task

    async def stop(
        self,
        live: Live,
        cause: Cause = Cause.CANCELLED,
        message: str | None = None,
        *,
        held_next: bool = False,
        marked: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """End an attempt for that cause; returns once that is under way, or once it has ended.

        held_next: what goes on after that is kept back. marked: what comes between the mark and the signal.
        """
        self._journal.add(self.mark(live, cause, message, held_next=held_next))
        self.wake()
        if marked is not None:
            await marked()
        if live.on_cluster and live.tried:
            await self._stop_on_cluster(live)
        elif live.state is JobState.SCHEDULED:
            with suppress(TimeoutError):  # whoever starts it sees the mark, if not now then later
                await asyncio.wait_for(live.settled.wait(), SETTLE_S)
        elif self._books.live.get(live.job) is live:
            await self._signal(live)

    async def _stop_on_cluster(self, live: Live) -> None:
        """It can be told whether it runs or waits there; while nobody answers there, it is told again and again."""
        told = self.stop_soon(live)
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await asyncio.wait({told})
                if live.waits:
                    await live.settled.wait()

    def ended(self, ending: Ending) -> None:
        """An attempt is over, and with it the job or not. A second word about the same attempt is ignored."""
        live = self._books.live.get(ending.job)
        if live is None or live.attempt != ending.attempt or live.job in self._examined:
            return
        suspicious = [examiner for examiner in self.examiners if examiner.suspects(live, ending)]
        if not suspicious:
            self._over(live, ending)
        elif not self._closing:  # else the next engine finds the end where the executor keeps it
            self._examined.add(live.job)
            task = asyncio.get_running_loop().create_task(self._examine(live, ending, suspicious))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _examine(self, live: Live, ending: Ending, examiners: list[ExaminesEnds]) -> None:
        try:
            for examiner in examiners:
                ending = await examiner.examined(live, ending)
        finally:
            self._examined.discard(live.job)
            if not self._closing:
                self._over(live, ending)

    def _over(self, live: Live, ending: Ending) -> None:
        for leave in self.leaving:
            leave(live, ending)
        self._books.free(live)
        self._tries.over(live)
        found = self.grow(live, aftermath(live, ending, retry_time_limit=self._retry_time_limit))
        self._books.preempted += found.ended.state is JobState.PREEMPTED
        if found.again is None:
            self._journal.end(found.ended, live.lease.key.owner.account)
            self._books.ended(found.ended.state, found.ended.cause)
            self.final(live.job, found.ended.state)
        else:
            self._journal.end_attempt(found.ended, found.again, live.lease.key.owner.account)
            failures = live.failures if found.again.failures is None else found.again.failures
            since = live.submitted_at if found.again.submitted_at is None else found.again.submitted_at
            waiting = Waiting(since, live.job)
            key = live.lease.key
            if found.rewritten is not None:
                key = found.rewritten.key
                self._journal.add(Rewritten(job=live.job, new=found.rewritten))
            grown = live.oom_retries if found.again.oom_retries is None else found.again.oom_retries
            if live.held_next:
                self._journal.add(Moved(job=live.job, state=JobState.HELD, message=found.again.message))
            self._books.requeue(
                key, waiting, attempts=live.attempt, failures=failures, oom_retries=grown, held=live.held_next
            )
        if ending.message:
            log.info("Job %s ended (%s): %r", ending.job, ending.cause, ending.message)
        name = live.fields.name if live.fields else None
        began = live.started_at if ending.started_at is None else ending.started_at
        worked_from = None if began is None else began + live.stood_still(ending.ended_at)
        self._books.run_times.ended(live.lease.key, name, found.ended, worked_from)
        ran_s = 0.0 if ending.started_at is None else max(0.0, ending.ended_at - ending.started_at)
        self._bills.settle(live, ran_s)
        self.wake()

    def written(self, job: JobId) -> None:
        """The end of its last attempt is on disk."""
        self._executor.forget(job)

    def running(self, live: Live, running: Running) -> None:
        """The executor runs it, since `running.started_at`."""
        if self._books.live.get(live.job) is not live:
            return  # it was over before its start was reported
        lease = self._moved(live, running)
        live.started_at, live.cores = running.started_at, running.cores
        live.paused_since, live.paused_s = running.paused_since, running.paused_s
        if live.state is JobState.RUNNING:
            return  # adopted: that it runs is written down already
        live.state = JobState.RUNNING
        self.started(live)
        if lease is not None:
            self._bills.began(live)
        self._journal.add(Started(job=live.job, started_at=running.started_at, node=live.node, lease=lease))
        self._feed.job_changed(live.job, live.lease.key.owner.account, live.state.value)

    @staticmethod
    def _moved(live: Live, running: Running) -> Lease | None:
        """The lease of one that a cluster has just begun to run; `None` where a lease is what it was."""
        if live.waits:
            live.began(running.started_at, running.node, running.gpus)
            return live.lease
        live.node = running.node or live.node
        return None

    async def know(self, live: Live) -> JobFields:
        """The request behind an attempt, and with it what the attempt does to a simulated card."""
        live.fields = fields = await self._store.fields(live.job)
        live.load, live.memory_mb = simulated_load(fields)
        return fields

    async def _start(self, live: Live) -> None:
        try:
            fields = live.fields or await self.know(live)
            if self._is_called_off(live):
                return
            launch = await self._launches.make(live, fields)
        except (OSError, KeyError, ValueError, CannotLaunch) as error:
            if isinstance(error, OSError) and error.errno in SHORTAGES:
                raise  # tried again: a full disk must not use up the whole queue
            if self._is_called_off(live):
                return
            log.error("Job %s cannot be launched: %s", live.job, error)
            self._never_ran(live, Cause.LAUNCH_ERROR, str(error))
            return
        for prepare in self.preparing:
            if (why := await prepare(live)) is not None:
                log.error("Job %s cannot be launched: %s", live.job, why)
                self._never_ran(live, Cause.LAUNCH_ERROR, why)
                return
        await self._handover.comes(live)
        if self._is_called_off(live):
            return
        live.tried = True
        self._handover.over(live)  # whoever is next comes to the executor behind it
        running = await self._executor.start(launch)
        self._tries.over(live)
        if running is not None:
            self.running(live, running)
        if live.stopping is not None:
            await self._signal(live)
        live.settled.set()

    async def _signal(self, live: Live) -> None:
        """Tell the executor; one that is being started on this host is told when it has started."""
        told = live.state is JobState.RUNNING or (live.waits and live.tried)
        if live.stopping is not None and told and self._books.live.get(live.job) is live:
            await self._executor.stop(live.job, live.stopping, self._grace_s)

    def _signalled(self, live: Live, done: "asyncio.Task[None]") -> None:
        """Whoever could not be told now is told again: what it holds was promised to another."""
        self._tasks.discard(done)
        if done.cancelled() or (error := done.exception()) is None:
            return
        self._tries.told(live, "told to stop", error, tries.RETRY_S)
        asyncio.get_running_loop().call_later(tries.RETRY_S, self._stop_again, live)

    def _stop_again(self, live: Live) -> None:
        if self._books.live.get(live.job) is live and not self._closing:
            self.stop_soon(live)

    def _is_called_off(self, live: Live) -> bool:
        """Whether it was told to stop before anything was started; then it has ended by this.

        What may have been handed to a cluster is told there.
        """
        if live.stopping is None:
            return False
        if live.tried:
            if live.waits:
                self.stop_soon(live)
            return live.waits
        self._never_ran(live, live.stopping, None)
        return True

    def _launched(self, live: Live, done: "asyncio.Task[None]") -> None:
        """The start is through; one that broke off is begun again, which never runs the same attempt twice."""
        self._tasks.discard(done)
        self._handed.discard(done)
        self._handover.over(live)
        if done.cancelled() or (error := done.exception()) is None:
            return
        again_s = self._tries.start_in_s(live)
        self._tries.told(live, "started", error, again_s)
        if self._books.live.get(live.job) is live:
            self.hindered(live, error)
        asyncio.get_running_loop().call_later(again_s, self._again, live)

    def _again(self, live: Live) -> None:
        if self._books.live.get(live.job) is live and not self._closing:
            self.launch(live)

    def _never_ran(self, live: Live, cause: Cause, message: str | None) -> None:
        self.ended(
            Ending(
                job=live.job,
                attempt=live.attempt,
                cause=cause,
                exit_code=None,
                signal=None,
                started_at=None,
                ended_at=self._clock.now(),
                message=message,
            )
        )
