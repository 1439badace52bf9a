"""What has to happen from time to time: APScheduler 3, and only here.

Must not know what the things do that it calls.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from engine.protocol.enginefigures import TimerView

JOB_DEFAULTS = {
    # A run that is late still runs: the library's own default drops it silently when it is a second late,
    # and an engine that was suspended or busy would never pass again.
    "misfire_grace_time": None,
    # Ten runs that were missed are made up for by one.
    "coalesce": True,
    # None of these gains anything from running beside itself.
    "max_instances": 1,
}


class Timers:
    """Calls things in the event loop, at fixed intervals or once at a time, until it is stopped."""

    def __init__(self) -> None:
        # one line for each run it skips would fill the log while a driver call hangs
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=JOB_DEFAULTS)
        self._stopped = False

    def every(self, seconds: float, name: str, call: Callable[[], Awaitable[None]]) -> None:
        """Call `call` every so many seconds, the first time after as many."""
        self._scheduler.add_job(self._until_stopped(call), "interval", seconds=seconds, id=name, name=name)

    def at(self, when: float, name: str, call: Callable[[], Awaitable[None]]) -> None:
        """Call `call` once at `when` (Unix seconds) or at once if that is over; it replaces what was due as `name`."""
        moment = datetime.fromtimestamp(when, UTC)
        called = self._until_stopped(call)
        self._scheduler.add_job(called, "date", run_date=moment, id=name, name=name, replace_existing=True)

    def due(self) -> list[TimerView]:
        """Everything that is to come, the next first."""
        jobs = sorted(self._scheduler.get_jobs(), key=lambda job: (job.next_run_time, job.name))
        return [
            TimerView(name=job.name, every_s=_interval_s(job), next_at=job.next_run_time.timestamp()) for job in jobs
        ]

    def clock_set(self) -> None:
        """The clock jumped: intervals begin anew, or they would wait for an hour that went by already."""
        now = datetime.now(UTC)
        for job in self._scheduler.get_jobs():
            if isinstance(job.trigger, IntervalTrigger):
                job.modify(next_run_time=now + job.trigger.interval)
        self._scheduler.wakeup()

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Call nothing any more, and cancel what was called and is not over."""
        self._stopped = True
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _until_stopped(self, call: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def called() -> None:
            try:
                await call()
            except asyncio.CancelledError:
                if not self._stopped:  # the library would log that end as an error
                    raise

        return called


def _interval_s(job: Job) -> float | None:
    return job.trigger.interval.total_seconds() if isinstance(job.trigger, IntervalTrigger) else None
