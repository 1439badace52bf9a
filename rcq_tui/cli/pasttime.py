"""Points in time that are over, as people type them in options."""

import re

from rcq_tui.cli.options import unfit
from rcq_tui.cli.times import instant
from rcq_tui.viewmodel.units import seconds

_UNIX = re.compile(r"[0-9]{10,}(\.[0-9]+)?")
"""As listings tell times; nobody means so long ago."""
_OF_DAY = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")
DAY_S = 86_400
_DATE = re.compile(r"[0-9]{4}-")


def past(text: str, now: float) -> float:
    """Unix seconds of `7d` (so long ago), Unix seconds, or a point in time that is over.

    A bare time of day is the last one that went by, and no duration. Raises ArgumentTypeError.
    """
    at = _moment(text, now)
    if at > now:
        raise unfit(f"{text!r} is still to come; write 7d for seven days ago, or a date")
    return at


def end(text: str, now: float) -> float:
    """The same; a date may be still to come, as the last day of this month is. Raises ArgumentTypeError."""
    return _moment(text, now) if _DATE.match(text) else past(text, now)


def _moment(text: str, now: float) -> float:
    if _UNIX.fullmatch(text):
        return float(text)
    try:
        return _last(text, now) if _OF_DAY.fullmatch(text) else _other(text, now)
    except ValueError as error:
        told = (
            f"{text!r} is neither a duration (7d, 12h) nor a point in time "
            "(8:00, 2026-11-01, 2026-11-01T08:00, Unix seconds of ten digits)"
        )
        raise unfit(told) from error


def _last(text: str, now: float) -> float:
    today = instant(f"today {text}", now)
    return today if today <= now else instant(f"today {text}", now - DAY_S)


def _other(text: str, now: float) -> float:
    try:
        return now - seconds(text)
    except ValueError:
        return instant(text, now)
