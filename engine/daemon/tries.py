"""Starts and stops that broke off (no supervisor, no room, Slurm away): when the next try comes, and what is logged.

Must not know how anything is started or stopped.
"""

import logging
import time
from collections.abc import Callable

from engine.core.model import JobId
from engine.daemon.live import Live
from engine.protocol.errors import RcqError

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""What broke off is tried again after so long."""
MOST_S = 8.0
"""A start on a cluster is tried again after twice as long each time, up to this: there may be hundreds of them."""
SILENT_S = 60.0
"""The same words are logged again after so long, whichever job they are about."""


class Tries:
    """Counts them. steady: seconds of a clock that nobody sets."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._waits_s: dict[JobId, float] = {}
        self._said: dict[str, float] = {}

    def start_in_s(self, live: Live) -> float:
        """A start broke off: seconds until it is tried again."""
        if not live.on_cluster:
            return RETRY_S
        again_s = self._waits_s.get(live.job, RETRY_S)
        self._waits_s[live.job] = min(2 * again_s, MOST_S)
        return again_s

    def told(self, live: Live, done: str, error: BaseException, again_s: float) -> None:
        """Log a try that broke off, unless that was said. done: what could not be done, as in `started`."""
        if self._is_new(f"{done}: {error!r}"):
            # what is away or full says so itself; how the code came there is for a defect
            trace = None if isinstance(error, RcqError | OSError) else error
            log.error(
                "Job %s could not be %s; trying again in %g s: %s", live.job, done, again_s, error, exc_info=trace
            )

    def over(self, live: Live) -> None:
        """It was started after all, or will not be."""
        self._waits_s.pop(live.job, None)

    def _is_new(self, words: str) -> bool:
        now = self._steady()
        self._said = {one: at for one, at in self._said.items() if now - at < SILENT_S}
        if words in self._said:
            return False
        self._said[words] = now
        return True
