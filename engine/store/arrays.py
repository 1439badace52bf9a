"""Job arrays in the books: all elements written down at once, the request that they share, which elements there are.

The elements are jobs like any other. Must not know what an array is for, nor who may see it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from engine.bookkeeping import STEP_S, NewJob
from engine.core.lifecycle import JobState
from engine.core.model import JobId
from engine.store.readers import Readers
from engine.store.request import NEW_COLUMNS, SHARED, new_row

_COLUMNS = NEW_COLUMNS.split(", ")
_OF_ELEMENT = {
    "id": "? + element.key",
    "job_id": "? || '[' || element.value || ']'",  # NULL stays NULL
    "submitted_at": f"? + element.key * {STEP_S!r}",
}
_ADD = (
    f"INSERT INTO jobs ({NEW_COLUMNS}, array_parent, array_most, array_index) "  # noqa: S608
    f"SELECT {', '.join(_OF_ELEMENT.get(column, '?') for column in _COLUMNS)}, ?, ?, element.value "
    "FROM json_each(?) AS element"
)
_REMEMBER = "INSERT INTO arrays (parent, account, job_id, size, request) VALUES (?, ?, ?, ?, ?)"
_TAKEN = """
SELECT EXISTS (SELECT 1 FROM arrays WHERE account = :account AND job_id = :key)
    OR EXISTS (SELECT 1 FROM jobs WHERE account = :account AND job_id = :key)
    OR EXISTS (SELECT 1 FROM json_each(:indices) AS element
               JOIN jobs ON jobs.account = :account AND jobs.job_id = :key || '[' || element.value || ']')
"""
_WITHIN = "SELECT id FROM jobs WHERE id > ? AND id < ? AND array_parent = ?"
_OF_INDEX = " AND array_index IN (SELECT value FROM json_each(?))"
_OF_GROUP = " AND grp IN (SELECT value FROM json_each(?))"
_OF_STATE = " AND state IN (SELECT value FROM json_each(?))"


@dataclass(slots=True, frozen=True, kw_only=True)
class StoredArray:
    """A job array: its elements are the jobs `parent` to `parent + size - 1`, by ascending index."""

    parent: int
    account: str
    size: int


class Arrays:
    """Reads job arrays."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def array(self, parent: int) -> StoredArray | None:
        """The array whose first element has this id, if there is one."""
        found = await self._readers.read(
            lambda db: db.conn.execute("SELECT account, size FROM arrays WHERE parent = ?", (parent,)).fetchone()
        )
        return None if found is None else StoredArray(parent=parent, account=found[0], size=found[1])

    async def elements(
        self,
        array: StoredArray,
        *,
        indices: Sequence[int] = (),
        states: Sequence[JobState] = (),
        groups: Sequence[str] = (),
        after: int = 0,
        limit: int = -1,
    ) -> list[int]:
        """Ids of its elements by ascending index. indices, states, groups: only these.

        after: an id. limit: below 0: all.
        """
        sql = _WITHIN
        values: list[int | str] = [max(after, array.parent - 1), array.parent + array.size, array.parent]
        for condition, wanted in ((_OF_INDEX, indices), (_OF_STATE, states), (_OF_GROUP, groups)):
            if wanted:
                sql += condition
                values.append(json.dumps(list(wanted)))
        rows = await self._readers.read(
            lambda db: db.conn.execute(f"{sql} ORDER BY id LIMIT ?", (*values, limit)).fetchall()
        )
        return [number for (number,) in rows]


def add_array(db: Database, job: NewJob, first: int = 1) -> JobId | None:
    """Write all elements down, inside a write that is under way: the first one's id, `None` if a key is taken.

    first: no id is below it.

    One statement makes all rows, and the request is kept once for all of them: a script may be long.
    """
    indices = json.dumps(list(job.indices))
    account, key = job.key.owner.account, job.fields.job_id
    if key is not None:
        [(taken,)] = db.conn.execute(_TAKEN, {"account": account, "key": key, "indices": indices})
        if taken:
            return None
    [(parent,)] = db.conn.execute("SELECT max(coalesce((SELECT max(id) FROM jobs), 0) + 1, ?)", (first,))
    row = dict(zip(_COLUMNS, new_row(parent, job), strict=True))
    db.conn.execute(_REMEMBER, (parent, account, key, len(job.indices), row["request"]))
    row["request"] = SHARED
    db.conn.execute(_ADD, (*row.values(), parent, job.most, indices))
    return JobId(str(parent))
