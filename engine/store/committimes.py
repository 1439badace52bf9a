"""How long commits took lately. Must not know what was written."""

from collections import deque

WINDOW_S = 60.0
MOST = 4096
"""So many are looked back on at most, however many there are in a minute."""


class CommitTimes:
    """Noted by the writer's thread, read by any other: each step is one of the interpreter's.

    last_s: what the last one took; `None` before the first.
    """

    def __init__(self) -> None:
        self.last_s: float | None = None
        self._seen: deque[tuple[float, float]] = deque(maxlen=MOST)

    def note(self, at: float, took_s: float) -> None:
        """One commit is over. at: seconds of a clock that only goes on."""
        self.last_s = took_s
        self._seen.append((at, took_s))

    def slowest_s(self, now: float) -> float | None:
        """What the slowest of the last minute took; `None` where there was none."""
        return max((took_s for at, took_s in list(self._seen) if at > now - WINDOW_S), default=None)
