"""Calls about what happened over time: a job's resources, usage by day, passes. Must not know how a call travels."""

from typing import Protocol

from engine.protocol.enginefigures import EngineView, PassView
from engine.protocol.series import JobSeries
from engine.protocol.usagedays import UsageDays


class FigureCalls(Protocol):
    """Figures over time."""

    async def series(self, job: int, attempt: int | None = None) -> JobSeries:
        """What an attempt (unless named, the last that began) did with its cards over its life."""
        ...

    async def usage_days(self, days: int = 30, group: str | None = None) -> UsageDays:
        """What groups and their accounts used on each of the last days, today included; of one group where named."""
        ...

    async def passes(self, limit: int = 60) -> list[PassView]:
        """The last passes, the oldest first (admins)."""
        ...

    async def engine(self) -> EngineView:
        """How the engine itself does (admins)."""
        ...
