"""What was measured of each attempt, and the energy that accounts, groups and services used by month.

Must not know what measures anything.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlite_utils import Database

from engine.bookkeeping import Measured
from engine.core.model import AccountName, GroupName, JobId, Owner
from engine.store.readers import Readers

_COLUMNS = "energy_j, peak_memory_mb, gpu_s, busy_gpu_s, gpus_used"
_OF = f"SELECT attempt, {_COLUMNS} FROM measures WHERE job = ?"  # noqa: S608 - columns named above
_UNDER_WAY = f"""
SELECT job, measures.attempt, {_COLUMNS} FROM jobs JOIN measures ON job = id AND measures.attempt = jobs.attempt
WHERE state IN ('scheduled', 'running')
"""  # noqa: S608 - columns named above
_SINCE = """
SELECT account, grp, sum(energy_j * (min(until, :now) - max(since, :since)) / (min(until, :now) - since))
FROM bills JOIN measures USING (job, attempt) WHERE until > :since AND since < :now AND until > since
GROUP BY account, grp
"""
_BEFORE = "SELECT energy_j FROM measures WHERE job = ? AND attempt = ?"
_KEEP = """
INSERT INTO measures (job, attempt, energy_j, peak_memory_mb, gpu_s, busy_gpu_s, gpus_used) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (job, attempt) DO UPDATE SET energy_j = excluded.energy_j, peak_memory_mb = excluded.peak_memory_mb,
    gpu_s = excluded.gpu_s, busy_gpu_s = excluded.busy_gpu_s, gpus_used = excluded.gpus_used
"""
_MONTH = """
INSERT INTO month_energy (month, scope, name, energy_j) VALUES (?, ?, ?, ?)
ON CONFLICT (month, scope, name) DO UPDATE SET energy_j = energy_j + excluded.energy_j
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class Kept:
    """What was measured of one attempt, in the words of `Measured`."""

    energy_j: float
    peak_memory_mb: int | None
    gpu_s: float
    busy_gpu_s: float
    gpus_used: int


class Measures:
    """What was measured, to be read."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def under_way(self) -> dict[tuple[JobId, int], Kept]:
        """Of the attempts that hold a lease, by job and attempt."""
        rows = await self._readers.read(lambda db: db.conn.execute(_UNDER_WAY).fetchall())
        return {(JobId(str(job)), attempt): _kept(figures) for job, attempt, *figures in rows}

    async def month(self, month: str) -> dict[tuple[str, str], float]:
        """Joules used in a calendar month (`2026-11`, UTC), by scope (`account`, `group`, `service`) and name."""
        sql = "SELECT scope, name, energy_j FROM month_energy WHERE month = ?"
        rows = await self._readers.read(lambda db: db.conn.execute(sql, (month,)).fetchall())
        return {(scope, name): energy_j for scope, name, energy_j in rows}

    async def since(self, since: float, now: float) -> dict[Owner, float]:
        """Joules used between two moments (Unix seconds), by owner; of an attempt across one, its part by time."""
        rows = await self._readers.read(lambda db: db.conn.execute(_SINCE, {"since": since, "now": now}).fetchall())
        return {
            Owner(account=AccountName(account), group=GroupName(group)): energy_j for account, group, energy_j in rows
        }


def measures_of(db: Database, number: int) -> dict[int, Kept]:
    """Of one job, by attempt."""
    return {attempt: _kept(figures) for attempt, *figures in db.conn.execute(_OF, (number,))}


def _kept(figures: list[Any]) -> Kept:
    energy_j, peak_memory_mb, gpu_s, busy_gpu_s, gpus_used = figures
    return Kept(
        energy_j=energy_j, peak_memory_mb=peak_memory_mb, gpu_s=gpu_s, busy_gpu_s=busy_gpu_s, gpus_used=gpus_used
    )


def keep(db: Database, number: int, measured: Measured) -> None:
    """Write what is known by now in place of what was; what the energy grew by counts in the month of `at` (UTC)."""
    row = db.conn.execute(_BEFORE, (number, measured.attempt)).fetchone()
    grown_j = measured.energy_j - (row[0] if row else 0.0)
    figures = (measured.energy_j, measured.peak_memory_mb, measured.gpu_s, measured.busy_gpu_s, measured.gpus_used)
    db.conn.execute(_KEEP, (number, measured.attempt, *figures))
    if grown_j > 0:
        month = datetime.fromtimestamp(measured.at, UTC).strftime("%Y-%m")
        bearers = [("account", measured.owner.account), ("group", measured.owner.group)]
        if measured.service is not None:
            bearers.append(("service", measured.service))
        db.conn.executemany(_MONTH, [(month, scope, name, grown_j) for scope, name in bearers])
