"""What the last plan and forecast said about a pending job: reasons as the API tells them, and when it is to start.

Must not plan anything, nor know who asks.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, NamedTuple

from engine.core.decisions import Plan, Reserve
from engine.core.forecast import Forecast
from engine.core.model import GroupKey, JobId
from engine.core.reasons import Reason
from engine.core.whatif import Help

PROMISED, FORECAST = "promised", "forecast"
"""On what an expected start rests: a reservation, or the plan run forward."""


class Outlook(NamedTuple):
    """Reasons with their numbers; the expected start (Unix seconds) and its basis, if there is one."""

    reasons: list[dict[str, Any]]
    expected_start: float | None
    basis: str | None = None


NOTHING_YET = Outlook([], None)
"""Of a job that no plan has looked at: nothing is known, so nothing is said."""


class Outlooks:
    """Looks outcomes up in one plan, and starts that it does not promise in one forecast."""

    def __init__(self, plan: Plan | None, forecast: Forecast | None = None) -> None:
        self._now = plan.now if plan else 0.0
        self._reserved: dict[JobId, Reserve] = {r.job: r for r in plan.reservations} if plan else {}
        self._held: dict[GroupKey, tuple[Reason, ...]] = {h.key: h.reasons for h in plan.holds} if plan else {}
        self._foreseen = forecast.starts if forecast else {}
        self._told: dict[GroupKey, list[dict[str, Any]]] = {}
        """Reasons that were told already: a page is mostly jobs of few groups. Nobody changes what is told."""

    def of(self, job: JobId, key: GroupKey, submitted_at: float) -> Outlook:
        """The outlook of a job that is still pending."""
        if submitted_at > self._now:
            return NOTHING_YET
        reserved = self._reserved.get(job)
        if reserved is not None:
            return Outlook(as_dicts(reserved.reasons), reserved.start_at, PROMISED)
        reasons = self._told.get(key)
        if reasons is None:
            reasons = self._told[key] = as_dicts(self._held.get(key, ()))
        foreseen = self._foreseen.get(job)
        if foreseen is None or foreseen.key != key:
            return Outlook(reasons, None)
        return Outlook(reasons, foreseen.start_at, FORECAST)


def as_dicts(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """Each reason as its code and numbers."""
    return [{"code": reason.code, **asdict(reason)} for reason in reasons]


def helps_as_dicts(helps: Iterable[Help]) -> list[dict[str, Any]]:
    """Each help as its start and its changes, those as code and numbers."""
    return [
        {"start_at": one.start_at, "changes": [{"code": change.code, **asdict(change)} for change in one.changes]}
        for one in helps
    ]
