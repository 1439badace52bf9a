"""What is to be booked, out of words as people type them. Pure: `now` is an argument; must not know widgets."""

from collections.abc import Sequence
from typing import NamedTuple

from rcq_tui.cli import reserve


class Wanted(NamedTuple):
    """What is to be booked, as `api.reserve` takes it. start_at: Unix seconds, `None` for now."""

    what: int | Sequence[str]
    duration_s: int
    start_at: float | None


def wanted(what: str, begin: str, last: str, now: float) -> Wanted:
    """What the words mean, as on the command line. Raises UsageError."""
    cards_, times = reserve.what(what.strip()), reserve.when(begin.strip() or "now", last.strip(), now)
    return Wanted(cards_.get("gpus") or cards_["cards"], times["duration_s"], times.get("start_at"))
