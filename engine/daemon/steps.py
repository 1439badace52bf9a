"""Figures over time at a bounded number of steps: when those are used up, neighbours merge and a step is twice as long.

Pure. Must not know what the figures mean.
"""

from collections.abc import Iterable, Sequence

MOST = 240
"""So many steps at most: more than a terminal is wide, and under 2 KB on disk."""

Figures = tuple[float | None, ...]


class Steps:
    """From `start_at` (Unix seconds) on, in steps of `step_s` seconds: the mean of what each figure was in it."""

    def __init__(self, start_at: float, step_s: float, width: int) -> None:
        """width: how many figures are kept side by side."""
        self.start_at = start_at
        self.step_s = step_s
        self._width = width
        self._done: list[Figures] = []
        self._sums = [0.0] * width
        self._counts = [0] * width

    @classmethod
    def of(cls, start_at: float, step_s: float, rows: Sequence[Figures], width: int) -> "Steps":
        """Go on with what was kept; the last step may not have been over."""
        steps = cls(start_at, step_s, width)
        steps._done = list(rows[:-1])
        for last in rows[-1:]:
            steps._note(last)
        return steps

    def add(self, at: float, figures: Iterable[float | None]) -> None:
        """What they were at a moment (Unix seconds); one before the last is not counted."""
        place = self._place(at)
        while place >= MOST:
            self._finish(MOST)
            self._halve()
            place = self._place(at)
        if place >= len(self._done):
            self._finish(place)
            self._note(figures)

    def rows(self) -> list[Figures]:
        """All steps so far, that which is not over included; `None` where nothing was told."""
        return [*self._done, self._mean()] if any(self._counts) else list(self._done)

    def _place(self, at: float) -> int:
        return int((at - self.start_at) // self.step_s)

    def _note(self, figures: Iterable[float | None]) -> None:
        for one, value in enumerate(figures):
            if value is not None:
                self._sums[one] += value
                self._counts[one] += 1

    def _mean(self) -> Figures:
        return tuple(total / count if count else None for total, count in zip(self._sums, self._counts, strict=True))

    def _finish(self, place: int) -> None:
        """All steps before that place are over."""
        while len(self._done) < place:
            self._done.append(self._mean())
            self._sums, self._counts = [0.0] * self._width, [0] * self._width

    def _halve(self) -> None:
        pairs = zip(self._done[::2], self._done[1::2], strict=True)
        self._done = [tuple(map(_middle, first, second)) for first, second in pairs]
        self.step_s *= 2


def _middle(first: float | None, second: float | None) -> float | None:
    told = [value for value in (first, second) if value is not None]
    return sum(told) / len(told) if told else None
