"""The planned future for people: what runs, what is promised, what is foreseen, what is booked, and on which cards.

Must not decide anything, nor know HTTP or how it is drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.api.asks import Identity
from engine.core.decisions import Reserve
from engine.core.estimate import foreseen_end
from engine.core.forecast import Forecast, Foreseen
from engine.core.model import GpuUuid, GroupKey, JobId, Owner
from engine.core.overflow import cluster_of
from engine.core.policy import Policy
from engine.core.snapshot import Slot
from engine.core.taken import queue_of
from engine.daemon.books import Books
from engine.daemon.forecasts import Forecasts
from engine.daemon.outlook import FORECAST, PROMISED
from engine.daemon.views import Views
from engine.daemon.whys import basis_of
from engine.ports import Clock
from engine.protocol.planned import PlanCard, PlanItem, Planned
from engine.store.jobs import Jobs

MOST_ITEMS = 2000
"""An answer names so many items at most, the first to start first."""


@dataclass(slots=True, frozen=True, kw_only=True)
class _Span:
    """A job on its cards, with what the expected end rests on."""

    kind: str
    job: JobId
    key: GroupKey
    gpus: tuple[GpuUuid, ...]
    start: float
    end: float
    basis: str


class PlannedFuture:
    """Tells the planned future."""

    def __init__(
        self, *, books: Books, store: Jobs, policy: Policy, forecasts: Forecasts, views: Views, clock: Clock
    ) -> None:
        self._books = books
        self._store = store
        self._policy = policy
        self._forecasts = forecasts
        self._views = views
        self._clock = clock

    async def of(self, who: Identity, hours: float) -> Planned:
        """From now on for so many hours, as `who` may know it."""
        forecast = await self._forecasts.current()
        now = self._clock.now()
        until = now + hours * 3600.0
        spans = sorted(self._spans(forecast, now), key=lambda span: (span.start, int(span.job)))
        ahead = [span for span in spans if span.start < until and span.end > now]
        seen = [span for span in ahead if self._views.knows_of(who, span.key.owner)][:MOST_ITEMS]
        coming = sum(span.job in self._books.pending for span in spans)
        slots = [self._slot(who, slot) for slot in self._books.snapshot(now).slots if slot.start < until]
        names = await self._names(who, seen)
        return Planned(
            now=now,
            until=until,
            known_until=max(now, forecast.until),
            later=max(0, len(self._books.pending) - coming),
            cards=[
                PlanCard(
                    index=card.reading.index,
                    uuid=card.reading.uuid,
                    model=card.reading.model,
                    state=self._books.cards.state(card, now),
                    node=card.reading.node,
                )
                for card in self._books.cards.all()
            ],
            items=[*slots, *(self._item(who, span, names) for span in seen)],
        )

    def _spans(self, forecast: Forecast, now: float) -> Iterator[_Span]:
        """Everything on the cards; a job that is promised a start stands where it is promised."""
        yield from self._handed(now)
        for live in self._books.live.values():
            if live.waits:
                continue
            lease = live.seen(now, self._books.grace_s)
            yield _Span(
                kind="running",
                job=live.job,
                key=lease.key,
                gpus=lease.gpus,
                start=lease.started_at,
                end=foreseen_end(lease, now),
                basis=basis_of(lease, now),
            )
        pending, plan = self._books.pending, self._books.plan
        promised = {one.job: one for one in plan.reservations if one.job in pending} if plan else {}
        for one in promised.values():
            yield _span(PROMISED, one)
        for seen in forecast.starts.values():
            if seen.job in pending and seen.job not in promised:
                yield _span(FORECAST, seen)

    def _handed(self, now: float) -> Iterator[_Span]:
        """Who waits in the cluster's queue, on the cards that it is to have: the plan's choice was for room alone."""
        if not any(live.waits for live in self._books.live.values()):
            return
        for lease, told, gpus in queue_of(cluster_of(self._books.snapshot(now)), self._policy):
            start = now if told is None else told
            end = start + foreseen_end(lease, now) - now
            basis = basis_of(lease, now)
            yield _Span(kind=FORECAST, job=lease.job, key=lease.key, gpus=gpus, start=start, end=end, basis=basis)

    async def _names(self, who: Identity, spans: list[_Span]) -> dict[int, str | None]:
        open_ = [int(span.job) for span in spans if self._views.sees_all_of(who, span.key.owner)]
        return {job.id: job.name for job in await self._store.jobs(open_)} if open_ else {}

    def _item(self, who: Identity, span: _Span, names: dict[int, str | None]) -> PlanItem:
        owner = span.key.owner
        open_ = self._views.sees_all_of(who, owner)
        return PlanItem(
            kind=span.kind,
            id=int(span.job) if open_ else None,
            name=names.get(int(span.job)) if open_ else None,
            account=owner.account if open_ else None,
            group=owner.group,
            gpus=self._books.cards.indices(span.gpus),
            start=span.start,
            end=span.end,
            basis=span.basis,
            redacted=not open_,
        )

    def _slot(self, who: Identity, slot: Slot) -> PlanItem:
        open_ = self._views.sees_all_of(who, Owner(account=slot.account))
        return PlanItem(
            kind="slot",
            id=None,
            name=None,
            account=slot.account if open_ else None,
            group=None,
            gpus=self._books.cards.indices(slot.gpus),
            start=slot.start,
            end=slot.end,
            basis="booked",
            redacted=not open_,
        )


def _span(kind: str, of: Reserve | Foreseen) -> _Span:
    end = of.end_at
    basis = "time limit" if end - of.start_at >= of.key.shape.time_limit_s else "history"
    return _Span(kind=kind, job=of.job, key=of.key, gpus=of.gpus, start=of.start_at, end=end, basis=basis)
