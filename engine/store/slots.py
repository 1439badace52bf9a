"""Booked reservations: whose, which cards, from when to when. Rows stay when they are over or were taken back.

Must not know what a booking is checked against.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from engine.core.model import AccountName, GpuUuid, GroupName, Owner
from engine.core.snapshot import Slot
from engine.store.audit import Entry, log
from engine.store.errors import Exists, Missing
from engine.store.readers import Readers
from engine.store.writer import Writer


@dataclass(slots=True, frozen=True, kw_only=True)
class BookedSlot:
    """A booked reservation: from `start_at` until `end_at` the cards are the account's. Times are Unix seconds.

    group: the account's when it was booked. removed_at: when it was taken back, `None` if it was not.
    """

    id: int
    account: AccountName
    group: GroupName
    gpus: tuple[GpuUuid, ...]
    start_at: float
    end_at: float
    created_at: float
    removed_at: float | None = None

    @property
    def owner(self) -> Owner:
        """Whose it is."""
        return Owner(account=self.account, group=self.group)

    def for_snapshot(self) -> Slot:
        """The part of it that a pass keeps to."""
        return Slot(slot=str(self.id), account=self.account, gpus=self.gpus, start=self.start_at, end=self.end_at)


class Slots:
    """All booked reservations. `entry` goes to the audit log in the same transaction."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def add(self, slot: BookedSlot, *, entry: Entry | None = None) -> None:
        """Write a booking down under its id. Raises Exists."""
        await self._writer.write(lambda db: _add(db, slot, entry))

    async def remove(self, number: int, at: float, *, entry: Entry | None = None) -> None:
        """Note that a booking was taken back at `at`; its row stays. Raises Missing, also where it was already."""
        await self._writer.write(lambda db: _remove(db, number, at, entry))

    async def standing(self, now: float) -> list[BookedSlot]:
        """Bookings that were not taken back and are not over at `now`, by id."""
        where = "removed_at IS NULL AND end_at > ?"
        return await self._readers.read(lambda db: _where(db, where, [now]))

    async def all(self) -> list[BookedSlot]:
        """Every booking there ever was, by id."""
        return await self._readers.read(lambda db: _where(db, "1 = 1", []))

    async def last_id(self) -> int:
        """The highest id that was given, 0 before the first: ids are never given twice, as rows stay."""
        return await self._readers.read(lambda db: int(db.execute("SELECT max(id) FROM slots").fetchone()[0] or 0))


def _add(db: Database, slot: BookedSlot, entry: Entry | None) -> None:
    if db.table("slots").count_where("id = ?", [slot.id]):
        raise Exists(f"There is a reservation {slot.id} already.")
    db.table("slots").insert(_row(slot))
    log(db, entry)


def _remove(db: Database, number: int, at: float, entry: Entry | None) -> None:
    if not db.table("slots").count_where("id = ? AND removed_at IS NULL", [number]):
        raise Missing(f"There is no reservation {number}.")
    db.table("slots").update(number, {"removed_at": at})
    log(db, entry)


def _where(db: Database, where: str, values: list[float]) -> list[BookedSlot]:
    return [_slot(row) for row in db.table("slots").rows_where(where, values, order_by="id")]


def _row(slot: BookedSlot) -> dict[str, Any]:
    return {
        "id": slot.id,
        "account": slot.account,
        "grp": slot.group,
        "gpu_uuids": json.dumps(slot.gpus),
        "start_at": slot.start_at,
        "end_at": slot.end_at,
        "created_at": slot.created_at,
        "removed_at": slot.removed_at,
    }


def _slot(row: dict[str, Any]) -> BookedSlot:
    return BookedSlot(
        id=row["id"],
        account=AccountName(row["account"]),
        group=GroupName(row["grp"]),
        gpus=tuple(GpuUuid(uuid) for uuid in json.loads(row["gpu_uuids"])),
        start_at=row["start_at"],
        end_at=row["end_at"],
        created_at=row["created_at"],
        removed_at=row["removed_at"],
    )
