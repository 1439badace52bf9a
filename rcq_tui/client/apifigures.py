"""Calls about what happened over time, over the engine's socket. Must not know screens."""

from engine.protocol.enginefigures import EngineView, PassView
from engine.protocol.series import JobSeries
from engine.protocol.usagedays import UsageDays
from rcq_tui.client.decode import decode, decode_items
from rcq_tui.client.transport import Transport


class FiguresApi(Transport):
    """A job's resources, usage by day, passes, the engine."""

    async def series(self, job: int, attempt: int | None = None) -> JobSeries:
        """What an attempt (unless named, the last that began) did with its cards over its life."""
        query = {"attempt": None if attempt is None else str(attempt)}
        return decode(JobSeries, await self._call("GET", f"/v1/jobs/{job}/series", query=query))

    async def usage_days(self, days: int = 30, group: str | None = None) -> UsageDays:
        """What groups and their accounts used on each of the last days."""
        query = {"days": str(days), "group": group}
        return decode(UsageDays, await self._call("GET", "/v1/usage/days", query=query))

    async def passes(self, limit: int = 60) -> list[PassView]:
        """The last passes, the oldest first."""
        return decode_items(PassView, await self._call("GET", "/v1/passes", query={"limit": str(limit)}))

    async def engine(self) -> EngineView:
        """How the engine itself does."""
        return decode(EngineView, await self._call("GET", "/v1/engine"))
