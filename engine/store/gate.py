"""The gate on disk: what keeps jobs from being planned, and the turns of recurring ones.

A row is there only while its job waits at the gate. Must not know when a condition holds.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlite_utils import Database

from engine.bookkeeping import AtGate, NewJob, Passed, Postponed, Turn
from engine.core.lifecycle import JobState
from engine.core.model import JobId
from engine.protocol.fields import After

_ADD = "INSERT INTO gate (job, after, begin_at, cron) VALUES (?, ?, ?, ?)"
_KNOWN = "SELECT job, after, begin_at, cron FROM gate"
_PASS = "DELETE FROM gate WHERE job = ?"  # noqa: S105  a statement
_QUEUE = "UPDATE jobs SET submitted_at = ? WHERE id = ?"
_COPY = "UPDATE jobs SET cron_of = ? WHERE id = ?"
_NEXT = "UPDATE gate SET begin_at = ? WHERE job = ?"
_TELL = "UPDATE jobs SET message = ? WHERE id = ? AND state IN ('pending', 'held')"
_STANDINGS = "SELECT id, account, state FROM jobs WHERE id IN (SELECT value FROM json_each(?))"


def create(db: Database) -> None:
    """The table, and which recurring job a job is a copy of."""
    db.table("gate").create({"job": int, "after": str, "begin_at": float, "cron": str}, pk="job", strict=True)
    db.table("jobs").add_column("cron_of", int)


def keep(db: Database, numbers: Sequence[int], job: NewJob) -> None:
    """What keeps these new jobs, all of one submission, and whose turn they are."""
    if job.gate is not None:
        row = _row(job.gate)
        db.conn.executemany(_ADD, [(number, *row) for number in numbers])
    if job.turn is not None:
        db.conn.executemany(_COPY, [(job.turn.template, number) for number in numbers])
        _take_turn(db, job.turn)


def replace(db: Database, number: int, gated: AtGate | None) -> None:
    """Another reason, or none, to keep a job that waits."""
    db.conn.execute(_PASS, (number,))
    if gated is not None:
        db.conn.execute(_ADD, (number, *_row(gated)))


def let_pass(db: Database, change: Passed) -> None:
    """Nothing keeps the job any more; what it did while it was kept buys no age."""
    db.conn.execute(_PASS, (int(change.job),))
    if change.submitted_at is not None:
        db.conn.execute(_QUEUE, (change.submitted_at, int(change.job)))


def postpone(db: Database, change: Postponed) -> None:
    """The next turn of a recurring job, and why this one came to nothing."""
    db.conn.execute(_NEXT, (change.begin_at, int(change.job)))
    db.conn.execute(_TELL, (change.message, int(change.job)))


def known(db: Database) -> dict[int, AtGate]:
    """What keeps each job that waits at the gate."""
    return {row[0]: _at_gate(row) for row in db.conn.execute(_KNOWN)}


def standings(db: Database, jobs: Iterable[JobId]) -> dict[JobId, tuple[str, JobState]]:
    """Account and state of each of these jobs that there is."""
    numbers = json.dumps([int(job) for job in jobs])
    rows = db.conn.execute(_STANDINGS, (numbers,))
    return {JobId(str(number)): (account, JobState(state)) for number, account, state in rows}


def template_of(db: Database, number: int) -> int | None:
    """The recurring job that this one is a copy of."""
    found: int | None = db.conn.execute("SELECT cron_of FROM jobs WHERE id = ?", (number,)).fetchone()[0]
    return found


def _take_turn(db: Database, turn: Turn) -> None:
    db.conn.execute(_NEXT, (turn.next_at, int(turn.template)))
    db.conn.execute(_TELL, (None, int(turn.template)))


def _row(gate: AtGate) -> tuple[str | None, float | None, str | None]:
    after = json.dumps([[one.id, one.when] for one in gate.after]) if gate.after else None
    return after, gate.begin_at, gate.cron


def _at_gate(row: tuple[Any, ...]) -> AtGate:
    _, after, begin_at, cron = row
    conditions = tuple(After(id=number, when=when) for number, when in json.loads(after or "[]"))
    return AtGate(after=conditions, begin_at=begin_at, cron=cron)
