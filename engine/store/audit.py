"""The audit log: who changed what, when and from where. Rows are added and never changed; the database refuses it.

Each row holds the SHA-256 of its content and of the row before, so that a later change of the file shows. Must not
know what an action means.
"""

import heapq
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlite_utils import Database

from engine.store.auditchain import COLUMNS, fingerprint
from engine.store.readers import Readers
from engine.store.writer import Writer

_LAST = "SELECT id, sha256 FROM audit ORDER BY id DESC LIMIT 1"
_ADD = f"INSERT INTO audit ({', '.join(COLUMNS)}, sha256) VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"  # noqa: S608
_ROWS = f"SELECT {', '.join(COLUMNS)}, sha256 FROM audit"  # noqa: S608
_LARGEST = 2**63 - 1
_STEP = 5000


@dataclass(slots=True, frozen=True, kw_only=True)
class Entry:
    """One change. at: Unix seconds. account: who did it, `None` for the engine itself and for who is not logged in.

    via: how it is known who that is. uid, pid: the process that it came from. owner: the account that it is about.
    detail: JSON values.
    """

    at: float
    account: str | None
    action: str
    target: str | None = None
    owner: str | None = None
    via: str | None = None
    uid: int | None = None
    pid: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True, kw_only=True)
class StoredEntry:
    """An entry with its place in the log. sha256: over it and the one before, hex."""

    id: int
    entry: Entry
    sha256: str


@dataclass(slots=True, frozen=True, kw_only=True)
class Filters:
    """Which entries; `None`: all. action: whole, or its beginning and `*`. target: also elements of that array.

    since, until: Unix seconds, the end excluded. seen_by: only what that account did or what is about it.
    """

    account: str | None = None
    action: str | None = None
    target: str | None = None
    since: float | None = None
    until: float | None = None
    seen_by: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Verdict:
    """What a look at the whole chain found. broken: the first entry that is not as it was written, or is missing.

    head: SHA-256 of the last entry; empty for an empty log.
    """

    entries: int
    broken: int | None
    last: int
    head: str


class Audit:
    """The log. Other rooms' writes take an `entry` that is written in the same transaction, or not at all."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def append(self, entry: Entry) -> None:
        """Add an entry that belongs to no other write."""
        await self._writer.write(lambda db: log(db, entry))

    async def page(
        self, *, limit: int = 50, before: int | None = None, filters: Filters | None = None
    ) -> list[StoredEntry]:
        """At most `limit` entries with an id below `before`, newest first."""
        below = min(before, _LARGEST) if before is not None else _LARGEST
        chosen = filters or Filters()
        return await self._readers.read(lambda db: _page(db, chosen, below, limit))

    async def head(self) -> tuple[int, str]:
        """Id and SHA-256 of the last entry; 0 and the empty text if there is none."""
        return await self._readers.read(_head)

    async def verify(self) -> Verdict:
        """Go through the whole log and see whether each entry is what was written. Reads it in steps."""
        last, head = await self.head()
        seen, number, sha256 = 0, 0, ""
        while number < last:
            rows = await self._readers.read(lambda db, after=number: _after(db, after, last))  # type: ignore[misc]
            for row in rows:
                if row[0] != number + 1 or row[-1] != fingerprint(sha256, row[:-1]):
                    return Verdict(entries=seen, broken=number + 1, last=last, head=head)
                seen, number, sha256 = seen + 1, row[0], row[-1]
            if not rows:
                return Verdict(entries=seen, broken=number + 1, last=last, head=head)
        return Verdict(entries=seen, broken=None, last=last, head=head)


def log(db: Database, entry: Entry | None) -> None:
    """Add an entry inside a write that is under way; `None` adds nothing. Ids have no gaps."""
    if entry is None:
        return
    last, before = _head(db)
    row = (
        last + 1,
        float(entry.at),
        entry.account,
        entry.via,
        entry.uid,
        entry.pid,
        entry.action,
        entry.target,
        entry.owner,
        json.dumps(dict(entry.detail)),
    )
    db.conn.execute(_ADD, (*row, fingerprint(before, row)))


def _head(db: Database) -> tuple[int, str]:
    found = db.conn.execute(_LAST).fetchone()
    return (found[0], found[1]) if found else (0, "")


def _after(db: Database, number: int, last: int) -> list[tuple[Any, ...]]:
    where = f"{_ROWS} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
    rows: list[tuple[Any, ...]] = db.conn.execute(where, (number, last, _STEP)).fetchall()
    return rows


def _page(db: Database, filters: Filters, below: int, limit: int) -> list[StoredEntry]:
    """What one did and what is about one are two walks down an index each: the cost follows the page, not the log."""
    conditions, values = _conditions(filters)
    if filters.seen_by is None:
        ids = _ids(db, conditions, values, below, limit)
    else:
        walks = (_ids(db, [f"{column} = ?", *conditions], [filters.seen_by, *values], below, limit) for column in _EYES)
        ids = heapq.nlargest(limit, {number for walk in walks for number in walk})
    wanted = f"{_ROWS} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id DESC"  # noqa: S608
    return [_stored(row) for row in db.conn.execute(wanted, (json.dumps(ids),))]


_EYES = ("account", "owner")


def _ids(db: Database, conditions: list[str], values: list[Any], below: int, limit: int) -> list[int]:
    number = "+id" if any("target" in condition for condition in conditions) else "id"  # few: found, then sorted
    where = " AND ".join([*conditions, f"{number} < ?"])
    sql = f"SELECT id FROM audit WHERE {where} ORDER BY {number} DESC LIMIT ?"  # noqa: S608 - conditions named below
    return [number for (number,) in db.conn.execute(sql, (*values, below, limit))]


def _conditions(filters: Filters) -> tuple[list[str], list[Any]]:
    """A `+` keeps SQLite from the index of what tells few entries apart, where another one tells more."""
    found: list[tuple[str, list[Any]]] = []
    has_better = (filters.seen_by, filters.account, filters.target) != (None, None, None)
    action = "+action" if has_better else "action"
    if filters.account is not None:
        found.append(("account = ?", [filters.account]))
    if filters.action is not None and filters.action.endswith("*"):
        begin = filters.action[:-1]
        found.append((f"{action} >= ? AND {action} < ?", [begin, begin + "\U0010ffff"]))
    elif filters.action is not None:
        found.append((f"{action} = ?", [filters.action]))
    if filters.target is not None:
        target = filters.target
        # the backslash is the character after the bracket that an array's elements are in: `7[0-3]`
        found.append(("(target = ? OR target >= ? AND target < ?)", [target, f"{target}[", f"{target}\\"]))
    if filters.since is not None:
        found.append(("at >= ?", [filters.since]))
    if filters.until is not None:
        found.append(("at < ?", [filters.until]))
    return [condition for condition, _ in found], [value for _, values in found for value in values]


def _stored(row: tuple[Any, ...]) -> StoredEntry:
    values = dict(zip(COLUMNS, row, strict=False))
    number, detail = values.pop("id"), json.loads(values.pop("detail"))
    return StoredEntry(id=number, entry=Entry(**values, detail=detail), sha256=row[-1])
