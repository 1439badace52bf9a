"""The books of jobs: new ones in bulk, changes all or none, and what start-up and listings read.

Must not know why a job changes, nor who may see it.
"""

import heapq
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby
from typing import Any, cast

from sqlite_utils import Database

from engine.bookkeeping import AtGate, Change, KnownJob, Moved, NewJob
from engine.core.lifecycle import LEASED, WAITING, JobState
from engine.core.model import JobId
from engine.protocol.fields import JobFields, uploads_of
from engine.store import gate, uploads
from engine.store.arrays import add_array
from engine.store.attempts import attempts_of
from engine.store.audit import Entry, log
from engine.store.changes import apply, number_of
from engine.store.database import connect_reader
from engine.store.edits import edit, requeue
from engine.store.errors import Missing
from engine.store.measures import measures_of
from engine.store.readers import Readers
from engine.store.request import FIELD_COLUMNS, NEW_COLUMNS, fields_of, new_rows
from engine.store.rows import KNOWN_COLUMNS, STORED_COLUMNS, KnownJobs, StoredJob, stored_of
from engine.store.writer import Writer

ROWS_A_STATEMENT = 100
"""With as many rows in one statement SQLite works without Python's lock, while the next batch is checked."""
_ROW = f"({', '.join('?' * len(NEW_COLUMNS.split(',')))})"
_ADD = (
    f"INSERT INTO jobs ({NEW_COLUMNS}) VALUES {{rows}} "  # noqa: S608 - columns and question marks
    "ON CONFLICT (account, job_id) WHERE job_id IS NOT NULL DO NOTHING"
)
_ADD_ONE = _ADD.format(rows=_ROW)
_ADD_MANY = _ADD.format(rows=", ".join([_ROW] * ROWS_A_STATEMENT))
_UNENDED = f"SELECT {KNOWN_COLUMNS} FROM jobs WHERE state = ? ORDER BY id"  # noqa: S608
_KNOWN = f"SELECT {KNOWN_COLUMNS} FROM jobs WHERE id = ?"  # noqa: S608
_FIELDS = f"SELECT {FIELD_COLUMNS} FROM jobs WHERE id = ?"  # noqa: S608
_STORED = f"SELECT {STORED_COLUMNS} FROM jobs WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608
_LARGEST = 2**63 - 1


class Jobs:
    """JobStore on SQLite, and the reads behind listings. half_life_s: of the usage that `Charged` adds to."""

    def __init__(self, writer: Writer, readers: Readers, half_life_s: float) -> None:
        self._writer = writer
        self._readers = readers
        self._half_life_s = half_life_s
        self._first = 1

    def begin_at(self, number: int) -> None:
        """New jobs get no id below this. Where the database is older than the job files, theirs are taken already."""
        self._first = number

    async def add(
        self, jobs: Sequence[NewJob], note: Callable[[Sequence[JobId | None]], Entry | None] | None = None
    ) -> list[JobId | None]:
        """Write new jobs down in order, state `pending`, ids ascending, in one transaction.

        `None` where the account already has that `job_id`, be it from earlier or from further up in `jobs`. An array's
        ids follow each other, from the one that is answered. note: makes the audit entry of what was answered, in the
        writer's thread.
        """

        def work(db: Database) -> list[JobId | None]:
            ids = _add(db, jobs, self._first)
            log(db, note(ids) if note is not None else None)
            return ids

        return await self._writer.write(work) if jobs else []

    async def record(self, changes: Sequence[Change], entry: Entry | None = None) -> None:
        """Write changes down in order, all or none of them, with their audit entry. Raises ImpossibleChange."""

        def work(db: Database) -> None:
            apply(db, changes, self._half_life_s)
            log(db, entry)

        if changes:
            await self._writer.write(work)

    async def edit(self, number: int, job: NewJob, gated: AtGate | None, entry: Entry) -> None:
        """Give a waiting job another request, with its audit entry, in one commit. Raises ImpossibleChange."""
        await self._writer.write(lambda db: edit(db, number, job, gated, entry))

    async def requeue(self, change: Moved, gated: AtGate | None, entry: Entry) -> None:
        """Let a job that has ended wait again, with its audit entry, in one commit. Raises ImpossibleChange."""
        await self._writer.write(lambda db: requeue(db, change, gated, entry))

    async def adopt(
        self, new: NewJob, changes: Callable[[JobId], Sequence[Change]], note: Callable[[JobId], Entry]
    ) -> JobId:
        """Write a job down that runs already, with what follows from its id and its audit entry, in one commit.

        Nobody ever sees it waiting. note: makes the entry. Raises ImpossibleChange.
        """

        def work(db: Database) -> JobId:
            (job,) = _add(db, [new], self._first)
            assert job is not None  # noqa: S101 - it has no key that could be taken
            apply(db, changes(job), self._half_life_s)
            log(db, note(job))
            return job

        return await self._writer.write(work)

    def unended(self) -> Iterator[KnownJob]:
        """Every job that has not ended, by id, as of the first step; blocks on the disk."""
        db = connect_reader(self._readers.path)
        try:
            db.conn.execute("BEGIN")
            streams = [db.conn.execute(_UNENDED, (state,)) for state in sorted(WAITING | LEASED)]
            jobs = map(KnownJobs().of, heapq.merge(*streams))  # rows start with their id: no two are equal
            at_gate = gate.known(db)
            yield from (replace(job, gate=at_gate.get(int(job.job))) for job in jobs) if at_gate else jobs
        finally:
            db.close()

    async def known(self, job: JobId) -> KnownJob:
        """One job as start-up would see it, ended or not; its attempt and key stand there. Raises Missing."""
        row = await self._readers.read(lambda db: db.conn.execute(_KNOWN, (number_of(job),)).fetchone())
        if row is None:
            raise Missing(f"There is no job {job}.")
        return KnownJobs().of(row)

    async def standings(self, jobs: Sequence[JobId]) -> dict[JobId, tuple[str, JobState]]:
        """Account and state of each of these jobs that there is."""
        return await self._readers.read(lambda db: gate.standings(db, jobs))

    async def fields(self, job: JobId) -> JobFields:
        """The request of one job, as its submitter wrote it. Raises Missing, a KeyError."""
        row = await self._readers.read(lambda db: db.conn.execute(_FIELDS, (number_of(job),)).fetchone())
        if row is None:
            raise Missing(f"There is no job {job}.")
        return fields_of(row)

    async def job(self, number: int) -> StoredJob | None:
        """One job with its `fields`, or `None`."""
        return await self._readers.read(lambda db: _job(db, number))

    async def jobs(self, numbers: Sequence[int]) -> list[StoredJob]:
        """The jobs of these ids, in this order; unknown ones are left out."""
        return await self._readers.read(lambda db: _jobs(db, numbers))

    async def page(
        self,
        *,
        states: Sequence[JobState] = (),
        account: str | None = None,
        group: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[StoredJob]:
        """At most `limit` jobs with an id below `before`, newest first. No states: all of them."""
        owner = {"account": account, "grp": group}
        conditions = {column: value for column, value in owner.items() if value is not None}
        return await self._readers.read(lambda db: _jobs(db, _newest(db, states, conditions, limit, before)))

    def has_leases_at(self, place: str) -> bool:
        """Whether a job that has not ended holds a lease there; blocks on the disk."""
        db = connect_reader(self._readers.path)
        try:
            sql = "SELECT 1 FROM jobs WHERE state IN ('scheduled', 'running') AND place = ? LIMIT 1"
            return db.conn.execute(sql, (place,)).fetchone() is not None
        finally:
            db.close()

    async def counts_by_state(self) -> dict[JobState, int]:
        """How many jobs are in each state; every state is there. Walks an index: for start-up, not every request."""

        def work(db: Database) -> dict[JobState, int]:
            found = dict(db.conn.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
            return {state: found.get(state, 0) for state in JobState}

        return await self._readers.read(work)


def _add(db: Database, jobs: Sequence[NewJob], first: int) -> list[JobId | None]:
    """In order: a key that is used twice belongs to the first."""
    ids: list[JobId | None] = []
    for is_array, some in groupby(jobs, lambda job: bool(job.indices)):
        batch = list(some)
        ids += [add_array(db, job, first) for job in batch] if is_array else _add_plain(db, batch, first)
    for job, number in zip(jobs, ids, strict=True):
        if number is not None and (needed := uploads_of(job.fields)):
            uploads.refer(db, int(number), int(number) + max(0, len(job.indices) - 1), needed)
        if number is not None and (job.gate is not None or job.turn is not None):
            gate.keep(db, range(int(number), int(number) + max(1, len(job.indices))), job)
    return ids


def _add_plain(db: Database, jobs: Sequence[NewJob], first: int) -> list[JobId | None]:
    """Ids are given here and not by SQLite: then nobody has to ask for them. A refused job's id is skipped."""
    [(last,)] = db.conn.execute("SELECT max(coalesce((SELECT max(id) FROM jobs), 0), ?)", (first - 1,))
    rows = new_rows(last + 1, jobs)
    if _insert(db, rows) == len(rows):
        return [JobId(str(row[0])) for row in rows]
    kept = {number for (number,) in db.conn.execute("SELECT id FROM jobs WHERE id > ?", (last,))}
    return [JobId(str(row[0])) if row[0] in kept else None for row in rows]


def _insert(db: Database, rows: Sequence[tuple[Any, ...]]) -> int:
    """How many were written: all whose key was free."""
    written, whole = 0, len(rows) - len(rows) % ROWS_A_STATEMENT
    for at in range(0, whole, ROWS_A_STATEMENT):
        values = list(chain.from_iterable(rows[at : at + ROWS_A_STATEMENT]))
        written += db.conn.execute(_ADD_MANY, values).rowcount
    return written + (db.conn.executemany(_ADD_ONE, rows[whole:]).rowcount if whole < len(rows) else 0)


def _job(db: Database, number: int) -> StoredJob | None:
    found = _jobs(db, [number])
    if not found:
        return None
    [(message,)] = db.conn.execute("SELECT message FROM jobs WHERE id = ?", (number,))
    fields = fields_of(db.conn.execute(_FIELDS, (number,)).fetchone())
    past, template, measured = attempts_of(db, number), gate.template_of(db, number), measures_of(db, number)
    sizes = uploads.sizes_of(db, found[0].array_parent or number) if fields.files else {}
    return replace(
        found[0], fields=fields, file_sizes=sizes, message=message, attempts=past, cron_of=template, measures=measured
    )


def _jobs(db: Database, numbers: Sequence[int]) -> list[StoredJob]:
    known = json.dumps([number for number in numbers if 0 < number <= _LARGEST])
    found = {row[0]: stored_of(row) for row in db.conn.execute(_STORED, (known,))}
    return [found[number] for number in numbers if number in found]


def _newest(
    db: Database, states: Sequence[JobState], conditions: dict[str, str], limit: int, before: int | None
) -> list[int]:
    """Ids of a page, each state's newest out of its index: the cost follows the page, not the table."""
    below = min(before, _LARGEST) if before is not None else _LARGEST
    if not states and not conditions:
        return _ids(db, {}, below, limit)
    per_state = (_ids(db, {"state": str(state), **conditions}, below, limit) for state in states or JobState)
    return heapq.nlargest(limit, {number for ids in per_state for number in ids})


def _ids(db: Database, conditions: dict[str, str], below: int, limit: int) -> list[int]:
    wanted = "".join(f"{column} = ? AND " for column in conditions)
    sql = f"SELECT id FROM jobs WHERE {wanted}id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608 - columns named above
    rows: list[tuple[Any, ...]] = db.conn.execute(sql, (*conditions.values(), below, limit)).fetchall()
    return cast(list[int], [number for (number,) in rows])
