"""The last runs that are over, with what was asked for: what run times are learnt from.

Must not know what is learnt, nor which ends tell something.
"""

import json
from collections.abc import Iterable

from sqlite_utils import Database

from engine.bookkeeping import PastRun
from engine.core.lifecycle import Cause
from engine.store.readers import Readers
from engine.store.rows import KEY_COLUMNS, Keys

# The newest are found by the attempts alone; only they are looked up among the jobs.
_LAST = f"""
SELECT name, ran_s, {KEY_COLUMNS} FROM (
    SELECT job, ended_at AS over_at, max(0.0, ended_at - started_at) AS ran_s FROM attempts
    WHERE started_at IS NOT NULL AND ended_at IS NOT NULL AND cause IN (SELECT value FROM json_each(?))
    ORDER BY ended_at DESC, job DESC LIMIT ?
) JOIN jobs ON id = job ORDER BY over_at, job
"""  # noqa: S608 - columns named in rows.py


class PastRuns:
    """Reads runs."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def last(self, most: int, causes: Iterable[Cause]) -> list[PastRun]:
        """At most so many runs that ended by one of these causes: the newest, oldest first."""
        named = json.dumps(sorted(causes))
        return await self._readers.read(lambda db: _last(db, named, most))


def _last(db: Database, causes: str, most: int) -> list[PastRun]:
    keys = Keys()
    return [
        PastRun(key=keys.of(terms), name=name, ran_s=ran_s)
        for name, ran_s, *terms in db.conn.execute(_LAST, (causes, most))
    ]
