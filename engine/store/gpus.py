"""Cards that an admin took out of use, by UUID; it lasts over a restart.

Must not know which cards there are.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlite_utils import Database

from engine.core.model import GpuUuid
from engine.store.audit import Entry, log
from engine.store.readers import Readers
from engine.store.writer import Writer


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuFlag:
    """What an admin said about a card. by: the account. at: Unix seconds."""

    uuid: GpuUuid
    drained: bool
    why: str | None
    by: str | None
    at: float


class GpuFlags:
    """All flags. `entry` goes to the audit log in the same transaction."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def set(self, flag: GpuFlag, *, entry: Entry | None = None) -> None:
        """Write the flag of a card down, in place of an earlier one."""

        def work(db: Database) -> None:
            db.table("gpu_flags").upsert(asdict(flag), pk="uuid")
            log(db, entry)

        await self._writer.write(work)

    async def clear(self, uuid: GpuUuid, *, entry: Entry | None = None) -> bool:
        """Forget the flag of a card; whether there was one."""

        def work(db: Database) -> bool:
            count = db.table("gpu_flags").count_where("uuid = ?", [uuid])
            db.table("gpu_flags").delete_where("uuid = ?", [uuid])
            log(db, entry)
            return bool(count)

        return await self._writer.write(work)

    async def all(self) -> dict[GpuUuid, GpuFlag]:
        """Every flag, by card."""
        return await self._readers.read(_all)


def _all(db: Database) -> dict[GpuUuid, GpuFlag]:
    return {row["uuid"]: _flag(row) for row in db.table("gpu_flags").rows_where(order_by="uuid")}


def _flag(row: dict[str, Any]) -> GpuFlag:
    return GpuFlag(**{**row, "drained": bool(row["drained"])})
