"""Research groups with what they were promised and their quota.

Must not know accounts beyond that they may still refer to a group.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlite_utils import Database

from engine.core.quota import Quota
from engine.core.snapshot import GroupTerms
from engine.store.audit import Entry, log
from engine.store.errors import Exists, InUse, Missing
from engine.store.quota import quota_of, quota_text
from engine.store.readers import Readers
from engine.store.writer import Writer


@dataclass(slots=True, frozen=True, kw_only=True)
class Group:
    """A tenant with its terms (priority 1-10, share as a weight, guaranteed cards) and its quota."""

    name: str
    terms: GroupTerms = field(default_factory=GroupTerms)
    quota: Quota = field(default_factory=Quota)


class Groups:
    """All groups. `entry` goes to the audit log in the same transaction."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def add(self, group: Group, *, entry: Entry | None = None) -> None:
        """Make a group. Raises Exists."""
        await self._writer.write(lambda db: _add(db, group, entry))

    async def change(self, name: str, change: Callable[[Group], Group], *, entry: Entry | None = None) -> Group:
        """Replace a group by what `change`, run in the writer's thread, makes of it. Its name stays. Raises Missing."""
        return await self._writer.write(lambda db: _change(db, name, change, entry))

    async def remove(self, name: str, *, entry: Entry | None = None) -> None:
        """Remove a group; its usage stays in the books. Raises Missing, InUse while it has accounts."""
        await self._writer.write(lambda db: _remove(db, name, entry))

    async def find(self, name: str) -> Group | None:
        """The group of that name."""
        return await self._readers.read(lambda db: _one(db, name))

    async def all(self) -> list[Group]:
        """Every group, by name."""
        return await self._readers.read(_all)


def insert_if_new(db: Database, group: Group) -> bool:
    """Make a group inside a write that is under way; whether it was new."""
    if _one(db, group.name) is not None:
        return False
    db.table("groups").insert(_row(group))
    return True


def _add(db: Database, group: Group, entry: Entry | None) -> None:
    if not insert_if_new(db, group):
        raise Exists(f"There is a group {group.name} already: choose another name, or change that group.")
    log(db, entry)


def _change(db: Database, name: str, change: Callable[[Group], Group], entry: Entry | None) -> Group:
    before = _one(db, name)
    if before is None:
        raise Missing(f"There is no group {name}.")
    after = replace(change(before), name=name)
    db.table("groups").update(name, _row(after))
    log(db, entry)
    return after


def _remove(db: Database, name: str, entry: Entry | None) -> None:
    if _one(db, name) is None:
        raise Missing(f"There is no group {name}.")
    try:
        db.table("groups").delete(name)
    except sqlite3.IntegrityError as error:
        raise InUse(f"The group {name} still has accounts: move them to another group first.") from error
    log(db, entry)


def _one(db: Database, name: str) -> Group | None:
    return next((_group(row) for row in db.table("groups").rows_where("name = ?", [name])), None)


def _all(db: Database) -> list[Group]:
    return [_group(row) for row in db.table("groups").rows_where(order_by="name")]


def _row(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "priority": group.terms.priority,
        "share": group.terms.share,
        "guarantee_gpus": group.terms.guarantee_gpus,
        "quota": quota_text(group.quota),
    }


def _group(row: dict[str, Any]) -> Group:
    terms = GroupTerms(priority=row["priority"], share=row["share"], guarantee_gpus=row["guarantee_gpus"])
    return Group(name=row["name"], terms=terms, quota=quota_of(row["quota"]))
