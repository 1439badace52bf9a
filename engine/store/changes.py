"""What each recorded change does to the books, and whether it may.

Must not know when a change is due.
"""

from collections.abc import Sequence
from typing import Any, assert_never

from sqlite_utils import Database

from engine.bookkeeping import (
    Billed,
    Change,
    Charged,
    Charted,
    Decided,
    Ended,
    Measured,
    Moved,
    MovedAll,
    Passed,
    Postponed,
    Rewritten,
    Scheduled,
    Started,
    Stopping,
)
from engine.core.lifecycle import LEASED, TERMINAL, WAITING, JobState, may_step
from engine.core.model import JobId
from engine.ports import ImpossibleChange
from engine.store import attempts, decisions, gate, measures, series, waiting
from engine.store.rewriting import rewrite
from engine.store.rows import gpu_text
from engine.store.usage import charge, keep_bill

_SCHEDULE = """
UPDATE jobs SET state = 'scheduled', attempt = ?, boot_id = ?, gpu_uuids = ?, lease_started_at = ?, expected_end = ?,
    place = ?, node = NULL, held_next = NULL
WHERE id = ?
"""
_START = "UPDATE jobs SET state = 'running', started_at = ?, node = ? WHERE id = ?"
_MOVE_LEASE = "UPDATE jobs SET gpu_uuids = ?, lease_started_at = ?, expected_end = ? WHERE id = ?"
_END = """
UPDATE jobs SET state = ?, cause = ?, exit_code = ?, signal = ?, started_at = coalesce(?, started_at), ended_at = ?,
    message = ?, node = coalesce(?, node), lease_started_at = NULL, expected_end = NULL, stopping = NULL,
    held_next = NULL
WHERE id = ?
"""
_MOVE = """
UPDATE jobs SET state = ?, boot_id = NULL, gpu_uuids = NULL, lease_started_at = NULL, expected_end = NULL,
    started_at = NULL, ended_at = NULL, cause = NULL, exit_code = NULL, signal = NULL, stopping = NULL, message = ?,
    failures = coalesce(?, failures), oom_retries = coalesce(?, oom_retries), submitted_at = coalesce(?, submitted_at),
    place = NULL, node = NULL, held_next = NULL, fetched_at = NULL, files_removed_at = NULL, files_removed_why = NULL
WHERE id = ?
"""
_STOP = "UPDATE jobs SET stopping = ?, message = ?, held_next = ? WHERE id = ? AND state IN ('scheduled', 'running')"


def apply(db: Database, changes: Sequence[Change], half_life_s: float) -> None:  # noqa: PLR0912  one for each kind
    """Write changes down in order. Raises ImpossibleChange at the first that cannot follow on what is there."""
    for change in changes:
        match change:
            case Scheduled():
                _schedule(db, change)
            case Started():
                _start(db, change)
            case Ended():
                _end(db, change)
            case Moved():
                _move(db, change)
            case Rewritten():
                rewrite(db, number_of(change.job), change.new)
            case MovedAll():
                waiting.move_all(db, change)
            case Stopping():
                _write(db, _STOP, change.cause, change.message, change.held_next or None, number_of(change.job))
            case Passed():
                gate.let_pass(db, change)
            case Postponed():
                gate.postpone(db, change)
            case Charged():
                charge(db, change, half_life_s)
            case Billed():
                keep_bill(db, number_of(change.job), change)
            case Decided():
                decisions.write(db, change)
            case Measured():
                measures.keep(db, number_of(change.job), change)
            case Charted():
                series.keep(db, number_of(change.job), change)
            case _:
                assert_never(change)


def number_of(job: JobId) -> int:
    """The id as the column holds it; for text that is no id of ours, a number that no job has."""
    return int(job) if job.isascii() and job.isdigit() and len(job) <= 18 else -1


def _schedule(db: Database, change: Scheduled) -> None:
    job, lease = change.lease.job, change.lease
    attempt = _step(db, job, JobState.SCHEDULED)
    if change.attempt <= attempt:
        raise ImpossibleChange(f"Job {job} cannot begin attempt {change.attempt}: attempt {attempt} has been counted.")
    gpus = gpu_text(lease.gpus)
    until = (lease.started_at, lease.expected_end)
    _write(db, _SCHEDULE, change.attempt, change.boot_id, gpus, *until, lease.place or None, number_of(job))


def _start(db: Database, change: Started) -> None:
    _step(db, change.job, JobState.RUNNING)
    number = number_of(change.job)
    _write(db, _START, change.started_at, change.node, number)
    if (lease := change.lease) is not None:
        _write(db, _MOVE_LEASE, gpu_text(lease.gpus), lease.started_at, lease.expected_end, number)


def _end(db: Database, change: Ended) -> None:
    if change.state not in TERMINAL:
        raise ImpossibleChange(f"Job {change.job} cannot end as {change.state}: it is no terminal state.")
    held_lease = _standing(db, change.job)[0] in LEASED
    _step(db, change.job, change.state)
    how = (change.state, change.cause, change.exit_code, change.signal)
    number = number_of(change.job)
    _write(db, _END, *how, change.started_at, change.ended_at, change.message, change.node, number)
    if change.gpus is not None:
        _write(db, "UPDATE jobs SET gpu_uuids = ? WHERE id = ?", gpu_text(change.gpus), number)
    if held_lease:
        attempts.keep(db, number)


def _move(db: Database, change: Moved) -> None:
    if change.state not in WAITING:
        raise ImpossibleChange(f"Job {change.job} cannot be moved to {change.state}: it is no waiting state.")
    _step(db, change.job, change.state)
    further = (change.message, change.failures, change.oom_retries, change.submitted_at)
    _write(db, _MOVE, change.state, *further, number_of(change.job))


def _step(db: Database, job: JobId, state: JobState) -> int:
    """The attempt so far of a job that may step to `state`. Raises ImpossibleChange."""
    before, attempt = _standing(db, job)
    if not may_step(before, state):
        raise ImpossibleChange(f"Job {job} is {before} and cannot become {state}.")
    return attempt


def _standing(db: Database, job: JobId) -> tuple[JobState, int]:
    """State and attempt so far. Raises ImpossibleChange for a job that is not there."""
    row = db.conn.execute("SELECT state, attempt FROM jobs WHERE id = ?", (number_of(job),)).fetchone()
    if row is None:
        raise ImpossibleChange(f"There is no job {job}.")
    return JobState(row[0]), int(row[1])


def _write(db: Database, sql: str, *values: Any) -> None:
    db.conn.execute(sql, values)
