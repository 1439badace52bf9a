"""What the last plan and forecast said about a pending job: reasons as the API tells them, and when it is to start.

Must not plan anything, nor know who asks.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, NamedTuple

from engine.core.clusterreasons import of_job
from engine.core.decisions import Plan, Reserve
from engine.core.forecast import Forecast
from engine.core.model import GpuUuid, GroupKey, JobId
from engine.core.reasons import (
    ClusterCards,
    GoesToCluster,
    GpuDrained,
    GpuForeign,
    GpuMemoryTaken,
    GpuQuarantined,
    GpuSettling,
    GpuTooHot,
    Reason,
)
from engine.core.snapshot import CLUSTER
from engine.core.whatif import Help

PROMISED, FORECAST = "promised", "forecast"
"""On what an expected start rests: a reservation, or the plan run forward."""


MOST_NODES = 5
"""So many machines of a cluster are named in a reason."""
_OF_A_CARD = (GpuDrained, GpuForeign, GpuMemoryTaken, GpuQuarantined, GpuSettling, GpuTooHot)
_IN_CLUSTER = f"{CLUSTER}/"
"""How the UUIDs of its cards begin."""


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
            return Outlook(as_dicts(of_job(reserved.reasons, submitted_at)), reserved.start_at, PROMISED)
        reasons = self._reasons(key, submitted_at)
        foreseen = self._foreseen.get(job)
        if foreseen is None or foreseen.key != key:
            return Outlook(reasons, None)
        return Outlook(reasons, foreseen.start_at, FORECAST)

    def _reasons(self, key: GroupKey, submitted_at: float) -> list[dict[str, Any]]:
        """What the group is told; to each of its jobs a time of its own where that is part of it."""
        reasons = self._told.get(key)
        if reasons is None:
            reasons = self._told[key] = as_dicts(self._held.get(key, ()))
        if any(reason["code"] == GoesToCluster.code for reason in reasons):
            return as_dicts(of_job(self._held[key], submitted_at))
        return reasons


def as_dicts(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """Each reason as its code and numbers; what is told of single cards of a cluster as one."""
    return [{"code": reason.code, **asdict(reason)} for reason in gathered(reasons)]


def gathered(reasons: Iterable[Reason]) -> list[Reason]:
    """The same with the cards of a cluster told together, in the place of the first of them."""
    found: list[Reason] = []
    closed: list[GpuUuid] = []
    taken, at = 0, None
    for reason in reasons:
        if not isinstance(reason, _OF_A_CARD) or not reason.gpu.startswith(_IN_CLUSTER):
            found.append(reason)
            continue
        at = len(found) if at is None else at
        if isinstance(reason, GpuForeign):
            taken += 1
        else:
            closed.append(reason.gpu)
    if at is not None:
        nodes = tuple(dict.fromkeys(uuid.split("/")[1] for uuid in closed))
        found.insert(at, ClusterCards(closed=len(closed), taken=taken, nodes=nodes[:MOST_NODES]))
    return found


def helps_as_dicts(helps: Iterable[Help]) -> list[dict[str, Any]]:
    """Each help as its start and its changes, those as code and numbers."""
    return [
        {"start_at": one.start_at, "changes": [{"code": change.code, **asdict(change)} for change in one.changes]}
        for one in helps
    ]
