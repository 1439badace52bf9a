"""`python -m tests.e2e.clockset OPTIONS`: an engine whose timers, too, go by the wall clock of `wallclock/`.

APScheduler asks `datetime` for the time, which does not ask `time.time`. Must not know what the time is used for.
"""

import datetime
import sys
import time

from apscheduler.schedulers import base

from engine.daemon import timers
from engine.daemon.main import main


class Moved(datetime.datetime):
    """Tells the time by `time.time`."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "Moved":
        return cls.fromtimestamp(time.time(), tz)


if __name__ == "__main__":
    base.datetime = timers.datetime = Moved  # type: ignore[misc]
    sys.exit(main())
