"""The last passes in figures, in memory. Must not know how a pass decides."""

from collections import deque
from collections.abc import Callable, Mapping

from engine.core.decisions import Plan
from engine.core.snapshot import Snapshot
from engine.protocol.enginefigures import PassView

KEPT = 600


class PastPasses:
    """Of each pass what it saw and what came of it. took: hears how many seconds each took."""

    def __init__(self) -> None:
        self.took: Callable[[float], None] = lambda seconds: None
        self._kept: deque[PassView] = deque(maxlen=KEPT)

    def note(self, counted: Mapping[str, int], at: float, took_s: float) -> None:
        """A pass is over, at Unix seconds."""
        self.took(took_s)
        self._kept.append(PassView(at=at, seconds=took_s, **counted))

    def last(self, limit: int) -> list[PassView]:
        """At most so many, the oldest first."""
        return list(self._kept)[-limit:]


def counted(snapshot: Snapshot, decided: Plan) -> dict[str, int]:
    """The numbers of a pass. Ask before anything is claimed: the queues of a snapshot are those of the books."""
    return {
        "pending": sum(len(group.jobs) for group in snapshot.pending),
        "groups": len(snapshot.pending),
        "started": len(decided.starts),
        "stopped": len(decided.preemptions),
        "promised": len(decided.reservations),
        "held": sum(hold.count for hold in decided.holds),
    }
