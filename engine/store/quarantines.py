"""Cards that the health monitor took out of use, by UUID; it lasts over a restart.

Must not know which cards there are, nor what a cause means.
"""

from dataclasses import asdict, dataclass

from sqlite_utils import Database

from engine.core.model import GpuUuid
from engine.store.audit import Entry, log
from engine.store.readers import Readers
from engine.store.writer import Writer


@dataclass(slots=True, frozen=True, kw_only=True)
class Quarantine:
    """Why a card is out of use. cause: of `engine.core.health.CAUSES`; detail: what was seen. at: Unix seconds."""

    uuid: GpuUuid
    cause: str
    detail: str | None
    at: float


class Quarantines:
    """All of them. `entry` goes to the audit log in the same transaction."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def set(self, quarantine: Quarantine, *, entry: Entry | None = None) -> None:
        """Write one down, in place of an earlier one of its card."""

        def work(db: Database) -> None:
            db.table("quarantines").upsert(asdict(quarantine), pk="uuid")
            log(db, entry)

        await self._writer.write(work)

    async def clear(self, uuid: GpuUuid, *, entry: Entry | None = None) -> None:
        """Forget the one of a card."""

        def work(db: Database) -> None:
            db.table("quarantines").delete_where("uuid = ?", [uuid])
            log(db, entry)

        await self._writer.write(work)

    async def all(self) -> dict[GpuUuid, Quarantine]:
        """Every one, by card."""
        return await self._readers.read(_all)


def _all(db: Database) -> dict[GpuUuid, Quarantine]:
    return {row["uuid"]: Quarantine(**row) for row in db.table("quarantines").rows_where(order_by="uuid")}
