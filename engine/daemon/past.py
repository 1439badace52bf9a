"""The last weeks out of an engine's database, as a trace to replay and as what really happened.

The database is copied first and never written to. Must not know what is asked of the past.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from engine.core.lifecycle import TERMINAL
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, ServiceName, Shape, kind_of
from engine.core.quota import Quota
from engine.core.snapshot import GroupTerms, Quotas
from engine.core.trace import Ran, TraceJob
from engine.daemon.books import Books
from engine.daemon.register import Register
from engine.daemon.trace import Trace, TraceError
from engine.store.database import check, connect_reader
from engine.store.rows import StoredJob
from engine.store.store import Store

DAY_S = 86_400.0
PAGE = 1000
SHORTEST_S = 0.001
"""A job whose start and end are told as one instant has run for so long."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Past:
    """Jobs that ran and ended, and how that went; seconds count from the first submission.

    groups, quotas: what is in force today. cards: how many different ones the jobs ran on.
    """

    trace: Trace
    happened: tuple[Ran, ...]
    groups: dict[GroupName, GroupTerms]
    quotas: Quotas
    cards: int


def read_past(database: Path, days: float, books: Books, defaults: Quota) -> Past:
    """Jobs submitted in the last `days` before the last submission.

    books: empty ones; they are told the terms and quotas. defaults: the quota of accounts without one of their own.
    Raises StoreError and TraceError, saying what to do.
    """
    check(database)
    if not database.exists():
        raise TraceError(f"{database}: there is no such database. Name one with --database FILE")
    with tempfile.TemporaryDirectory(prefix="rcq-past-") as place:
        copy = Path(place) / "rcq.db"
        _copy(database, copy)
        recent = asyncio.run(_read(copy, days, books, defaults))
    ran = [job for job in recent if job.state in TERMINAL and job.started_at and job.ended_at]
    if not ran:
        raise TraceError(f"{database}: no job of the last {days:g} days ran and ended. Look further back with --days")
    first = min(job.submitted_at for job in ran)
    happened = tuple(_ran(job, first) for job in sorted(ran, key=lambda job: (job.submitted_at, job.id)))
    return Past(
        trace=Trace(name=str(database), jobs=tuple(one.job for one in happened), skipped=len(recent) - len(ran)),
        happened=happened,
        groups=dict(books.groups),
        quotas=books.quotas,
        cards=len({uuid for job in ran for uuid in job.gpu_uuids}),
    )


async def _read(copy: Path, days: float, books: Books, defaults: Quota) -> list[StoredJob]:
    store = Store.open(copy, half_life_s=7 * DAY_S)
    try:
        await Register(store=store, books=books, defaults=defaults).load()
        return [job async for job in _recent(store, days)]
    finally:
        await store.close()


def _copy(database: Path, to: Path) -> None:
    """One instant of a database that others may be writing to."""
    try:
        source = connect_reader(database)
        try:
            target = sqlite3.connect(to)
            source.conn.backup(target)
            target.close()
        finally:
            source.close()
    except sqlite3.DatabaseError as error:
        raise TraceError(
            f"{database}: cannot be copied to {to.parent}: {error}. Make room there, or set TMPDIR"
        ) from error


async def _recent(store: Store, days: float) -> AsyncIterator[StoredJob]:
    """Jobs newest first, back to `days` before the newest one. A clock that was set back does not end it early."""
    since, before = None, None
    while page := await store.jobs.page(limit=PAGE, before=before):
        since = page[0].submitted_at - days * DAY_S if since is None else since
        for job in page:
            if job.submitted_at >= since:
                yield job
        if all(job.submitted_at < since for job in page):
            return
        before = page[-1].id


def _ran(job: StoredJob, first: float) -> Ran:
    started_at, ended_at = job.started_at or 0.0, job.ended_at or 0.0
    runtime_s = max(SHORTEST_S, ended_at - started_at)
    start_s = max(started_at, job.submitted_at) - first
    of = TraceJob(job=JobId(str(job.id)), key=_key(job), submit_s=job.submitted_at - first, runtime_s=runtime_s)
    return Ran(job=of, start_s=start_s, end_s=start_s + runtime_s, gpus=job.gpu_uuids)


def _key(job: StoredJob) -> GroupKey:
    return GroupKey(
        owner=Owner(account=AccountName(job.account), group=GroupName(job.group)),
        service=ServiceName(job.service) if job.service is not None else None,
        priority=job.priority,
        preemptible=job.preemptible,
        kind=kind_of(job.name),
        shape=Shape(
            gpus=job.gpus,
            gpu_type=job.gpu_type,
            gpu_memory_mb=job.gpu_memory_mb,
            share=job.gpu_share,
            cpu_cores=job.cpu_cores,
            memory_mb=job.memory_mb,
            time_limit_s=job.time_limit_s,
            gpu_power_w=job.gpu_power_w,
        ),
    )
