"""GPU-seconds and energy by day, out of the bills and the measures of attempts. Must not know who asks."""

import asyncio
from dataclasses import dataclass

from engine.core.model import AccountName, GroupName, Owner
from engine.store.readers import Readers

DAY_S = 86_400
"""A day in UTC: Unix seconds know no longer ones."""

# One row for all attempts of an owner that began on the same day and ended on the same day: what they did on the first
# day, on the last one and on each day between are sums of their own, so that no attempt is looked at alone.
_RAN = """
WITH ran AS (
    SELECT account, grp, cards, since, min(until, :now) AS until, coalesce(energy_j, 0) AS energy_j
    FROM bills LEFT JOIN measures USING (job, attempt)
    WHERE bills.until > :after AND bills.until <= :upto AND since < :now AND bills.until > since AND cards > 0 {which}
), placed AS (
    SELECT *, CAST(since / 86400 AS INTEGER) AS began, CAST(until / 86400 AS INTEGER) AS ended,
        energy_j / (until - since) AS watts FROM ran
)
SELECT account, grp, began, ended, sum(cards * (until - since)), sum(energy_j),
    sum(cards * ((began + 1) * 86400 - since)), sum(watts * ((began + 1) * 86400 - since)),
    sum(cards * (until - ended * 86400)), sum(watts * (until - ended * 86400)), sum(cards), sum(watts)
FROM placed GROUP BY account, grp, began, ended
"""
_NOT_UNDER_WAY = """
    AND NOT EXISTS (
        SELECT 1 FROM jobs WHERE id = job AND jobs.attempt = bills.attempt AND state IN ('scheduled', 'running')
    )
"""
SETTLES_S = 3600.0
"""An attempt that ended so long ago, and is known to have, is charged for no other time any more."""
_NEVER = 1e18


@dataclass(slots=True, frozen=True, kw_only=True)
class Used:
    """What an owner's attempts used on a day. day: since 1970, in UTC."""

    owner: Owner
    day: int
    gpu_s: float
    energy_j: float


class UsageDays:
    """To be read. What was asked once is remembered: of 100,000 attempts only those are looked at that came since."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._settling = asyncio.Lock()
        self._first_day = 0
        self._until: float | None = None
        self._settled: dict[tuple[Owner, int], Used] = {}

    async def since(self, first_day: int, now: float) -> list[Used]:
        """From a day on until a moment (Unix seconds); an owner may have several of one day.

        What runs counts up to then. An attempt's energy counts evenly over its time.
        """
        async with self._settling:
            until = await self._settle(first_day, now)
            fresh = await self._read(after=max(until, first_day * DAY_S), upto=_NEVER, now=now)
            return [used for used in (*self._settled.values(), *fresh) if used.day >= first_day]

    async def _settle(self, first_day: int, now: float) -> float:
        """Remember what ended until some time ago; until when."""
        upto = now - SETTLES_S
        if self._until is None or first_day < self._first_day or upto < self._until:  # a clock may be set back
            self._first_day, self._until, self._settled = first_day, float(first_day * DAY_S), {}
        if upto > self._until:
            for used in await self._read(after=self._until, upto=upto, now=now, which=_NOT_UNDER_WAY):
                key = (used.owner, used.day)
                before = self._settled.get(key)
                self._settled[key] = used if before is None else _added(before, used)
            self._until = upto
        return self._until

    async def _read(self, *, after: float, upto: float, now: float, which: str = "") -> list[Used]:
        sql, given = _RAN.format(which=which), {"after": after, "upto": upto, "now": now}
        rows = await self._readers.read(lambda db: db.conn.execute(sql, given).fetchall())
        return [used for row in rows for used in _split(row)]


def _added(first: Used, second: Used) -> Used:
    gpu_s, energy_j = first.gpu_s + second.gpu_s, first.energy_j + second.energy_j
    return Used(owner=first.owner, day=first.day, gpu_s=gpu_s, energy_j=energy_j)


def _split(row: tuple[str, str, int, int, float, float, float, float, float, float, float, float]) -> list[Used]:
    account, group, began, ended, gpu_s, energy_j, *_ = row
    owner = Owner(account=AccountName(account), group=GroupName(group))
    if began == ended:
        return [Used(owner=owner, day=began, gpu_s=gpu_s, energy_j=energy_j)]
    head_s, head_j, tail_s, tail_j, cards, watts = row[6:]
    between = [
        Used(owner=owner, day=day, gpu_s=cards * DAY_S, energy_j=watts * DAY_S) for day in range(began + 1, ended)
    ]
    first = Used(owner=owner, day=began, gpu_s=head_s, energy_j=head_j)
    return [first, *between, Used(owner=owner, day=ended, gpu_s=tail_s, energy_j=tail_j)]
