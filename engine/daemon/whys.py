"""Why a pending job waits, when it starts, who holds what it lacks and what would help: as one person may know it.

Decided by a plan made now, not by the last one; the long parts run beside the event loop. Must not know HTTP.
"""

from typing import NamedTuple

from engine.api.asks import Identity
from engine.core import holders as core
from engine.core.clusterreasons import of_job
from engine.core.decisions import Hold, Reserve, Start
from engine.core.estimate import foreseen_end
from engine.core.explain import explain
from engine.core.forecast import Forecast, frozen
from engine.core.lifecycle import JobState
from engine.core.model import GpuUuid, GroupKey, JobId, Waiting
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import Lease, Snapshot
from engine.daemon.books import Books
from engine.daemon.forecasts import Forecasts, mark_of
from engine.daemon.helps import Helps
from engine.daemon.outlook import FORECAST, PROMISED, as_dicts, helps_as_dicts
from engine.daemon.views import Views
from engine.ports import Clock
from engine.protocol.responses import Holder, Why

MOST_HOLDERS = 50
"""A job may wait for hundreds of small ones; those that are to end first tell enough."""


class When(NamedTuple):
    """When a job is to start: Unix seconds and on what that rests, or the time that it starts later than; and where."""

    expected: float | None
    basis: str | None
    later_than: float | None = None
    place: str = ""


def when(outcome: Start | Reserve | Hold, job: JobId, snapshot: Snapshot, forecast: Forecast | None) -> When:
    """By the outcome in this world's plan if that starts or promises it, else as far as it is foreseen."""
    now = snapshot.now
    if isinstance(outcome, Start):
        return When(outcome.runs_at, PROMISED, place=outcome.lease.place)
    if isinstance(outcome, Reserve):
        return When(outcome.start_at, PROMISED, place=snapshot.place)
    if forecast is None:
        return When(None, None)
    foreseen = forecast.starts.get(job)
    if foreseen is not None and foreseen.start_at > now:
        return When(foreseen.start_at, FORECAST, place=foreseen.place)
    return When(None, None, max(now, forecast.until if foreseen is None else now))


class Whys:
    """Explains pending jobs."""

    def __init__(
        self, *, books: Books, policy: Policy, forecasts: Forecasts, helps: Helps, views: Views, clock: Clock
    ) -> None:
        self._books = books
        self._policy = policy
        self._forecasts = forecasts
        self._helps = helps
        self._views = views
        self._clock = clock

    async def why(self, who: Identity, key: GroupKey, waiting: Waiting) -> Why:
        """Everything about one pending job. who: its owner or an admin."""
        snapshot = self._books.snapshot(self._clock.now())
        mark = mark_of(snapshot, self._books.pending.changes)
        copied = frozen(snapshot, self._policy)  # the queues are live, and others get the loop in between
        found = explain(snapshot, self._policy, plan(snapshot, self._policy), key, waiting)
        expected = self._books.run_times.estimate(key)
        outcome = found.outcome
        reasons = () if isinstance(outcome, Start) else of_job(outcome.reasons, waiting.submitted_at)
        starts = when(
            outcome,
            waiting.job,
            snapshot,
            await self._forecasts.covering(waiting.job) if isinstance(outcome, Hold) else None,
        )
        helps = await self._helps.of(copied, mark, key, waiting, starts.expected) if reasons else ()
        indices = self._books.cards.indices
        return Why(
            id=int(waiting.job),
            state=JobState.PENDING.value,
            reasons=as_dicts(reasons),
            position=found.position,
            pending=found.pending,
            score=found.score.value,
            base=found.score.base,
            fair=found.score.fair,
            wait=found.score.wait,
            short=found.score.short,
            patience_s=found.score.patience_s,
            run_s=copied.run_s(key),
            runs=expected.runs if expected else 0,
            alike=expected.alike if expected else False,
            expected_start=None if isinstance(outcome, Start) else starts.expected,
            basis=None if isinstance(outcome, Start) else starts.basis,
            later_than=starts.later_than,
            place="" if isinstance(outcome, Start) else starts.place,
            reserved_gpus=indices(outcome.gpus) if isinstance(outcome, Reserve) else [],
            holders=self._holders(who, copied, core.holders(copied, key, reasons)),
            helps=helps_as_dicts(helps),
            claimed_gpus=indices(_kept(outcome, copied, waiting.job)),
        )

    def _holders(self, who: Identity, snapshot: Snapshot, found: tuple[core.Holder, ...]) -> list[Holder]:
        """Those of others without who they are, or not at all where others are hidden."""
        known = [one for one in found if self._views.knows_of(who, one.lease.key.owner)]
        return [self._holder(who, snapshot.now, one) for one in known[:MOST_HOLDERS]]

    def _holder(self, who: Identity, now: float, one: core.Holder) -> Holder:
        lease = one.lease
        owner, shape = lease.key.owner, lease.key.shape
        open_ = self._views.sees_all_of(who, owner)
        return Holder(
            codes=list(one.codes),
            id=int(lease.job) if open_ else None,
            account=owner.account if open_ else None,
            group=owner.group,
            gpus=self._books.cards.indices(one.gpus),
            cpu_cores=shape.cpu_cores,
            memory_mb=shape.memory_mb,
            since=lease.started_at,
            until=foreseen_end(lease, now),
            basis=basis_of(lease, now),
            ending=lease.ending,
            waits=lease.waits,
            node=live.node if (live := self._books.live.get(lease.job)) is not None else None,
        )


def _kept(outcome: Start | Reserve | Hold, snapshot: Snapshot, job: JobId) -> set[GpuUuid]:
    """The cards that others clear for the job, if the plan keeps them for it: a quota that fell meanwhile ends that."""
    if isinstance(outcome, Hold):
        return set()
    return {uuid for claim in snapshot.claims if claim.job == job for uuid in claim.gpus}


def basis_of(lease: Lease, now: float) -> str:
    """On what the end that is foreseen at `now` rests: its time limit, or how long such jobs ran before."""
    return "time limit" if foreseen_end(lease, now) >= lease.limit_end else "history"
