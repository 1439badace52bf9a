"""What attempts did with their cards over time: one compressed row each, gone with the files of its job.

Must not know what measures anything.
"""

import json
import zlib
from collections.abc import Sequence
from typing import Any

from sqlite_utils import Database

from engine.bookkeeping import Charted
from engine.core.model import JobId
from engine.store.readers import Readers

_COLUMNS = "job, attempt, gpus, start_at, step_s, points"
_KEEP = f"INSERT OR REPLACE INTO series ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - columns named above
_OF = f"SELECT {_COLUMNS} FROM series WHERE job = ? ORDER BY attempt"  # noqa: S608 - columns named above
_UNDER_WAY = """
SELECT series.job, series.attempt, series.gpus, start_at, step_s, points
FROM jobs JOIN series ON series.job = id AND series.attempt = jobs.attempt WHERE state IN ('scheduled', 'running')
"""
_FORGET = "DELETE FROM series WHERE job = ?"
DIGITS = (3, 0, 1)
"""Of utilization, MiB and watts so many decimals are kept."""


class SeriesBooks:
    """What is kept of attempts, to be read."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def under_way(self) -> list[Charted]:
        """Of the attempts that hold a lease."""
        return await self._readers.read(lambda db: [_charted(row) for row in db.conn.execute(_UNDER_WAY)])

    async def of(self, number: int) -> list[Charted]:
        """Of one job's attempts, in order."""
        return await self._readers.read(lambda db: [_charted(row) for row in db.conn.execute(_OF, (number,))])


def keep(db: Database, number: int, charted: Charted) -> None:
    """Write what is known by now in place of what was, inside a write that is under way."""
    rows = [[_rounded(*figure) for figure in zip(row, DIGITS, strict=True)] for row in charted.points]
    points = zlib.compress(json.dumps(rows, separators=(",", ":")).encode())
    db.conn.execute(_KEEP, (number, charted.attempt, charted.gpus, charted.start_at, charted.step_s, points))


def forget(db: Database, number: int) -> None:
    """Nothing is kept of the job's attempts any more, inside a write that is under way."""
    db.conn.execute(_FORGET, (number,))


def _charted(row: Sequence[Any]) -> Charted:
    job, attempt, gpus, start_at, step_s, points = row
    return Charted(
        job=JobId(str(job)),
        attempt=attempt,
        gpus=gpus,
        start_at=start_at,
        step_s=step_s,
        points=[tuple(figures) for figures in json.loads(zlib.decompress(points))],
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits) if digits else round(value)
