"""Services: named kinds of work with a cap per account.

Must not know which jobs ask for them.
"""

from dataclasses import dataclass

from sqlite_utils import Database

from engine.store.audit import Entry, log
from engine.store.readers import Readers
from engine.store.writer import Writer


@dataclass(slots=True, frozen=True, kw_only=True)
class Service:
    """jobs_per_account: how many of it one account may run at once; `None` for no limit."""

    name: str
    jobs_per_account: int | None = None


class Services:
    """All services."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def set(self, service: Service, *, entry: Entry | None = None) -> None:
        """Make or change a service. `entry` goes to the audit log in the same transaction."""

        def work(db: Database) -> None:
            row = {"name": service.name, "jobs_per_account": service.jobs_per_account}
            db.table("services").upsert(row, pk="name")
            log(db, entry)

        await self._writer.write(work)

    async def all(self) -> list[Service]:
        """Every service, by name."""
        return await self._readers.read(_all)


def _all(db: Database) -> list[Service]:
    return [Service(**row) for row in db.table("services").rows_where(order_by="name")]
