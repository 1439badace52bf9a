"""Pages of jobs: what has not ended in the order of the books, what has ended newest first from the store.

Other orders come from the store (`daemon/sortedlisting.py`). A page costs what it shows, however long the queue is; a
search goes on for so long and then answers how far it has looked. Must not know how a row looks.
"""

import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from engine.api.asks import Identity, JobQuery
from engine.core.lifecycle import LEASED, TERMINAL, JobState
from engine.core.model import GroupKey, JobId
from engine.core.ordering import Rank
from engine.core.places import one_by_one, places, positions
from engine.core.policy import Policy
from engine.daemon import cursors, reach
from engine.daemon.arraymap import ArrayMap
from engine.daemon.books import Books
from engine.daemon.forecasts import Forecasts
from engine.daemon.journal import Journal
from engine.daemon.outlook import Outlooks
from engine.daemon.plansearch import GATE, Batch, Item, PlanSearch, is_queued, listed, rank_of
from engine.daemon.sights import may_hold, sight_of
from engine.daemon.sortedlisting import SortedListing, folded, total_of
from engine.daemon.views import Views
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.responses import JobPage, JobRow
from engine.store.listing import BUDGET_S, Found
from engine.store.matching import Wanted
from engine.store.rows import StoredJob
from engine.store.store import Store

SECTIONS = (JobState.RUNNING, JobState.SCHEDULED, JobState.PENDING, JobState.HELD)
"""What has not ended, in the order in which a page shows it."""

_FIRST, _MOST = 250, 4000
"""Jobs of the queue that a search looks at together."""
_NOT_THERE = 1 << 40
"""Beyond every id that Slurm gives."""
_ENDINGS_S = 1.0
"""So long a page of what has ended waits for what has just ended; a commit takes some milliseconds."""
_AT_A_TIME_S = 0.005
"""For so long jobs are gathered, before the event loop has others do something."""


class Listing:
    """Finds the jobs of a page."""

    def __init__(
        self,
        *,
        books: Books,
        journal: Journal,
        store: Store,
        views: Views,
        policy: Policy,
        clock: Clock,
        forecasts: Forecasts,
    ) -> None:
        self._books = books
        self._journal = journal
        self._store = store.jobs
        self._listings = store.listings
        self._arrays = ArrayMap(store.listings)
        self._sorted = SortedListing(books=books, store=store, views=views, rows=self.rows)
        self._views = views
        self._policy = policy
        self._clock = clock
        self._forecasts = forecasts

    async def page(self, who: Identity, query: JobQuery) -> JobPage:
        """One page. Raises Refused for unknown states, foreign accounts and bad cursors."""
        if query.ids:
            return await self._sorted.these(who, query)
        states = _states(query)
        # else who has just ended is on no page at all, or not within the time in which it ended
        if states & TERMINAL and (JobState.RUNNING not in states or query.span is not None):
            await self._journal.endings_written(_ENDINGS_S)
        is_plain = not (query.search or query.fold)
        if query.sort != "queue" or query.span is not None or (states & TERMINAL and not is_plain):
            return await self._sorted.page(who, query, states)
        if states & TERMINAL:
            page = await self._newest(who, query, states)
        elif is_plain:
            page = await self._unended(who, query, states)
        else:
            return await self._sifted(who, query, states)
        page.total = total_of(self._books, self._views, query, states)
        return page

    async def _unended(self, who: Identity, query: JobQuery, states: frozenset[JobState]) -> JobPage:
        parts = cursors.decode(query.cursor) if query.cursor else None
        try:
            found = list(islice(self._items(who, query, states, parts), query.limit + 1))
        except (TypeError, ValueError, IndexError, OverflowError):
            raise cursors.bad_cursor() from None  # the parts came from the client
        shown = found[: query.limit]
        rows = await self._store.jobs([int(job) for job, _ in shown])
        cursor = cursors.encode(*shown[-1][1]) if len(found) > query.limit else None
        return JobPage(items=self.rows(who, rows), cursor=cursor)

    async def _sifted(self, who: Identity, query: JobQuery, states: frozenset[JobState]) -> JobPage:
        """In the plan's order, what is looked for, arrays as one row."""
        if query.fold:
            await self._arrays.refresh()
        wanted = Wanted(sight=sight_of(self._views, who), states=tuple(JobState), search=query.search)
        parts = cursors.decode(query.cursor) if query.cursor else None
        queue = PlanSearch(self._books, self._policy, self._wanted(who, query))
        until, size = time.monotonic() + BUDGET_S, _FIRST
        all_found, shown = Found(), []
        while True:
            try:
                batch = self._batch(who, query, states, parts, size, queue)
            except (TypeError, ValueError, IndexError, OverflowError):
                raise cursors.bad_cursor() from None  # the parts came from the client
            found = await self._listings.sift(wanted, batch.jobs, fold=query.fold) if batch.jobs else Found()
            shown += batch.hits(set(found.ids))
            all_found.folds |= found.folds
            all_found.looked += len(batch.jobs)
            parts = batch.next
            if parts is None or len(shown) > query.limit or time.monotonic() > until:
                break
            size = min(2 * size, _MOST)
        rest = shown[query.limit :]
        shown = shown[: query.limit]
        rows = await self._store.jobs([int(job) for job, _ in shown])
        goes_on = shown[-1][1] if rest else parts
        return JobPage(
            items=folded(self.rows(who, rows), all_found.folds),
            cursor=cursors.encode(*goes_on) if goes_on is not None else None,
            searched=all_found.looked,
        )

    def _batch(  # noqa: PLR0917 - what, from where, how many
        self,
        who: Identity,
        query: JobQuery,
        states: frozenset[JobState],
        parts: list[Any] | None,
        size: int,
        queue: PlanSearch,
    ) -> Batch:
        """The next jobs that may be wanted. A search looks at the queue, which may be long, without sorting it."""
        if query.search and (parts is None or parts[0] in LEASED):
            items = list(self._items(who, query, states & LEASED, parts))
            return listed(items, self._behind_leased(states))
        if query.search and parts is not None and is_queued(parts):
            return queue.batch(parts, size)
        until = time.monotonic() + _AT_A_TIME_S
        some: list[Item] = []
        for item in self._items(who, query, states, parts):
            some.append(item)
            if len(some) >= size or time.monotonic() > until:
                return listed(some, list(item[1]))
        return listed(some, None)

    def _behind_leased(self, states: frozenset[JobState]) -> list[Any] | None:
        """Where a search begins among what waits."""
        if JobState.PENDING in states:
            return [JobState.PENDING.value, self._clock.now()]
        return [JobState.HELD.value] if JobState.HELD in states else None

    async def _newest(self, who: Identity, query: JobQuery, states: frozenset[JobState]) -> JobPage:
        before = _id_of(cursors.decode(query.cursor)) if query.cursor else None
        account, group = reach.within(self._views, who, query)
        # a row is at most one commit behind the books: what runs may still be written down as scheduled
        asked = states | {JobState.SCHEDULED} if JobState.RUNNING in states else states
        found = await self._store.page(
            states=sorted(asked), account=account, group=group, limit=query.limit + 1, before=before
        )
        shown = found[: query.limit]
        known = (job for job in shown if self._views.knows_of(who, job.owner))
        rows = self.rows(who, [job for job in known if self._views.state(job) in states])
        return JobPage(items=rows, cursor=cursors.encode(shown[-1].id) if len(found) > query.limit else None)

    def rows(self, who: Identity, jobs: list[StoredJob]) -> list[JobRow]:
        """Stored jobs as the caller may see them."""
        numbers = (JobId(str(job.id)) for job in jobs)
        pending = [number for number in numbers if number in self._books.pending]
        places = positions(self._books.snapshot(self._clock.now()), self._policy, pending) if pending else {}
        outlooks = Outlooks(self._books.plan, self._forecasts.known() if pending else None)
        return [self._views.row(who, job, places, outlooks) for job in jobs]

    def _items(
        self, who: Identity, query: JobQuery, states: frozenset[JobState], parts: list[Any] | None
    ) -> Iterator[Item]:
        wanted = self._wanted(who, query)
        whole = query.fold and not query.search
        begin = SECTIONS.index(JobState(parts[0])) if parts else 0
        for section in SECTIONS[begin:]:
            if section in states:
                yield from self._section(section, wanted, parts[1:] if parts else None, whole=whole)
            parts = None

    def _section(
        self, section: JobState, wanted: Callable[[GroupKey], bool], parts: list[Any] | None, *, whole: bool
    ) -> Iterator[Item]:
        """whole: of each array here one element will do, its first; where some are looked for, it takes all."""
        if section is JobState.PENDING:
            at_gate = parts is not None and parts[0] == GATE
            queued = iter(()) if at_gate else self._pending(wanted, parts, whole=whole)
            return chain(queued, self._at_gate(wanted, int(parts[1]) if parts and at_gate else 0, whole=whole))
        if section is JobState.HELD:
            numbers = (int(job) for job, (key, _) in self._books.held.items() if wanted(key))
        elif section is JobState.SCHEDULED:
            return self._handed(wanted, parts, whole=whole)
        else:
            live = self._books.live.values()
            numbers = (int(one.job) for one in live if one.state is section and wanted(one.lease.key))
        if whole:
            numbers = (number for number in self._arrays.first_of_each(numbers))
        below = int(parts[0]) if parts else None
        return (
            (JobId(str(number)), (section.value, number))
            for number in sorted(numbers, reverse=True)
            if below is None or number < below
        )

    def _handed(self, wanted: Callable[[GroupKey], bool], parts: list[Any] | None, *, whole: bool) -> Iterator[Item]:
        """In the order in which they were handed to Slurm, as its ids are; who is not there yet comes last."""
        section, told = JobState.SCHEDULED, self._views.cluster.slurm
        live = self._books.live.values()
        numbers = (int(one.job) for one in live if one.state is section and wanted(one.lease.key))
        if whole:
            numbers = (number for number in self._arrays.first_of_each(numbers))
        found = ((job, told(job)) for job in (JobId(str(number)) for number in numbers))
        places = sorted((_NOT_THERE if slurm is None else slurm.id, int(job)) for job, slurm in found)
        after = (int(parts[0]), int(parts[1])) if parts else (0, 0)
        return ((JobId(str(number)), (section.value, at, number)) for at, number in places if (at, number) > after)

    def _pending(self, wanted: Callable[[GroupKey], bool], parts: list[Any] | None, *, whole: bool) -> Iterator[Item]:
        """In the plan's order; later pages look at the queue as of the first one's moment, so that none is skipped."""
        now = float(parts[0]) if parts else self._clock.now()
        snapshot = self._books.snapshot(now)
        groups = [group for group in snapshot.pending if wanted(group.key)]
        after: Rank | None = rank_of(parts[1:]) if parts else None
        behind = self._arrays.behind if whole else one_by_one
        for place in places(groups, snapshot, self._policy, after, behind):
            yield place.waiting.job, (JobState.PENDING.value, now, *place.rank)

    def _at_gate(self, wanted: Callable[[GroupKey], bool], beyond: int, *, whole: bool) -> Iterator[Item]:
        """Behind the queue, by id: these have no place in the plan's order yet."""
        for entry in self._books.gate.entries(beyond):
            number = int(entry.job)
            if number > beyond and wanted(entry.key) and entry.job not in self._books.held:
                yield entry.job, (JobState.PENDING.value, GATE, number)
                beyond = (self._arrays.last(number) if whole else None) or number

    def _wanted(self, who: Identity, query: JobQuery) -> Callable[[GroupKey], bool]:
        def wanted(key: GroupKey) -> bool:
            return (
                query.account in (None, key.owner.account)
                and query.group in (None, key.owner.group)
                and self._views.knows_of(who, key.owner)
                and may_hold(key, query.search, named=self._views.sees_all_of(who, key.owner))
            )

        return wanted


def _states(query: JobQuery) -> frozenset[JobState]:
    """The states asked for; none, nor in a search, means all that have not ended; of a stretch of time, all."""
    names = query.states
    known = {state.value for state in JobState}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refused(
            "VALIDATION_ERROR",
            f"There is no state {unknown[0]}. Known: {', '.join(sorted(known))}.",
            [{"field": "state", "message": f"unknown state {name}"} for name in unknown],
        )
    searched = frozenset(map(JobState, query.search.states))
    asked = frozenset(map(JobState, names)) or searched or frozenset(JobState if query.span else SECTIONS)
    return asked & searched if searched else asked


def _id_of(parts: list[Any]) -> int:
    if not isinstance(parts[0], int) or parts[0] < 0:
        raise cursors.bad_cursor()
    return parts[0]
