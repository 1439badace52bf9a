"""Figures of the whole box and of the engine on it: jobs, passes, host, database. Must not know HTTP or who asks."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from config.paths import Paths
from engine.core.lifecycle import Cause
from engine.core.policy import Policy
from engine.daemon.backupkeeper import BackupKeeper
from engine.daemon.books import Books
from engine.daemon.failedlogins import WHYS, FailedLogins
from engine.daemon.feed import Feed
from engine.daemon.hostwatch import HostWatch
from engine.daemon.looplag import LoopLag
from engine.daemon.metrics.counts import Counts
from engine.daemon.metrics.page import Page
from engine.daemon.passes import Passes
from engine.daemon.room import room_of
from engine.daemon.submission import Submission
from engine.store.writer import Writer

MIB = 2**20
RESULTS = ("accepted", "rejected")


@dataclass(slots=True, frozen=True, kw_only=True)
class Sources:
    """Where the figures are read. healthy: whether the engine is fit now."""

    books: Books
    policy: Policy
    paths: Paths
    counts: Counts
    passes: Passes
    submission: Submission
    failures: FailedLogins
    writer: Writer
    feed: Feed
    host: HostWatch
    backups: BackupKeeper
    lag: LoopLag
    healthy: Callable[[], bool]


def tell(page: Page, of: Sources) -> None:
    """All of them, as they are now."""
    page.put("rcq_build_info", 1, version("rcq"), platform.python_version(), of.policy.order.value)
    page.put("rcq_healthy", of.healthy())
    _jobs(page, of)
    _room(page, of)
    _host(page, of)
    _engine(page, of)


def _jobs(page: Page, of: Sources) -> None:
    for state, count in of.books.counts().items():
        page.put("rcq_jobs", count, state)
    page.put("rcq_jobs_submitted_total", of.submission.taken)
    for cause in Cause:
        page.put("rcq_jobs_finished_total", of.books.causes[cause], cause.value)
    page.put("rcq_preemptions_total", of.books.preempted)
    page.take("rcq_job_wait_seconds", of.counts.waits.collect())
    page.put("rcq_last_pass_timestamp_seconds", of.passes.last_at)


def _room(page: Page, of: Sources) -> None:
    room, held = room_of(of.books)
    page.put("rcq_cpu_cores", room.cpu_cores)
    page.put("rcq_cpu_cores_leased", held.cpu_cores)
    page.put("rcq_memory_bytes", room.memory_mb * MIB)
    page.put("rcq_memory_leased_bytes", held.memory_mb * MIB)
    page.put("rcq_power_budget_watts", of.policy.power.budget_w)


def _host(page: Page, of: Sources) -> None:
    host = of.host.now
    page.put("rcq_host_cpu_ratio", host.cpu)
    page.put("rcq_host_load1", host.load1)
    page.put("rcq_host_memory_bytes", in_bytes(host.memory_total_mb))
    page.put("rcq_host_memory_used_bytes", in_bytes(host.memory_used_mb))
    page.put("rcq_disk_bytes", in_bytes(host.disk_total_mb))
    page.put("rcq_disk_free_bytes", in_bytes(host.disk_free_mb))
    page.put("rcq_last_backup_timestamp_seconds", of.backups.last_at)


def _engine(page: Page, of: Sources) -> None:
    page.take("rcq_pass_seconds", of.counts.passes.collect())
    page.put("rcq_passes_failed_total", of.passes.failed)
    for last in of.passes.past.last(1):
        page.put("rcq_pass_pending_groups", last.groups)
        page.put("rcq_pass_promised_jobs", last.promised)
    lines = of.counts.lines()
    for result in RESULTS:
        page.put("rcq_ingest_lines_total", lines[result], result)
    for why in WHYS:
        page.put("rcq_login_failures_total", of.failures.counts[why], why)
    page.put("rcq_commits_total", of.writer.commits)
    page.put("rcq_commit_slowest_seconds", of.writer.times.slowest_s(time.monotonic()))
    page.put("rcq_event_loop_lag_seconds", of.lag.worst_s)
    page.put("rcq_event_streams", of.feed.followers)
    page.later.append(lambda: _sizes(page, of.paths.database))


def _sizes(page: Page, database: Path) -> None:
    wal = database.with_name(database.name + "-wal")
    for name, file in (("rcq_database_bytes", database), ("rcq_database_wal_bytes", wal)):
        try:
            page.put(name, file.stat().st_size)
        except OSError:  # a log that is not there has no size
            continue


def in_bytes(mebibytes: int | None) -> int | None:
    """The same in bytes."""
    return None if mebibytes is None else mebibytes * MIB
