"""GPU-seconds, energy and jobs of a stretch of time, out of the bills and the measures of attempts.

Must not know who asks.
"""

from dataclasses import dataclass

from engine.core.model import AccountName, GroupName, Owner
from engine.store.readers import Readers

# An attempt's energy counts evenly over its time so far, as by day and since a moment.
_USED = """
SELECT bills.account, bills.grp, jobs.service, count(DISTINCT bills.job),
    sum(cards * (min(bills.until, :until) - max(since, :since))),
    sum(coalesce(energy_j, 0) * (min(bills.until, :until) - max(since, :since)) / (min(bills.until, :now) - since))
FROM bills LEFT JOIN measures USING (job, attempt) LEFT JOIN jobs ON jobs.id = bills.job
WHERE bills.until > :since AND since < :until AND bills.until > since
GROUP BY bills.account, bills.grp, jobs.service ORDER BY bills.grp, bills.account, jobs.service
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class UsedInSpan:
    """What one owner's jobs of one service (`None`: of none) used. jobs: how many ran in that time."""

    owner: Owner
    service: str | None
    jobs: int
    gpu_s: float
    energy_j: float


class UsageSpans:
    """To be read. It costs 4 µs for each attempt of that time."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def between(self, since: float, until: float, now: float) -> list[UsedInSpan]:
        """What ran from `since` on and before `until`, Unix seconds, not after `now`; by group, account, service."""
        given = {"since": since, "until": until, "now": now}
        rows = await self._readers.read(lambda db: db.conn.execute(_USED, given).fetchall())
        return [
            UsedInSpan(
                owner=Owner(account=AccountName(account), group=GroupName(group)),
                service=service,
                jobs=jobs,
                gpu_s=gpu_s,
                energy_j=energy_j,
            )
            for account, group, service, jobs, gpu_s, energy_j in rows
        ]
