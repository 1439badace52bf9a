"""Services: named kinds of work with a cap per account and a quota for all their jobs together.

Must not know which jobs ask for them.
"""

from dataclasses import dataclass, field

from sqlite_utils import Database

from engine.core.quota import Quota
from engine.store.audit import Entry, log
from engine.store.quota import quota_of, quota_text
from engine.store.readers import Readers
from engine.store.writer import Writer


@dataclass(slots=True, frozen=True, kw_only=True)
class Service:
    """jobs_per_account: how many of it one account may run at once; `None` for no limit. quota: of all its jobs."""

    name: str
    jobs_per_account: int | None = None
    quota: Quota = field(default_factory=Quota)


class Services:
    """All services."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def set(self, service: Service, *, entry: Entry | None = None) -> None:
        """Make or change a service. `entry` goes to the audit log in the same transaction."""

        def work(db: Database) -> None:
            row = {
                "name": service.name,
                "jobs_per_account": service.jobs_per_account,
                "quota": quota_text(service.quota),
            }
            db.table("services").upsert(row, pk="name")
            log(db, entry)

        await self._writer.write(work)

    async def all(self) -> list[Service]:
        """Every service, by name."""
        return await self._readers.read(_all)


def _all(db: Database) -> list[Service]:
    rows = db.table("services").rows_where(order_by="name")
    return [
        Service(name=row["name"], jobs_per_account=row["jobs_per_account"], quota=quota_of(row["quota"]))
        for row in rows
    ]
