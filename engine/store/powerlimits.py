"""Power limits of cards that the engine changed: what was in force before is on disk before it is changed.

Must not know why a limit was changed, nor which cards there are.
"""

from dataclasses import asdict, dataclass

from sqlite_utils import Database

from engine.core.model import GpuUuid
from engine.store.readers import Readers
from engine.store.writer import Writer


@dataclass(slots=True, frozen=True, kw_only=True)
class PowerLimit:
    """Watts of one card: before_w is to be put back, set_w is in force or about to be. at: Unix seconds.

    job: the id of the job whose cap it is; `None`: it is because of heat.
    """

    uuid: GpuUuid
    before_w: float
    set_w: float
    job: int | None
    at: float


class PowerLimits:
    """All limits that are to be put back."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def keep(self, limit: PowerLimit) -> None:
        """Write the limit of a card down, in place of an earlier one. On disk when this returns."""

        def work(db: Database) -> None:
            db.table("power_limits").upsert(asdict(limit), pk="uuid")

        await self._writer.write(work)

    async def forget(self, uuid: GpuUuid) -> None:
        """The card has its own limit again."""

        def work(db: Database) -> None:
            db.table("power_limits").delete_where("uuid = ?", [uuid])

        await self._writer.write(work)

    async def all(self) -> dict[GpuUuid, PowerLimit]:
        """Every one, by card."""
        return await self._readers.read(_all)


def _all(db: Database) -> dict[GpuUuid, PowerLimit]:
    return {row["uuid"]: PowerLimit(**row) for row in db.table("power_limits").rows_where(order_by="uuid")}
