"""Which cards the driver does not come back from, and for how long each is left alone.

Must not know how they are asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_S = 600.0


@dataclass(slots=True)
class _Trouble:
    times: int
    until: float


class Troubles:
    """By the driver's positions; `None` is the driver as a whole. Times are those of a monotonic clock.

    first_s: how long a card is left alone the first time; each time it fails again it is twice as long.
    """

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s
        self._of: dict[int | None, _Trouble] = {}

    def add(self, position: int | None, now: float, *, again_at_once: bool = False) -> float:
        """It did not come back. again_at_once: the first time may have been chance. How long it is left alone now."""
        trouble = self._of.setdefault(position, _Trouble(times=0, until=now))
        trouble.times += 1
        pause = (
            0.0 if again_at_once and trouble.times == 1 else min(self._first_s * 2 ** (trouble.times - 1), LONGEST_S)
        )
        trouble.until = now + pause
        return pause

    def over(self, position: int | None) -> bool:
        """It answers; whether it had not."""
        return self._of.pop(position, None) is not None

    def __contains__(self, position: int | None) -> bool:
        return position in self._of

    def __bool__(self) -> bool:
        return bool(self._of)

    def left_alone(self, now: float) -> list[int]:
        """Cards that are not to be asked now."""
        return [position for position, trouble in self._cards() if trouble.until > now]

    def on_trial(self, now: float) -> list[int]:
        """Cards that are asked again: after all others, as they may hang again."""
        return [position for position, trouble in self._cards() if trouble.until <= now]

    def driver_left_alone(self, now: float) -> bool:
        """Whether nothing is to be asked now."""
        trouble = self._of.get(None)
        return trouble is not None and trouble.until > now

    def _cards(self) -> Iterator[tuple[int, _Trouble]]:
        for position, trouble in self._of.items():
            if position is not None:
                yield position, trouble
