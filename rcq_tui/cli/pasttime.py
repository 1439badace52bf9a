"""Points in time that are over, as people type them in options."""

from rcq_tui.cli.options import unfit
from rcq_tui.cli.times import instant
from rcq_tui.cli.units import seconds


def past(text: str, now: float) -> float:
    """Unix seconds of `7d` (so long ago) or of a point in time that is over. Raises ArgumentTypeError."""
    try:
        return now - seconds(text)
    except ValueError:
        pass
    try:
        at = instant(text, now)
    except ValueError as error:
        told = f"{text!r} is neither a duration (7d, 12h) nor a point in time (2026-11-01, 2026-11-01T08:00)"
        raise unfit(told) from error
    if at > now:
        raise unfit(f"{text!r} is still to come; write 7d for seven days ago, or a date")
    return at
