"""What each reader of /metrics may know, gathered from memory in one step of the event loop. Must not know HTTP."""

from config.settings import MetricsSettings
from engine.api.asks import Identity
from engine.api.metricsource import LinesCounted
from engine.core.model import AccountName, GroupName, Owner
from engine.daemon.access import Action, may, require
from engine.daemon.clusterviews import ClusterViews
from engine.daemon.metrics import boxfigures, cardfigures, clusterfigures, peoplefigures
from engine.daemon.metrics.boxfigures import Sources
from engine.daemon.metrics.catalogue import Part
from engine.daemon.metrics.page import Page
from engine.daemon.register import Register
from engine.daemon.usagereport import seen_groups
from engine.daemon.views import Views
from engine.ports import Clock
from engine.protocol.responses import IngestReport


class MetricService:
    """Fulfils `engine.api.metricsource.Metrics`."""

    def __init__(
        self,
        *,
        sources: Sources,
        register: Register,
        views: Views,
        cluster: ClusterViews,
        settings: MetricsSettings,
        clock: Clock,
    ) -> None:
        self._sources = sources
        self._register = register
        self._views = views
        self._cluster = cluster
        self._settings = settings
        self._clock = clock

    def told(self, who: Identity) -> Page:
        """As `who` may see it in rcq stats, gpus and usage. FORBIDDEN."""
        require(who, Action.LOOK)
        parts = {Part.BOX, Part.GROUPS}
        if may(who, Action.SEE_ENGINE):
            parts.add(Part.ENGINE)
        if self._settings.accounts:
            parts.add(Part.ACCOUNTS)
        groups = seen_groups(self._register, who, None)
        accounts = [owner for owner in self._everybody() if self._views.sees_all_of(who, owner)]
        return self._page(parts, groups, accounts)

    def told_to_anybody(self) -> Page:
        """For a reader without a name: sums, and of groups and accounts what the settings let out."""
        parts = {Part.BOX, Part.ENGINE}
        if self._settings.groups:
            parts.add(Part.GROUPS)
        if self._settings.accounts:
            parts |= {Part.GROUPS, Part.ACCOUNTS}
        return self._page(parts, sorted(self._register.groups), self._everybody())

    def counted(self, report: IngestReport) -> LinesCounted:
        """While it lasts, and from then on, the lines of that report are among the figures."""
        return self._sources.counts.following(report)

    def _everybody(self) -> list[Owner]:
        if not self._settings.accounts:
            return []
        accounts = sorted(self._register.accounts.values(), key=lambda account: account.name)
        return [Owner(account=AccountName(one.name), group=GroupName(one.group)) for one in accounts]

    def _page(self, parts: set[Part], groups: list[str], accounts: list[Owner]) -> Page:
        page, books, now = Page(parts), self._sources.books, self._clock.now()
        boxfigures.tell(page, self._sources)
        cardfigures.tell(page, books, self._sources.counts, now)
        clusterfigures.tell(page, self._cluster, now)
        if Part.GROUPS in page:
            peoplefigures.tell(page, books, groups, accounts, now)
        return page
