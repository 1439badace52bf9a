"""A job's request written anew while it waits, and a job that waits anew: each with what keeps it at the gate.

Must not know who asks for it, nor whether that is wise.
"""

import math

from sqlite_utils import Database

from engine.bookkeeping import AtGate, Moved, NewJob
from engine.ports import ImpossibleChange
from engine.store import gate
from engine.store.audit import Entry, log
from engine.store.changes import apply
from engine.store.request import NEW_COLUMNS, new_row

_STAYS = frozenset({"id", "state", "submitted_at", "account", "job_id"})
_COLUMNS = NEW_COLUMNS.split(", ")
_CHANGED = [column for column in _COLUMNS if column not in _STAYS]
_EDIT = (
    f"UPDATE jobs SET {', '.join(f'{column} = ?' for column in _CHANGED)} "  # noqa: S608 - columns named above
    "WHERE id = ? AND state IN ('pending', 'held')"
)


def edit(db: Database, number: int, job: NewJob, gated: AtGate | None, entry: Entry) -> None:
    """Give a waiting job this request; id, account, key and place stay. Raises ImpossibleChange if it does not wait.

    gated: what keeps it at the gate from now on.
    """
    row = dict(zip(_COLUMNS, new_row(number, job), strict=True))
    if db.conn.execute(_EDIT, (*(row[column] for column in _CHANGED), number)).rowcount != 1:
        raise ImpossibleChange(f"Job {number} does not wait: its request cannot be changed.")
    gate.replace(db, number, gated)
    log(db, entry)


def requeue(db: Database, change: Moved, gated: AtGate | None, entry: Entry) -> None:
    """Let a job that has ended wait again, in the queue or at the gate. Raises ImpossibleChange."""
    apply(db, [change], half_life_s=math.inf)
    gate.replace(db, int(change.job), gated)
    log(db, entry)
