"""What each group has used, decaying with a half-life: the memory behind fair share.

Owned by the event loop; the store keeps the same numbers on disk. Must not know what a job costs.
"""

from collections.abc import Iterable

from engine.core.fairshare import decayed
from engine.core.model import GroupName


class UsageBook:
    """Decayed GPU-seconds per group. half_life_s: seconds after which an amount counts half."""

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._rows: dict[GroupName, tuple[float, float]] = {}

    def load(self, rows: Iterable[tuple[GroupName, float, float]]) -> None:
        """Take over (group, GPU-seconds, as of Unix seconds)."""
        self._rows = {group: (amount, as_of) for group, amount, as_of in rows}

    def charge(self, group: GroupName, gpu_s: float, now: float) -> None:
        """Add GPU-seconds (negative: give back); the sum never falls below 0."""
        self._rows[group] = (max(0.0, self.of(group, now) + gpu_s), now)

    def of(self, group: GroupName, now: float) -> float:
        """Decayed GPU-seconds of one group at `now`."""
        amount, as_of = self._rows.get(group, (0.0, now))
        return self.left(amount, now - as_of)

    def left(self, gpu_s: float, age_s: float) -> float:
        """What an amount that was charged `age_s` seconds ago counts now; so much of it can be given back."""
        return decayed(gpu_s, age_s, self._half_life_s)

    def all(self, now: float) -> dict[GroupName, float]:
        """Decayed GPU-seconds of every group that has any."""
        return {group: self.of(group, now) for group in self._rows}
