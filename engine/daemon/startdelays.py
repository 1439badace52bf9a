"""Tells the owner of a job that has its cards and cannot be started yet: the disk is full, the launcher is away.

What is over within seconds is not told. Must not know how a job is started, nor how anybody is told.
"""

import time
from collections.abc import Callable

from engine.core.model import JobId
from engine.daemon.books import Live
from engine.daemon.notices import Notices
from engine.protocol.errors import RcqError

CODE = "START_DELAYED"
TELL_S = 5.0
"""After so long of tries that broke off."""


class StartDelays:
    """Hears of tries. steady: seconds of a clock that nobody sets."""

    def __init__(self, notices: Notices, steady: Callable[[], float] = time.monotonic) -> None:
        self._notices = notices
        self._steady = steady
        self._since: dict[JobId, float] = {}

    def broke_off(self, live: Live, error: BaseException) -> None:
        """A try to start the job broke off; there will be another."""
        since = self._since.setdefault(live.job, self._steady())
        if self._steady() - since >= TELL_S:
            self._notices.tell(CODE, job=live.job, account=live.lease.key.owner.account, why=_why(error))

    def over(self, live: Live) -> None:
        """It has started, or will not be."""
        self._since.pop(live.job, None)
        self._notices.over(CODE, job=live.job)


def _why(error: BaseException) -> str:
    """For the owner, to whom the words of a defect say nothing."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error) if isinstance(error, RcqError) else "a defect; the engine's log has more of it"
