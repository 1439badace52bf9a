"""What the API needs of the engine for metrics, fulfilled by the daemon. Must not know HTTP."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from prometheus_client.metrics_core import Metric

from engine.api.asks import Identity
from engine.protocol.responses import IngestReport

LinesCounted: TypeAlias = AbstractContextManager[None]


class Gathered(Protocol):
    """Figures of one moment."""

    def collect(self) -> Iterable[Metric]:
        """All of them, in order; may look at the disk, so ask off the event loop."""
        ...


class Metrics(Protocol):
    """What the API needs of the engine for this, fulfilled by the daemon."""

    def told(self, who: Identity) -> Gathered:
        """What `who` may know. FORBIDDEN."""
        ...

    def told_to_anybody(self) -> Gathered:
        """What a reader without a name may know."""
        ...

    def counted(self, report: IngestReport) -> LinesCounted:
        """While it lasts, and from then on, the lines of that report are among the figures."""
        ...
