"""What was measured of each attempt, and the energy that accounts, groups and services used by month.

Must not know what measures anything.
"""

from datetime import UTC, datetime

from sqlite_utils import Database

from engine.bookkeeping import Measured

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
