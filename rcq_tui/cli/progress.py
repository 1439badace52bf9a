"""The progress bar of an upload, on standard error and only on a terminal.

Must not know what is uploaded or where to.
"""

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from rcq_tui.cli.columns import terminal_width
from rcq_tui.viewmodel.bars import gauge
from rcq_tui.viewmodel.formats import duration
from rcq_tui.viewmodel.text import cut

_EVERY_S = 0.1
_BAR = 24
_RECENT_S = 5.0
"""What rate and rest are told by: a limit or a busy engine shows in them soon, a moment's pause does not."""
_STEP_S = 0.25
_TELLING_S = 1.0
"""Before that the rest is a guess: buffers on the way fill up at once."""


class Pace:
    """How fast a number grows, by its last seconds."""

    def __init__(self, now: float) -> None:
        self._seen = deque([(now, 0)])

    def at(self, now: float, value: int) -> None:
        """It is `value` now."""
        if now - self._seen[-1][0] >= _STEP_S:
            self._seen.append((now, value))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _RECENT_S:
            self._seen.popleft()

    def rate(self, now: float, value: int) -> float:
        """A second, of late."""
        since, before = self._seen[0]
        return (value - before) / (now - since) if now > since else 0.0


class Progress:
    """size: bytes of the source, 0 where nobody knows (a FIFO, a pipe)."""

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._bytes = 0
        self._counts = {"lines": 0, "accepted": 0, "rejected": 0}
        self._passed_over = 0
        self._clock = clock
        self._began = clock()
        self._read = Pace(self._began)
        self._settled = Pace(self._began)
        self._drawn_at = 0.0
        self._visible = sys.stderr.isatty()
        self._plain = (sys.stderr.encoding or "ascii").lower().replace("-", "") != "utf8"
        self._held_back = False

    @property
    def lines(self) -> int:
        """The last line that the engine has told of."""
        return self._counts["lines"]

    def sent(self, size: int) -> None:
        """So many more bytes of the source were read."""
        self._bytes += size
        now = self._clock()
        self._read.at(now, self._bytes)
        self._draw(now)

    def told(self, counts: dict[str, Any], passed_over: int = 0) -> None:
        """The engine's own count of `lines`, `accepted` and `rejected`. passed_over: lines that had a job before."""
        self._passed_over = passed_over
        self._counts.update({name: int(counts[name]) for name in self._counts})
        now = self._clock()
        self._settled.at(now, self.lines)
        self._draw(now)

    def held_back(self) -> None:
        """The engine keeps lines back: they come faster than a limit a minute allows. Said once."""
        if not self._held_back:
            self._held_back = True
            self.end()
            print("rcq: a limit of jobs a minute is reached; the rest goes in as it allows", file=sys.stderr)

    def so_far(self) -> str:
        """How far the engine said it was, as a sentence."""
        counts = self._counts
        there = f"{self._passed_over} that were there already, " if self._passed_over else ""
        return f"It had told of {there}{counts['accepted']} accepted and {counts['rejected']} rejected lines before."

    def end(self) -> None:
        """Take the bar away."""
        if self._visible and self._drawn_at:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def done(self) -> None:
        """Say how long it took and how fast it was, where the bar was."""
        elapsed_s = self._clock() - self._began
        if self._visible and elapsed_s > 0:
            took = f"{elapsed_s:.1f} s" if elapsed_s < 60 else duration(elapsed_s)
            print(f"{self.lines} lines in {took}, {self.lines / elapsed_s:.0f} lines/s", file=sys.stderr)

    def line(self, elapsed_s: float) -> str:
        """The bar after so many seconds."""
        counts = self._counts
        rate = self._settled.rate(self._began + elapsed_s, self.lines)
        there = f"{self._passed_over} already there, " if self._passed_over else ""
        told = f"{counts['lines']} lines, {there}{counts['rejected']} rejected, {rate:.0f} lines/s"
        return f"{self.gauge()}{told}{self.left(elapsed_s)}"

    def gauge(self) -> str:
        """How much of the source is read, where its size is known."""
        return gauge(self._bytes / self._size, _BAR, ascii_only=self._plain) + " " if self._size else ""

    def left(self, elapsed_s: float) -> str:
        """How long the rest takes at the rate of the last seconds; nothing where that cannot be told."""
        rate = self._read.rate(self._began + elapsed_s, self._bytes)
        rest = self._size - self._bytes
        if rest <= 0 or rate <= 0 or elapsed_s < _TELLING_S:
            return ""
        return f", {duration(max(1.0, rest / rate))} left"

    def _draw(self, now: float) -> None:
        if not self._visible or now - self._drawn_at < _EVERY_S:
            return
        self._drawn_at = now
        sys.stderr.write("\r" + cut(self.line(now - self._began), (terminal_width() or 80) - 1) + "\x1b[K")
        sys.stderr.flush()
