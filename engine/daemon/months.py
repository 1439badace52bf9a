"""Calendar months in UTC: which one a moment is in, and how a stretch of time falls into them.

Pure. Must not know what is counted by the month.
"""

from collections.abc import Iterator
from datetime import UTC, datetime


def month_of(at: float) -> str:
    """The month of a moment (Unix seconds), as `2026-11`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m")


def end_of_month(at: float) -> float:
    """When the month of that moment is over: midnight UTC on the 1st, Unix seconds."""
    day = datetime.fromtimestamp(at, UTC)
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def by_month(since: float, until: float) -> Iterator[tuple[str, float]]:
    """Each month between two moments with its seconds; nothing where none pass."""
    while since < until:
        end = min(until, end_of_month(since))
        yield month_of(since), end - since
        since = end
