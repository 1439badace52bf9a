"""The latest forecast of the queue: made beside the event loop when somebody asks, one at a time, kept while it holds.

Must not know who asks, nor what is shown of it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.core.forecast import Bounds, Forecast, cut_short, forecast, frozen
from engine.core.model import JobId
from engine.core.policy import Policy
from engine.core.snapshot import Claim, GroupTerms, Lease, Quotas, Slot, Snapshot
from engine.daemon.books import Books
from engine.ports import Clock

HOLDS_S = 30.0
"""A forecast of an unchanged world is made anew after so many seconds: runs have come closer to their ends."""
REST = 20.0
"""After a costly forecast, so many times what it took is left to the engine's own work, unless somebody new asks."""
COSTLY_S = 0.25
"""A forecast that took no longer is no burden."""
LEAST_REST_S = 2.0
"""Listings, which nobody asked for a forecast, leave it alone for so long at least."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Mark:
    """What a forecast depends on, but for the time: equal marks, equal worlds."""

    pending_changes: int
    leases: tuple[Lease, ...]
    slots: tuple[Slot, ...]
    claims: tuple[Claim, ...]
    unusable: frozenset[str]
    groups: tuple[tuple[str, GroupTerms], ...]
    quotas: Quotas


def mark_of(snapshot: Snapshot, pending_changes: int) -> Mark:
    """The mark of a snapshot of these books; cheap, whatever the queue's length."""
    return Mark(
        pending_changes=pending_changes,
        leases=tuple(map(_marked, snapshot.leases)),
        slots=snapshot.slots,
        claims=snapshot.claims,
        unusable=snapshot.hot | {gpu.uuid for gpu in snapshot.all_gpus if gpu.drained or gpu.quarantined},
        groups=tuple(sorted(snapshot.groups.items())),
        quotas=snapshot.quotas,
    )


def _marked(lease: Lease) -> Lease:
    """One that waits in the cluster's queue has all of its run before it at any time."""
    return replace(lease, started_at=0.0, expected_end=0.0) if lease.waits else lease


class Forecasts:
    """Makes and keeps forecasts. made: how many so far."""

    def __init__(
        self,
        *,
        books: Books,
        policy: Policy,
        bounds: Bounds,
        clock: Clock,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._books = books
        self._policy = policy
        self._bounds = bounds
        self._clock = clock
        self._timer = timer
        self._task: asyncio.Task[Forecast] | None = None
        self._last: Forecast | None = None
        self._mark: Mark | None = None
        self._ended_at = 0.0
        self._rest_s = 0.0
        self.made = 0

    async def covering(self, job: JobId) -> Forecast:
        """The last forecast, while it rests, if it foresees this job's start; else a current one."""
        last, now = self._recent(), self._clock.now()
        foreseen = last.starts.get(job) if last is not None else None
        if last is not None and foreseen is not None and foreseen.start_at > now and self._rests(0.0):
            return last
        return await self.current()

    async def current(self) -> Forecast:
        """A forecast of the world as it is; many who ask at once wait for the same one."""
        if (kept := self._kept()) is not None:
            return kept
        if self._task is not None:  # begun before what is asked about may have been there
            await asyncio.shield(self._task)
            if (kept := self._kept()) is not None:
                return kept
        return await asyncio.shield(self._begin())

    def known(self) -> Forecast | None:
        """The last forecast if it is not old, at once; a fresh one is begun where the world has moved on, or before the
        last one is too old: listings never lose what is foreseen in between.
        """
        if self._task is None and not self._rests(LEAST_REST_S) and (self._ages() or self._kept() is None):
            self._begin()
        return self._recent()

    def _rests(self, least_s: float) -> bool:
        return self._last is not None and self._timer() < self._ended_at + max(least_s, self._rest_s)

    def _recent(self) -> Forecast | None:
        last = self._last
        return last if last is not None and 0 <= self._clock.now() - last.now < HOLDS_S else None

    def _ages(self) -> bool:
        return self._last is not None and self._clock.now() - self._last.now >= HOLDS_S / 2

    def _kept(self) -> Forecast | None:
        last, now = self._recent(), self._clock.now()
        if last is None:
            return None
        return last if mark_of(self._books.snapshot(now), self._books.pending.changes) == self._mark else None

    def _begin(self) -> asyncio.Task[Forecast]:
        if self._task is None:
            self._task = asyncio.create_task(self._make(), name="forecast")
        return self._task

    async def _make(self) -> Forecast:
        began = self._timer()
        try:
            snapshot = self._books.snapshot(self._clock.now())
            mark = mark_of(snapshot, self._books.pending.changes)
            copied = frozen(snapshot, self._policy)  # the queues are live; a copy goes to the other thread
            cut = cut_short(snapshot, copied)
            made = await asyncio.to_thread(forecast, copied, self._policy, self._bounds, cut)
            self._last, self._mark = made, mark
            self.made += 1
            return made
        finally:
            self._ended_at = self._timer()
            took_s = self._ended_at - began
            self._rest_s = REST * took_s if took_s > COSTLY_S else 0.0
            self._task = None
