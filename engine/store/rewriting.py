"""A waiting job's request, written anew in its row. Must not know who wants it so, nor what else is written with it."""

from sqlite_utils import Database

from engine.bookkeeping import NewJob
from engine.ports import ImpossibleChange
from engine.store.request import NEW_COLUMNS, new_row

_STAYS = frozenset({"id", "state", "submitted_at", "account", "job_id"})
_COLUMNS = NEW_COLUMNS.split(", ")
_CHANGED = [column for column in _COLUMNS if column not in _STAYS]
_EDIT = (
    f"UPDATE jobs SET {', '.join(f'{column} = ?' for column in _CHANGED)} "  # noqa: S608 - columns named above
    "WHERE id = ? AND state IN ('pending', 'held')"
)


def rewrite(db: Database, number: int, job: NewJob) -> None:
    """Give a waiting job this request; id, account, key and place stay. Raises ImpossibleChange if it does not wait."""
    row = dict(zip(_COLUMNS, new_row(number, job), strict=True))
    if db.conn.execute(_EDIT, (*(row[column] for column in _CHANGED), number)).rowcount != 1:
        raise ImpossibleChange(f"Job {number} does not wait: its request cannot be changed.")
