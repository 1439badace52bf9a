"""Jobs that hold cards and use none of them: their owners are told, and by policy they make room.

A job is idle while every card of its own is read, tells its utilization, and is under `gpu.idle_utilization`; what a
sharer does on a card counts for all who have it, as nobody can tell them apart. Time without readings does not count.
Told after `gpu.idle_minutes`; where the policy is to preempt, stopped after twice that, to go on at the end of the
queue. Owned by the event loop. Must not know how anything is measured, shown or stopped.
"""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from config.settings import GpuSettings
from engine.core.lifecycle import Cause, JobState
from engine.core.model import JobId
from engine.daemon.books import Books, Live
from engine.daemon.notices import Notices
from engine.daemon.stops import Stops
from engine.executor import logs
from engine.executor.directory import path_of

log = logging.getLogger(__name__)

CODE = "GPU_IDLE"


class Idle:
    """Watches all jobs. state_dir: where their files are, for the line that each gets in its own `stderr.log`."""

    def __init__(self, *, books: Books, notices: Notices, stops: Stops, settings: GpuSettings, state_dir: Path) -> None:
        self._books = books
        self._notices = notices
        self._stops = stops
        self._settings = settings
        self._state_dir = state_dir
        self._since: dict[tuple[JobId, int], float] = {}
        self._looked_at: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, now: float) -> None:
        """There are new readings."""
        if not self._settings.idle_minutes:
            return
        for key in self._since.keys() - {(live.job, live.attempt) for live in self._books.live.values()}:
            del self._since[key]
        self._leave_out_gap(now)
        for live in list(self._books.live.values()):
            if self._is_idle(live, now):
                self._idle_for(live, now - self._since.setdefault((live.job, live.attempt), now))
            elif self._since.pop((live.job, live.attempt), None) is not None:
                self._notices.over(CODE, job=live.job)

    def _leave_out_gap(self, now: float) -> None:
        """Time in which nobody looked is no idle time: the host slept, readings failed, the clock was set."""
        passed_s = 0.0 if self._looked_at is None else now - self._looked_at
        if not 0 <= passed_s <= self._books.cards.stale_after_s:
            self._since = {key: since + passed_s for key, since in self._since.items()}
        self._looked_at = now

    def _is_idle(self, live: Live, now: float) -> bool:
        """One that is being stopped or stands still, or that may be idle, is none."""
        if live.state is not JobState.RUNNING or not live.lease.gpus or live.stopping is not None:
            return False
        if live.paused_since is not None or live.fields is None or live.fields.idle_ok:
            return False
        cards = self._books.cards
        found = [cards.get(uuid) for uuid in live.lease.gpus]
        return all(
            card is not None
            and not cards.missing(card, now)
            and card.reading.utilization is not None
            and card.reading.utilization < self._settings.idle_utilization
            for card in found
        )

    def _idle_for(self, live: Live, idle_s: float) -> None:
        after_s = self._settings.idle_minutes * 60
        if idle_s < after_s:
            return
        preempts = self._settings.idle_action == "preempt"
        owner = live.lease.key.owner.account
        if self._notices.tell(CODE, job=live.job, account=owner, gpus=len(live.lease.gpus), idle_s=round(idle_s)):
            self._soon(self._write(live, told(idle_s, after_s if preempts else None)), f"idle-{live.job}")
        if preempts and idle_s >= 2 * after_s:
            self._reclaim(live, idle_s)

    def _reclaim(self, live: Live, idle_s: float) -> None:
        message = (
            f"attempt {live.attempt} was stopped: it used none of its GPUs for {_minutes(idle_s)}; "
            "it goes on as its next attempt, at the end of the queue"
        )
        live.to_end = True
        self._stops.stop(live, Cause.PREEMPTED, message, rule="idle", idle_s=round(idle_s))

    async def _write(self, live: Live, line: str) -> None:
        """Off the event loop: the job's files may be on a slow disk."""
        place = path_of(self._state_dir, live.job)
        if not await asyncio.to_thread(logs.append, place, "stderr", f"rcq: {line}\n".encode()):
            log.info("Job %s could not be told in its stderr.log.", live.job)

    def _soon(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed.", task.get_name(), exc_info=error)


def told(idle_s: float, stops_in_s: float | None) -> str:
    """What the job's owner reads in its output. stops_in_s: seconds until it is stopped, if it is."""
    line = f"this job used none of its GPUs for {_minutes(idle_s)}."
    if stops_in_s is None:
        return f"{line} Others may wait for them; submit with --idle-ok if that is meant to be."
    return f"{line} If it goes on so for {_minutes(stops_in_s)} it is stopped and queued again (--idle-ok: never)."


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
