"""Two minutes of each card's utilisation, one slot a second.

Pure: times are arguments. Must not know where readings come from or what draws them.
"""

from collections import deque

SPAN_S = 120
"""Seconds that are remembered."""


class History:
    """The readings of one card. Seconds without a reading are gaps, filled by the reading before for up to 5 s."""

    def __init__(self) -> None:
        self._readings: deque[tuple[int, float | None]] = deque()

    def add(self, at: float, value: float | None) -> None:
        """Note a reading of 0 to 1 at Unix second `at`; a second one in the same second replaces the first."""
        second = int(at)
        if self._readings and self._readings[-1][0] >= second:
            self._readings.pop()
        self._readings.append((second, value))
        while self._readings and self._readings[0][0] <= second - SPAN_S:
            self._readings.popleft()

    def values(self, now: float) -> list[float | None]:
        """One value a second, oldest first, from the first reading in the span to the latest, `now` at most."""
        if not self._readings:
            return []
        known = dict(self._readings)
        last = min(int(now), self._readings[-1][0])
        values: list[float | None] = []
        age = 0
        for second in range(max(self._readings[0][0], last - SPAN_S + 1), last + 1):
            age = 0 if second in known else age + 1
            values.append(known[second] if age == 0 else values[-1] if age <= _BRIDGED_S else None)
        return values


_BRIDGED_S = 5
