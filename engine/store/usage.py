"""What each group has used: GPU-seconds that count half after every half-life.

Must not know why a group is charged.
"""

from dataclasses import dataclass

from sqlite_utils import Database

from engine.core.fairshare import decayed
from engine.core.model import GroupName
from engine.store.readers import Readers
from engine.store.writer import Writer

# Plain SQL: every pass that starts or ends something comes through here.
_CHARGE = """
INSERT INTO usage (grp, gpu_seconds, as_of) VALUES (?, ?, ?)
ON CONFLICT (grp) DO UPDATE SET gpu_seconds = excluded.gpu_seconds, as_of = excluded.as_of
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class GroupUsage:
    """Decayed GPU-seconds as of a moment (Unix seconds)."""

    gpu_seconds: float
    as_of: float

    def at(self, now: float, half_life_s: float) -> float:
        """What is left of it at `now`; a clock that went back takes nothing away."""
        return decayed(self.gpu_seconds, now - self.as_of, half_life_s)


class Usage:
    """The usage of every group that was ever charged; it outlives the group. half_life_s: of the decay."""

    def __init__(self, writer: Writer, readers: Readers, half_life_s: float) -> None:
        self._writer = writer
        self._readers = readers
        self._half_life_s = half_life_s

    async def charge(self, group: GroupName, gpu_seconds: float, at: float) -> None:
        """Add to the group's usage at `at` (Unix seconds); negative gives back, never below 0."""
        await self._writer.write(lambda db: charge(db, group, gpu_seconds, at, self._half_life_s))

    async def all(self) -> dict[GroupName, GroupUsage]:
        """Usage by group, each as of its last charge."""
        return await self._readers.read(_all)


def charge(db: Database, group: GroupName, gpu_seconds: float, at: float, half_life_s: float) -> None:
    """The same inside a write that is under way."""
    row = db.conn.execute("SELECT gpu_seconds, as_of FROM usage WHERE grp = ?", (group,)).fetchone()
    before = GroupUsage(gpu_seconds=row[0], as_of=row[1]) if row else GroupUsage(gpu_seconds=0.0, as_of=at)
    now = max(at, before.as_of)
    total = max(0.0, before.at(now, half_life_s) + gpu_seconds)
    db.conn.execute(_CHARGE, (group, total, now))


def _all(db: Database) -> dict[GroupName, GroupUsage]:
    rows = db.table("usage").rows_where(order_by="grp")
    return {GroupName(row["grp"]): GroupUsage(gpu_seconds=row["gpu_seconds"], as_of=row["as_of"]) for row in rows}
