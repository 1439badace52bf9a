"""Books of staged files: what was uploaded by whom, and which jobs are given it.

An upload is needed while a job that is given it has not ended, and as long after that as the job's own files are kept.
Must not know where the files are.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from engine.core.lifecycle import TERMINAL
from engine.store.audit import Entry, log
from engine.store.errors import InUse, Missing
from engine.store.readers import Readers
from engine.store.writer import Writer

_OVER = f"state IN ({', '.join(repr(str(state)) for state in sorted(TERMINAL))})"
_NEEDED = f"""
EXISTS (SELECT 1 FROM job_uploads JOIN jobs ON jobs.id BETWEEN first AND last WHERE upload = uploads.id
        AND NOT ({_OVER} AND (files_removed_at IS NOT NULL OR (:kept_s > 0 AND ended_at + :kept_s <= :now))))
"""  # noqa: S608 - words of our own
_COLUMNS = "id, account, grp, size, sha256, created_at"
_JOBS = "(SELECT count(*) FROM job_uploads WHERE upload = uploads.id)"
_OWN = f"SELECT {_COLUMNS}, {_JOBS}, {_NEEDED} FROM uploads WHERE account = :account ORDER BY created_at, id"  # noqa: S608
_KNOWN = f"SELECT {_COLUMNS} FROM uploads WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608
_DUE = f"SELECT {_COLUMNS} FROM uploads WHERE created_at <= :before AND NOT {_NEEDED}"  # noqa: S608
_IS_NEEDED = f"SELECT {_NEEDED} FROM uploads WHERE id = :id AND account = :account"  # noqa: S608
_DROP = f"DELETE FROM uploads WHERE id = :id AND NOT {_NEEDED}"  # noqa: S608
_REFER = """
INSERT INTO job_uploads (first, upload, last, size)
SELECT ?, id, ?, size FROM uploads WHERE id IN (SELECT value FROM json_each(?))
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class Upload:
    """A file that was uploaded. group: the account's at that time. size: bytes. created_at: Unix seconds."""

    id: str
    account: str
    group: str
    size: int
    sha256: str
    created_at: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Terms:
    """When an upload is needed. kept_s: seconds after its end that a job's files are kept, 0: for ever."""

    now: float
    kept_s: float


class Uploads:
    """Reads and writes them. `entry` goes to the audit log in the same transaction."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def add(self, upload: Upload, entry: Entry | None = None) -> None:
        """Write one down that is on disk whole."""

        def work(db: Database) -> None:
            db.table("uploads").insert(_row(upload))
            log(db, entry)

        await self._writer.write(work)

    async def own(self, account: str, terms: Terms) -> list[tuple[Upload, int, bool]]:
        """An account's, the oldest first, each with the number of its submissions and whether it is needed."""
        values = {"account": account, "now": terms.now, "kept_s": terms.kept_s}
        rows = await self._readers.read(lambda db: db.conn.execute(_OWN, values).fetchall())
        return [(_upload(row), int(row[6]), bool(row[7])) for row in rows]

    async def known(self, ids: Iterable[str]) -> dict[str, Upload]:
        """Those of these that there are."""
        wanted = json.dumps(sorted(set(ids)))
        rows = await self._readers.read(lambda db: db.conn.execute(_KNOWN, (wanted,)).fetchall())
        return {row[0]: _upload(row) for row in rows}

    async def all(self) -> list[Upload]:
        """Every one, by id."""
        rows = await self._readers.read(
            lambda db: db.conn.execute(f"SELECT {_COLUMNS} FROM uploads ORDER BY id").fetchall()  # noqa: S608
        )
        return [_upload(row) for row in rows]

    async def due(self, before: float, terms: Terms) -> list[Upload]:
        """Those of until `before` (Unix seconds) that no job needs."""
        values = {"before": before, "now": terms.now, "kept_s": terms.kept_s}
        rows = await self._readers.read(lambda db: db.conn.execute(_DUE, values).fetchall())
        return [_upload(row) for row in rows]

    async def remove(self, number: str, account: str, terms: Terms, entry: Entry | None = None) -> None:
        """Take an account's upload out of the books. Raises Missing, InUse where a job needs it."""
        values = {"id": number, "account": account, "now": terms.now, "kept_s": terms.kept_s}

        def work(db: Database) -> None:
            found = db.conn.execute(_IS_NEEDED, values).fetchone()
            if found is None:
                raise Missing(f"There is no upload {number}, or it is not yours.")
            if found[0]:
                raise InUse(f"A job needs the upload {number}.")
            db.conn.execute("DELETE FROM uploads WHERE id = ?", (number,))
            log(db, entry)

        await self._writer.write(work)

    async def drop(self, ids: Sequence[str], terms: Terms) -> list[str]:
        """Take those of these out of the books that no job needs by then: which they were."""

        def work(db: Database) -> list[str]:
            values = {"now": terms.now, "kept_s": terms.kept_s}
            return [one for one in ids if db.conn.execute(_DROP, {"id": one, **values}).rowcount]

        return await self._writer.write(work) if ids else []


def refer(db: Database, first: int, last: int, needed: Sequence[str]) -> None:
    """Inside a write that is under way: the jobs from `first` to `last` are given these uploads."""
    db.conn.execute(_REFER, (first, last, json.dumps(sorted(set(needed)))))


def sizes_of(db: Database, first: int) -> dict[str, int]:
    """The sizes of what a job, or the array whose first element it is, is given. Bytes, by upload."""
    return dict(db.conn.execute("SELECT upload, size FROM job_uploads WHERE first = ?", (first,)))


def _row(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "account": upload.account,
        "grp": upload.group,
        "size": upload.size,
        "sha256": upload.sha256,
        "created_at": upload.created_at,
    }


def _upload(row: Sequence[Any]) -> Upload:
    return Upload(id=row[0], account=row[1], group=row[2], size=row[3], sha256=row[4], created_at=row[5])
