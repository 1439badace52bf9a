"""What happened over time, for people: the API's `Figures`, put together from its parts. Must not know HTTP."""

from engine.api.asks import Identity
from engine.daemon.access import Action, require
from engine.daemon.enginefigures import EngineFigures
from engine.daemon.ground import Ground
from engine.daemon.jobseries import JobSeriesService
from engine.daemon.lookup import Lookup
from engine.daemon.passes import Passes
from engine.daemon.usagedays import DailyUsage
from engine.daemon.usagespans import SpanUsage
from engine.protocol.enginefigures import EngineView, PassView
from engine.protocol.series import JobSeries
from engine.protocol.usagedays import UsageDays
from engine.protocol.usagespans import UsageSpan


class FigureService:
    """Fulfils `engine.api.figuresource.Figures`. about_engine: how the engine itself does."""

    def __init__(
        self,
        *,
        lives: JobSeriesService,
        daily: DailyUsage,
        spans: SpanUsage,
        passes: Passes,
        about_engine: EngineFigures,
    ) -> None:
        self._lives = lives
        self._daily = daily
        self._spans = spans
        self._passes = passes
        self.about_engine = about_engine

    async def series(self, who: Identity, job: int, attempt: int | None) -> JobSeries:
        """What an attempt (unless named, the last that began) did with its cards. JOB_NOT_FOUND, NOT_FOUND."""
        return await self._lives.of(who, job, attempt)

    async def usage_days(self, who: Identity, days: int, group: str | None) -> UsageDays:
        """The last days, today included: all groups for admins, the own one for others. FORBIDDEN, NOT_FOUND."""
        return await self._daily.of(who, days, group)

    async def usage_span(self, who: Identity, since: float, until: float | None, group: str | None) -> UsageSpan:
        """A stretch of time, until now at most: all groups for admins, the own one for others. FORBIDDEN, NOT_FOUND."""
        return await self._spans.of(who, since, until, group)

    async def settle(self) -> None:
        """Look ahead of the people at what would keep them waiting."""
        await self._daily.settle()

    async def passes(self, who: Identity, limit: int) -> list[PassView]:
        """The last passes, the oldest first. FORBIDDEN unless admin."""
        require(who, Action.SEE_ENGINE)
        return self._passes.past.last(limit)

    async def engine(self, who: Identity) -> EngineView:
        """How the engine itself does. FORBIDDEN unless admin."""
        require(who, Action.SEE_ENGINE)
        return await self.about_engine.view()


def figures_of(ground: Ground, passes: Passes) -> FigureService:
    """All of it on one ground."""
    store = ground.store
    return FigureService(
        lives=JobSeriesService(
            books=ground.books, lookup=Lookup(store=store.jobs), series=ground.series, store=store.series
        ),
        daily=DailyUsage(register=ground.register, store=store.usage_days, views=ground.views, clock=ground.clock),
        spans=SpanUsage(register=ground.register, store=store.usage_spans, views=ground.views, clock=ground.clock),
        passes=passes,
        about_engine=EngineFigures(
            passes=passes,
            writer=store.writer,
            feed=ground.feed,
            backups=ground.backups,
            database=ground.paths.database,
            clock=ground.clock,
        ),
    )
