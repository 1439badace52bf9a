"""Many waiting jobs that take one step together, in one statement.

Must not know why they do.
"""

import json

from sqlite_utils import Database

from engine.bookkeeping import MovedAll
from engine.core.lifecycle import WAITING, Cause, JobState, may_step
from engine.ports import ImpossibleChange

_STEP = """
UPDATE jobs SET state = ?, cause = ?, ended_at = ?, message = NULL
WHERE id IN (SELECT value FROM json_each(?)) AND state IN (SELECT value FROM json_each(?))
"""
_OFF_THE_GATE = "DELETE FROM gate WHERE job IN (SELECT value FROM json_each(?))"


def move_all(db: Database, change: MovedAll) -> None:
    """All of them, or ImpossibleChange: one is not there, or in no state for the step."""
    if change.state not in WAITING | {JobState.CANCELLED}:
        raise ImpossibleChange(f"Waiting jobs cannot be moved to {change.state} together.")
    is_end = change.state is JobState.CANCELLED
    jobs = json.dumps([int(job) for job in change.jobs])
    before = json.dumps(sorted(state for state in WAITING if may_step(state, change.state)))
    cause, ended_at = (Cause.CANCELLED, change.at) if is_end else (None, None)
    moved = db.conn.execute(_STEP, (change.state, cause, ended_at, jobs, before)).rowcount
    if moved != len(change.jobs):
        raise ImpossibleChange(f"Of {len(change.jobs)} jobs only {moved} can become {change.state}.")
    if is_end:
        db.conn.execute(_OFF_THE_GATE, (jobs,))
