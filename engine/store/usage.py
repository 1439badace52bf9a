"""What was used: GPU-seconds of groups and accounts that fade, plain ones by calendar month, the bill of each attempt.

Must not know why anybody is charged.
"""

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from engine.bookkeeping import Bill, Billed, Charged
from engine.core.fairshare import decayed
from engine.core.model import AccountName, GroupName, JobId, Owner
from engine.store.readers import Readers
from engine.store.writer import Writer

# Plain SQL: every pass that starts or ends something comes through here.
_GROUP = "SELECT gpu_seconds, as_of FROM usage WHERE grp = ?"
_CHARGE_GROUP = """
INSERT INTO usage (gpu_seconds, as_of, grp) VALUES (?, ?, ?)
ON CONFLICT (grp) DO UPDATE SET gpu_seconds = excluded.gpu_seconds, as_of = excluded.as_of
"""
_ACCOUNT = "SELECT gpu_seconds, as_of FROM usage_accounts WHERE grp = ? AND account = ?"
_CHARGE_ACCOUNT = """
INSERT INTO usage_accounts (gpu_seconds, as_of, grp, account) VALUES (?, ?, ?, ?)
ON CONFLICT (grp, account) DO UPDATE SET gpu_seconds = excluded.gpu_seconds, as_of = excluded.as_of
"""
_CHARGE_MONTH = """
INSERT INTO month_usage (month, scope, name, gpu_seconds) VALUES (?, ?, ?, max(0.0, ?4))
ON CONFLICT (month, scope, name) DO UPDATE SET gpu_seconds = max(0.0, gpu_seconds + ?4)
"""
_BILL = """
INSERT INTO bills (job, attempt, account, grp, rate, cards, since, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (job, attempt) DO UPDATE SET rate = excluded.rate, cards = excluded.cards, since = excluded.since,
    until = excluded.until
"""
_OPEN_BILLS = """
SELECT job, bills.attempt, rate, cards, since, until FROM jobs JOIN bills ON job = id AND bills.attempt = jobs.attempt
WHERE state IN ('scheduled', 'running')
"""
_RAN = """
SELECT account, grp, sum(cards * (min(until, :now) - max(since, :since))) FROM bills
WHERE until > :since AND since < :now AND cards > 0 GROUP BY account, grp
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class Used:
    """Decayed GPU-seconds as of a moment (Unix seconds)."""

    gpu_seconds: float
    as_of: float

    def at(self, now: float, half_life_s: float) -> float:
        """What is left of it at `now`; a clock that went back takes nothing away."""
        return decayed(self.gpu_seconds, now - self.as_of, half_life_s)


class Usage:
    """The usage of everybody who was ever charged; it outlives them. half_life_s: of the decay."""

    def __init__(self, writer: Writer, readers: Readers, half_life_s: float) -> None:
        self._writer = writer
        self._readers = readers
        self._half_life_s = half_life_s

    async def charge(self, charged: Charged) -> None:
        """Add to all that the charge is about."""
        await self._writer.write(lambda db: charge(db, charged, self._half_life_s))

    async def all(self) -> dict[GroupName, Used]:
        """Usage by group, each as of its last charge."""
        return await self._readers.read(_groups)

    async def accounts(self) -> dict[Owner, Used]:
        """Usage by account inside each group, each as of its last charge."""
        return await self._readers.read(_accounts)

    async def months(self, first: str) -> list[tuple[str, str, str, float]]:
        """(month, scope, name, plain GPU-seconds) of `first` (`2026-11`) and of all months after it."""
        sql = "SELECT month, scope, name, gpu_seconds FROM month_usage WHERE month >= ?"
        return await self._readers.read(lambda db: db.conn.execute(sql, (first,)).fetchall())

    async def open_bills(self) -> dict[tuple[JobId, int], Bill]:
        """The bill of each attempt that holds a lease, by job and attempt."""
        return await self._readers.read(_open_bills)

    async def ran_since(self, since: float, now: float) -> dict[Owner, float]:
        """Plain GPU-seconds that ran between two moments (Unix seconds), by owner."""
        rows = await self._readers.read(lambda db: db.conn.execute(_RAN, {"since": since, "now": now}).fetchall())
        return {_owner(account, group): gpu_s for account, group, gpu_s in rows}


def charge(db: Database, charged: Charged, half_life_s: float) -> None:
    """The same inside a write that is under way."""
    owner = charged.owner
    for select, write, bearer in (
        (_GROUP, _CHARGE_GROUP, (owner.group,)),
        (_ACCOUNT, _CHARGE_ACCOUNT, (owner.group, owner.account)),
    ):
        row = db.conn.execute(select, bearer).fetchone() or (0.0, charged.at)
        before = Used(gpu_seconds=row[0], as_of=row[1])
        now = max(charged.at, before.as_of)
        db.conn.execute(write, (max(0.0, before.at(now, half_life_s) + charged.gpu_seconds), now, *bearer))
    for month, gpu_s in charged.card_s.items():
        db.conn.executemany(_CHARGE_MONTH, [(month, scope, name, gpu_s) for scope, name in charged.bearers])


def keep_bill(db: Database, job: int, billed: Billed) -> None:
    """Write an attempt's bill down inside a write that is under way."""
    bill, owner = billed.bill, billed.owner
    values = (owner.account, owner.group, bill.rate, bill.cards, bill.since, bill.until)
    db.conn.execute(_BILL, (job, billed.attempt, *values))


def _groups(db: Database) -> dict[GroupName, Used]:
    rows = db.table("usage").rows_where(order_by="grp")
    return {GroupName(row["grp"]): _used(row) for row in rows}


def _accounts(db: Database) -> dict[Owner, Used]:
    rows = db.table("usage_accounts").rows_where(order_by="grp, account")
    return {_owner(row["account"], row["grp"]): _used(row) for row in rows}


def _open_bills(db: Database) -> dict[tuple[JobId, int], Bill]:
    rows = db.conn.execute(_OPEN_BILLS)
    return {
        (JobId(str(job)), attempt): Bill(rate=rate, cards=cards, since=since, until=until)
        for job, attempt, rate, cards, since, until in rows
    }


def _used(row: dict[str, Any]) -> Used:
    return Used(gpu_seconds=row["gpu_seconds"], as_of=row["as_of"])


def _owner(account: str, group: str) -> Owner:
    return Owner(account=AccountName(account), group=GroupName(group))
