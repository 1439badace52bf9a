"""What the API needs of the engine for figures over time, fulfilled by the daemon. Must not know HTTP or the store."""

from typing import Protocol

from engine.api.asks import Identity
from engine.protocol.enginefigures import EngineView, PassView
from engine.protocol.series import JobSeries
from engine.protocol.usagedays import UsageDays
from engine.protocol.usagespans import UsageSpan


class Figures(Protocol):
    """What happened over time."""

    async def series(self, who: Identity, job: int, attempt: int | None) -> JobSeries:
        """What an attempt (unless named, the last that began) did with its cards. JOB_NOT_FOUND, NOT_FOUND."""
        ...

    async def usage_days(self, who: Identity, days: int, group: str | None) -> UsageDays:
        """The last days, today included: all groups for admins, the own one for others. FORBIDDEN, NOT_FOUND."""
        ...

    async def usage_span(self, who: Identity, since: float, until: float | None, group: str | None) -> UsageSpan:
        """A stretch of time, until now at most: all groups for admins, the own one for others. FORBIDDEN, NOT_FOUND."""
        ...

    async def passes(self, who: Identity, limit: int) -> list[PassView]:
        """The last passes, the oldest first. FORBIDDEN unless admin."""
        ...

    async def engine(self, who: Identity) -> EngineView:
        """How the engine itself does. FORBIDDEN unless admin."""
        ...
