"""What the books say of jobs' files: when their results were fetched, when and why the files were removed.

Must not know where files are, nor how they are removed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from engine.core.lifecycle import TERMINAL
from engine.core.model import JobId
from engine.store import series
from engine.store.changes import number_of
from engine.store.errors import Missing
from engine.store.readers import Readers
from engine.store.writer import Writer

_OVER = f"state IN ({', '.join(repr(str(state)) for state in sorted(TERMINAL))})"
_STANDING = f"""
SELECT id, account, ended_at, fetched_at FROM jobs
WHERE id IN (SELECT value FROM json_each(?)) AND {_OVER} AND ended_at IS NOT NULL ORDER BY id
"""  # noqa: S608 - words of our own
_FETCHED = f"UPDATE jobs SET fetched_at = ? WHERE id = ? AND {_OVER}"  # noqa: S608 - words of our own
_REMOVED = f"UPDATE jobs SET files_removed_at = ?, files_removed_why = ? WHERE id = ? AND {_OVER}"  # noqa: S608


@dataclass(slots=True, frozen=True, kw_only=True)
class JobFiles:
    """Of a job that has ended. Times are Unix seconds; fetched_at: when its results were last fetched, if they were."""

    job: JobId
    account: str
    ended_at: float
    fetched_at: float | None


@dataclass(slots=True, frozen=True, kw_only=True)
class Removal:
    """The files of a job are to go. why: `age`, or `fetched` for those whose results were handed out."""

    job: JobId
    why: str


class JobFileBooks:
    """Reads and writes them."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def ended(self, jobs: Sequence[JobId]) -> list[JobFiles]:
        """Those of these jobs that have ended, by id."""
        numbers = json.dumps([number_of(job) for job in jobs])

        def work(db: Database) -> list[JobFiles]:
            rows = db.conn.execute(_STANDING, (numbers,)).fetchall()
            return [
                JobFiles(job=JobId(str(row[0])), account=row[1], ended_at=row[2], fetched_at=row[3]) for row in rows
            ]

        return await self._readers.read(work)

    async def fetched(self, job: JobId, at: float) -> None:
        """All results of a job that has ended were handed out, at Unix seconds. Raises Missing for any other job."""

        def work(db: Database) -> None:
            if not db.conn.execute(_FETCHED, (at, number_of(job))).rowcount:
                raise Missing(f"There is no job {job} that has ended.")

        await self._writer.write(work)

    async def remove(self, removals: Sequence[Removal], at: float) -> list[JobId]:
        """Note that these jobs' files are removed, at Unix seconds; those of them for which that is so now.

        What their attempts did with their cards over time goes with them.
        A job that waits again by now is not among them: its files must stay.
        """

        def work(db: Database) -> list[JobId]:
            return [one.job for one in removals if _remove(db, one, at)]

        return await self._writer.write(work) if removals else []


def _remove(db: Database, removal: Removal, at: float) -> bool:
    number = number_of(removal.job)
    if not db.conn.execute(_REMOVED, (at, removal.why, number)).rowcount:
        return False
    series.forget(db, number)
    return True
