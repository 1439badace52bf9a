"""The store as the daemon holds it: one file, one writer, a few readers, one attribute per kind of book.

Must not know who asks.
"""

from contextlib import suppress
from pathlib import Path

from engine.store.accounts import Accounts
from engine.store.arrays import Arrays
from engine.store.audit import Audit
from engine.store.database import check, connect_writer, write_nothing_new
from engine.store.decisions import Decisions
from engine.store.errors import StoreClosed, WriteFailed
from engine.store.gpus import GpuFlags
from engine.store.groups import Groups
from engine.store.jobfiles import JobFileBooks
from engine.store.jobs import Jobs
from engine.store.keys import Keys
from engine.store.listing import Listings
from engine.store.measures import Measures
from engine.store.notifications import Notifications
from engine.store.pastruns import PastRuns
from engine.store.powerlimits import PowerLimits
from engine.store.quarantines import Quarantines
from engine.store.readers import Readers
from engine.store.series import SeriesBooks
from engine.store.services import Services
from engine.store.sessions import Sessions
from engine.store.slots import Slots
from engine.store.starts import Starts
from engine.store.uploads import Uploads
from engine.store.usage import Usage
from engine.store.usagedays import UsageDays
from engine.store.usagespans import UsageSpans
from engine.store.writer import Writer


class Store:
    """All books of one database. Get one with `Store.open`."""

    def __init__(self, writer: Writer, readers: Readers, half_life_s: float) -> None:
        self.writer = writer
        self.readers = readers
        self.jobs = Jobs(writer, readers, half_life_s)
        self.arrays = Arrays(readers)
        self.listings = Listings(readers)
        self.keys = Keys(readers)
        self.past_runs = PastRuns(readers)
        self.measures = Measures(readers)
        self.series = SeriesBooks(readers)
        self.accounts = Accounts(writer, readers)
        self.groups = Groups(writer, readers)
        self.services = Services(writer, readers)
        self.sessions = Sessions(writer, readers)
        self.usage = Usage(writer, readers, half_life_s)
        self.usage_days = UsageDays(readers)
        self.usage_spans = UsageSpans(readers)
        self.audit = Audit(writer, readers)
        self.starts = Starts(writer)
        self.gpus = GpuFlags(writer, readers)
        self.power_limits = PowerLimits(writer, readers)
        self.quarantines = Quarantines(writer, readers)
        self.slots = Slots(writer, readers)
        self.decisions = Decisions(writer)
        self.notifications = Notifications(writer, readers)
        self.job_files = JobFileBooks(writer, readers)
        self.uploads = Uploads(writer, readers)

    @classmethod
    def open(cls, path: Path, *, half_life_s: float) -> "Store":
        """Check the file, bring it to today's schema, open it. half_life_s: of groups' usage. Blocks on the disk.

        Its directory must exist; the file is made, readable by its owner only. Raises DatabaseUnavailable,
        DatabaseDamaged, DatabaseForeign and DatabaseTooNew, all before anything is changed.
        """
        check(path)
        db = connect_writer(path)
        readers = Readers(path)
        return cls(Writer(path, db), readers, half_life_s)

    @property
    def trouble(self) -> str | None:
        """Why nothing could be written when that was last tried; `None` if it could."""
        return self.writer.trouble

    async def try_again(self) -> None:
        """While there is trouble: find out whether the disk takes writes again."""
        if self.trouble is not None:
            with suppress(WriteFailed, StoreClosed):
                await self.writer.write(write_nothing_new)

    async def close(self) -> None:
        """Finish the writes that wait and the reads under way, then let go of the file. Twice is the same as once."""
        await self.readers.close()  # first: the last connection to close tidies the -wal file away, if it may write
        await self.writer.close()
