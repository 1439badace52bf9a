"""The decision log: a record of each pass that decided something new, kept to a bound.

A record is two blobs: what is its own, and what it has in common with others, stored once. Must not know what is in
them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlite_utils import Database

from engine.bookkeeping import Decided
from engine.store.database import connect_reader
from engine.store.errors import DatabaseUnavailable, Missing
from engine.store.writer import Writer

# Plain SQL: every pass that starts something comes through here.
_KNOWN = "SELECT id FROM decision_parts WHERE sha256 = ?"
_ADD_PART = "INSERT INTO decision_parts (sha256, blob) VALUES (?, ?)"
_ADD = "INSERT INTO decisions (at, part, blob) VALUES (?, ?, ?)"
_DROP_OLD = """
DELETE FROM decisions WHERE id < coalesce(
    (SELECT id FROM decisions WHERE at >= ? ORDER BY id LIMIT 1), (SELECT max(id) + 1 FROM decisions)
)
"""
_DROP_OVER = """
DELETE FROM decisions WHERE id <= (
    SELECT max(id) FROM (SELECT id, sum(length(blob)) OVER (ORDER BY id DESC) AS held FROM decisions) WHERE held > ?
)
"""
_DROP_PARTS = "DELETE FROM decision_parts WHERE id NOT IN (SELECT part FROM decisions)"
_LOGGED = """
SELECT decisions.id, at, decision_parts.blob, decisions.blob
FROM decisions JOIN decision_parts ON decision_parts.id = part
WHERE decisions.id > ? AND (decisions.id = ? OR ? IS NULL) AND at >= ? ORDER BY decisions.id LIMIT ?
"""
BATCH = 200
_FROM = "SELECT min(id) FROM (SELECT id FROM decisions ORDER BY id DESC LIMIT ?)"


@dataclass(slots=True, frozen=True, kw_only=True)
class Logged:
    """A record as it stands in the log. at: of its pass, Unix seconds."""

    id: int
    at: float
    steady: bytes
    own: bytes


class Decisions:
    """The log of an open store."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def prune(self, *, before: float, keep_bytes: int) -> None:
        """Drop records of passes before a time (Unix seconds), and the oldest beyond so many bytes."""
        await self._writer.write(lambda db: _prune(db, before, keep_bytes))


def write(db: Database, decided: Decided) -> None:
    """One more record, inside a write that is under way."""
    name = sha256(decided.steady).hexdigest()
    known = db.conn.execute(_KNOWN, (name,)).fetchone()
    part = known[0] if known else db.conn.execute(_ADD_PART, (name, decided.steady)).lastrowid
    db.conn.execute(_ADD, (decided.at, part, decided.blob))


def logged(
    path: Path, *, since: float = float("-inf"), last: int | None = None, only: int | None = None
) -> Iterator[Logged]:
    """Records in the order in which they were written; the file is only read, and an engine may be at work on it.

    since: of passes at or after this time. last: of the last so many passes. only: the one with this id. Raises
    DatabaseUnavailable, Missing where the file has no decision log.
    """
    try:
        with closing(_open(path)) as db:
            if "decisions" not in db.table_names():
                raise Missing(f"{path} has no decision log yet. Start an engine of this version on it once.")
            (first,) = db.conn.execute(_FROM, (-1 if last is None else last,)).fetchone()
            before = (first or 1) - 1
            # batch by batch: one long read would keep a running engine from tidying up its log of writes
            while rows := db.conn.execute(_LOGGED, (before, only, only, since, BATCH)).fetchall():
                yield from (Logged(id=row[0], at=row[1], steady=row[2], own=row[3]) for row in rows)
                before = rows[-1][0]
    except sqlite3.DatabaseError as error:
        raise DatabaseUnavailable(
            f"The database {path} cannot be read: {error}. Reading it takes read access to the file and to the ones "
            "beside it (-wal, -shm): ask for it, or name a copy with --database."
        ) from error


def _open(path: Path) -> Database:
    """A reader of a file that an engine may have open; of one that nobody has, without leaving anything beside it."""
    return connect_reader(path, immutable=not path.with_name(path.name + "-wal").exists())


def _prune(db: Database, before: float, keep_bytes: int) -> None:
    db.conn.execute(_DROP_OLD, (before,))
    db.conn.execute(_DROP_OVER, (keep_bytes,))
    db.conn.execute(_DROP_PARTS)
