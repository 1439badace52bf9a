"""Two minutes of a figure such as a card's utilisation, one slot a second.

Pure: times are arguments. Must not know where readings come from or what draws them.
"""

from collections import deque

SPAN_S = 120
"""Seconds that are remembered."""

_BRIDGED_S = 5
_KEPT_S = SPAN_S + 20
"""A step that is not over yet hides none of the span."""


class History:
    """The readings of one figure. Seconds without a reading are gaps, filled by the reading before for up to 5 s."""

    def __init__(self) -> None:
        self._readings: deque[tuple[int, float | None]] = deque()

    def add(self, at: float, value: float | None) -> None:
        """Note a reading of 0 to 1 at Unix second `at`; a second one in the same second replaces the first."""
        second = int(at)
        if self._readings and self._readings[-1][0] >= second:
            self._readings.pop()
        self._readings.append((second, value))
        while self._readings and self._readings[0][0] <= second - _KEPT_S:
            self._readings.popleft()

    def values(self, now: float) -> list[float | None]:
        """One value a second, oldest first, from the first reading in the span to the latest, `now` at most."""
        return self._seconds(now, SPAN_S)

    def _seconds(self, now: float, span_s: int) -> list[float | None]:
        if not self._readings:
            return []
        known = dict(self._readings)
        last = min(int(now), self._readings[-1][0])
        values: list[float | None] = []
        age = 0
        for second in range(max(self._readings[0][0], last - span_s + 1), last + 1):
            age = 0 if second in known else age + 1
            values.append(known[second] if age == 0 else values[-1] if age <= _BRIDGED_S else None)
        return values

    def steps(self, now: float, step_s: int) -> list[float | None]:
        """Means of `step_s` seconds each, oldest first, as many as fit into the span; the newest is one that is over.

        Steps begin at multiples of their length: until the next one is over, nothing moves.
        """
        values = self._seconds(now, _KEPT_S)
        newest = min(int(now), self._readings[-1][0]) if self._readings else 0
        over = int(now) // step_s
        sums: dict[int, list[float]] = {}
        for second, value in enumerate(values, newest + 1 - len(values)):
            if value is not None:
                sums.setdefault(second // step_s, []).append(value)
        steps = range(over - SPAN_S // step_s, over)
        return [sum(sums[step]) / len(sums[step]) if step in sums else None for step in steps]
