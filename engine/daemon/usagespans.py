"""What groups and their accounts used in a stretch of time, as far as the caller may know it.

Must not know HTTP, nor how it is read.
"""

from collections.abc import Sequence

from engine.api.asks import Identity
from engine.core.model import GroupName
from engine.daemon.access import Action, may
from engine.daemon.answers import not_ready
from engine.daemon.register import Register
from engine.daemon.usagereport import seen_groups
from engine.daemon.views import J_PER_KWH, Views
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.usagespans import SpanRow, UsageSpan
from engine.store.errors import StoreError
from engine.store.usagespans import UsageSpans, UsedInSpan


class SpanUsage:
    """Makes the report."""

    def __init__(self, *, register: Register, store: UsageSpans, views: Views, clock: Clock) -> None:
        self._register = register
        self._store = store
        self._views = views
        self._clock = clock

    async def of(self, who: Identity, since: float, until: float | None, group: str | None) -> UsageSpan:
        """Until now at most. Admins see all groups, removed ones too, others their own. FORBIDDEN, NOT_FOUND."""
        sees_all = group is None and may(who, Action.SEE_ALL_USAGE)
        names = None if sees_all else {GroupName(name) for name in seen_groups(self._register, who, group)}
        now = self._clock.now()
        end = now if until is None else min(until, now)
        if since >= end:
            told = "The time to report on must have begun, and end later than it begins."
            raise Refused("VALIDATION_ERROR", told, [{"field": "since", "message": "leaves no time", "now": now}])
        try:
            found = await self._store.between(since, end, now)
        except StoreError as error:
            raise not_ready(error) from error
        kept = [used for used in found if names is None or used.owner.group in names]
        return UsageSpan(since=since, until=end, items=self._rows(who, kept))

    def _rows(self, who: Identity, found: Sequence[UsedInSpan]) -> list[SpanRow]:
        """By group: rows that may be seen, then one for all that may not, so that each group's sum is right."""
        rows: list[SpanRow] = []
        others: dict[GroupName, SpanRow] = {}
        for used in found:
            told = _row(used)
            if self._views.sees_all_of(who, used.owner):
                rows.append(told)
                continue
            other = others.setdefault(
                used.owner.group,
                SpanRow(group=used.owner.group, account=None, service=None, jobs=0, gpu_s=0.0, energy_kwh=0.0),
            )
            other.jobs += told.jobs
            other.gpu_s += told.gpu_s
            other.energy_kwh += told.energy_kwh
        return sorted([*rows, *others.values()], key=lambda row: (row.group, row.account is None))


def _row(used: UsedInSpan) -> SpanRow:
    return SpanRow(
        group=used.owner.group,
        account=used.owner.account,
        service=used.service,
        jobs=used.jobs,
        gpu_s=used.gpu_s,
        energy_kwh=used.energy_j / J_PER_KWH,
    )
