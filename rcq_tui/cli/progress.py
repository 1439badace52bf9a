"""The progress bar of an upload, on standard error and only on a terminal.

Must not know what is uploaded or where to.
"""

import sys
import time
from typing import Any

from rcq_tui.cli.columns import terminal_width
from rcq_tui.viewmodel.bars import gauge
from rcq_tui.viewmodel.text import cut

_EVERY_S = 0.1
_BAR = 24


class Progress:
    """size: bytes of the source, 0 where nobody knows (a FIFO, a pipe)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._bytes = 0
        self._counts = {"lines": 0, "accepted": 0, "rejected": 0}
        self._began = time.monotonic()
        self._drawn_at = 0.0
        self._visible = sys.stderr.isatty()
        self._held_back = False

    def sent(self, size: int) -> None:
        """So many more bytes went out."""
        self._bytes += size
        self._draw()

    def told(self, counts: dict[str, Any]) -> None:
        """The engine's own count of `lines`, `accepted` and `rejected`."""
        self._counts.update({name: int(counts[name]) for name in self._counts})
        self._draw()

    def held_back(self) -> None:
        """The engine keeps lines back: they come faster than a limit a minute allows. Said once."""
        if not self._held_back:
            self._held_back = True
            self.end()
            print("rcq: a limit of jobs a minute is reached; the rest goes in as it allows", file=sys.stderr)

    def so_far(self) -> str:
        """How far the engine said it was, as a sentence."""
        counts = self._counts
        return f"It had told of {counts['accepted']} accepted and {counts['rejected']} rejected lines before."

    def end(self) -> None:
        """Take the bar away."""
        if self._visible and self._drawn_at:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _draw(self) -> None:
        now = time.monotonic()
        if not self._visible or now - self._drawn_at < _EVERY_S:
            return
        self._drawn_at = now
        sys.stderr.write("\r" + cut(self.line(now - self._began), (terminal_width() or 80) - 1) + "\x1b[K")
        sys.stderr.flush()

    def line(self, elapsed_s: float) -> str:
        """The bar after so many seconds."""
        counts = self._counts
        rate = counts["lines"] / elapsed_s if elapsed_s > 0 else 0.0
        share = gauge(self._bytes / self._size, _BAR) + " " if self._size else ""
        return f"{share}{counts['lines']} lines, {counts['rejected']} rejected, {rate:.0f} lines/s"
