"""The scripted engine's figures over time. Must not know screens."""

from engine.protocol.enginefigures import EngineView, PassView
from engine.protocol.errors import Refused
from engine.protocol.series import JobSeries, SeriesPoints
from engine.protocol.usagedays import UsageDays
from rcq_tui.client.fakescript import Script


class FakeFigures(Script):
    """A job's resources, usage by day, passes, the engine."""

    async def series(self, job: int, attempt: int | None = None) -> JobSeries:
        """The scripted series (`lives`), else one without points."""
        self._read("series", job, attempt)
        row = self._known(job)
        number = row.attempt if attempt is None else attempt
        return self.lives.get((job, number)) or JobSeries(
            id=job,
            attempt=number,
            attempts=[],
            gpus=row.gpus,
            step_s=1.0,
            start_at=None,
            points=SeriesPoints(gpu_utilization=[], gpu_memory_mb=[], power_w=[]),
        )

    async def usage_days(self, days: int = 30, group: str | None = None) -> UsageDays:
        """The scripted days (`daily`), whatever their number; of one group where that is named."""
        self._read("usage_days", days, group)
        if self.daily is None:
            return UsageDays(now=0.0, days=[], items=[])
        items = [item for item in self.daily.items if group in {None, item.group}]
        return UsageDays(now=self.daily.now, days=self.daily.days, items=items)

    async def passes(self, limit: int = 60) -> list[PassView]:
        """The last of `past_passes`, for admins."""
        self._for_admins("passes", limit)
        return self.past_passes[-limit:]

    async def engine(self) -> EngineView:
        """`engine_view`, for admins."""
        self._for_admins("engine")
        if self.engine_view is None:
            raise Refused("SERVICE_NOT_READY", "The engine has no figures yet. Try again in a moment.")
        return self.engine_view

    def _for_admins(self, *call: object) -> None:
        if self._read(*call).role != "admin":
            raise Refused("FORBIDDEN", "Only admins may do that. Ask one of them.")
