"""Attempts that are over: one row each, which stays when its job goes on to the next one.

Must not know why a job tries again.
"""

import json
from dataclasses import dataclass

from sqlite_utils import Database

from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid

TABLE = """
CREATE TABLE attempts (
    job INTEGER NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL, cause TEXT, exit_code INTEGER, signal INTEGER,
    started_at REAL, ended_at REAL, gpu_uuids TEXT, message TEXT, PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID
"""
_FIRST_COLUMNS = "attempt, state, cause, exit_code, signal, started_at, ended_at, gpu_uuids, message"
_COLUMNS = f"{_FIRST_COLUMNS}, place, node"
_KEEP = f"INSERT INTO attempts (job, {_COLUMNS}) SELECT id, {_COLUMNS} FROM jobs WHERE id = ?"  # noqa: S608
KEEP_EARLIER = f"""
INSERT INTO attempts (job, {_FIRST_COLUMNS}) SELECT id, {_FIRST_COLUMNS} FROM jobs
WHERE attempt > 0 AND ended_at IS NOT NULL
"""  # noqa: S608 - columns named above
_OF = f"SELECT {_COLUMNS} FROM attempts WHERE job = ? ORDER BY attempt"  # noqa: S608


@dataclass(slots=True, frozen=True, kw_only=True)
class PastAttempt:
    """How one attempt ended. Times are Unix seconds; started_at is `None` where it never ran. gpu_uuids: its cards.

    place: where its lease was (`engine.core.snapshot.Lease`); node: the machine of a cluster that ran it, where known.
    """

    attempt: int
    state: JobState
    cause: Cause | None
    exit_code: int | None
    signal: int | None
    started_at: float | None
    ended_at: float
    gpu_uuids: tuple[GpuUuid, ...]
    message: str | None
    place: str = ""
    node: str | None = None


def keep(db: Database, number: int) -> None:
    """Copy how the job's attempt has just ended, inside the write that says so."""
    db.conn.execute(_KEEP, (number,))


def attempts_of(db: Database, number: int) -> tuple[PastAttempt, ...]:
    """The attempts of one job that are over, in order."""
    return tuple(
        PastAttempt(
            attempt=row[0],
            state=JobState(row[1]),
            cause=Cause(row[2]) if row[2] is not None else None,
            exit_code=row[3],
            signal=row[4],
            started_at=row[5],
            ended_at=row[6],
            gpu_uuids=tuple(json.loads(row[7])) if row[7] is not None else (),
            message=row[8],
            place=row[9] or "",
            node=row[10],
        )
        for row in db.conn.execute(_OF, (number,))
    )
