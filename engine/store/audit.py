"""The audit log: who changed what and when. Rows are added and never changed; the database itself refuses it.

Must not know what an action means.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlite_utils import Database

from engine.store.readers import Readers
from engine.store.writer import Writer


@dataclass(slots=True, frozen=True, kw_only=True)
class Entry:
    """One change. at: Unix seconds. account: who did it, `None` for the engine itself. detail: JSON values."""

    at: float
    account: str | None
    action: str
    target: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True, kw_only=True)
class StoredEntry:
    """An entry with its place in the log."""

    id: int
    entry: Entry


class Audit:
    """The log. Other rooms' writes take an `entry` that is written in the same transaction, or not at all."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def append(self, entry: Entry) -> None:
        """Add an entry that belongs to no other write."""
        await self._writer.write(lambda db: log(db, entry))

    async def page(
        self, *, limit: int = 50, before: int | None = None, account: str | None = None
    ) -> list[StoredEntry]:
        """At most `limit` entries with an id below `before`, newest first; of one account if given."""
        below = before if before is not None and before < 2**63 else 2**63 - 1
        where, values = ("account = ? AND id < ?", [account, below]) if account is not None else ("id < ?", [below])

        def work(db: Database) -> list[StoredEntry]:
            return [
                _stored(row) for row in db.table("audit").rows_where(where, values, order_by="id DESC", limit=limit)
            ]

        return await self._readers.read(work)


def log(db: Database, entry: Entry | None) -> None:
    """Add an entry inside a write that is under way; `None` adds nothing."""
    if entry is None:
        return
    db.table("audit").insert(
        {
            "at": entry.at,
            "account": entry.account,
            "action": entry.action,
            "target": entry.target,
            "detail": json.dumps(dict(entry.detail)),
        }
    )


def _stored(row: dict[str, Any]) -> StoredEntry:
    entry = Entry(
        at=row["at"],
        account=row["account"],
        action=row["action"],
        target=row["target"],
        detail=json.loads(row["detail"]),
    )
    return StoredEntry(id=row["id"], entry=entry)
