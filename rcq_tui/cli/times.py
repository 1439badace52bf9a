"""Points in time as people type them, as Unix seconds. Pure: `now` is an argument; times of day are local.

Must not know options.
"""

import re
import time

from rcq_tui.viewmodel.units import seconds

_RELATIVE = re.compile(r"(?:now)?\s*\+\s*(.+)", re.IGNORECASE)
_OF_DAY = re.compile(r"(?:(today|tomorrow)\s+)?(\d{1,2}):(\d{2})(?::(\d{2}))?", re.IGNORECASE)
_ADVICE = "write for example now, +2h, 22:00, 'tomorrow 9:00' or 2026-03-01T22:00"


def instant(text: str, now: float) -> float:
    """Unix seconds of `now`, `+2h`, `22:00`, `tomorrow 9:00`, `2026-03-01T22:00` and the like.

    Also `now+2h`, `today 22:00`, a date alone, and a date with time and zone (`Z`, `+01:00`). A bare time of day is
    the next one that comes. Raises ValueError saying what may be written.
    """
    stripped = text.strip()
    if stripped.lower() == "now":
        return now
    if (ahead := _RELATIVE.fullmatch(stripped)) is not None:
        return now + seconds(ahead[1])
    if (of_day := _OF_DAY.fullmatch(stripped)) is not None:
        return _of_day(text, of_day, now)
    return _dated(text, stripped)


def _of_day(text: str, match: re.Match[str], now: float) -> float:
    day, hour, minute, second = match[1], int(match[2]), int(match[3]), int(match[4] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text!r} is no time of day; {_ADVICE}")
    year, month, today = time.localtime(now)[:3]

    def on(days_ahead: int) -> float:
        """At that time of the clock so many days on, whatever the day's length; -1: the zone says whether summer."""
        return time.mktime((year, month, today + days_ahead, hour, minute, second, 0, 0, -1))

    if day is not None:
        return on(1 if day.lower() == "tomorrow" else 0)
    return on(0) if on(0) > now else on(1)


def _dated(text: str, stripped: str) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(stripped).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{text!r} is no point in time; {_ADVICE}") from error
