"""Pages of jobs in other orders than the plan's, and rows of jobs that are known by their ids; all from the store.

A row of the store is at most one commit behind the books, so states are asked again of the books. Must not know how a
row looks.
"""

from collections.abc import Callable, Mapping
from typing import Any

from engine.api.asks import Identity, JobQuery
from engine.core.lifecycle import JobState
from engine.daemon import cursors, reach
from engine.daemon.answers import not_ready
from engine.daemon.books import Books
from engine.daemon.sights import sight_of
from engine.daemon.views import Views
from engine.protocol.arrays import compact
from engine.protocol.responses import JobPage, JobRow
from engine.store.errors import StoreError
from engine.store.listing import Fold
from engine.store.matching import Wanted
from engine.store.rows import StoredJob
from engine.store.sorting import LARGEST, Order, Place
from engine.store.store import Store

Rows = Callable[[Identity, list[StoredJob]], list[JobRow]]


class SortedListing:
    """Finds the jobs of a page in the store. rows: makes what the caller sees of them."""

    def __init__(self, *, books: Books, store: Store, views: Views, rows: Rows) -> None:
        self._books = books
        self._store = store
        self._views = views
        self._rows = rows

    async def page(self, who: Identity, query: JobQuery, states: frozenset[JobState]) -> JobPage:
        """One page in the order of the query; where that is the plan's, newest first. Raises Refused."""
        order = _order(query)
        after = _place(query.cursor, order) if query.cursor else None
        account, group = reach.within(self._views, who, query)
        # a row is at most one commit behind the books: what runs may still be written down as scheduled
        asked = states | {JobState.SCHEDULED} if JobState.RUNNING in states else states
        wanted = Wanted(
            sight=sight_of(self._views, who),
            states=tuple(sorted(asked)),
            account=account,
            group=group,
            search=query.search,
            span=query.span,
        )
        try:
            found = await self._store.listings.page(wanted, order, after, query.limit, fold=query.fold)
            stored = await self._store.jobs.jobs(found.ids)
        except StoreError as error:
            raise not_ready(error) from error
        except (TypeError, ValueError, OverflowError):
            raise cursors.bad_cursor() from None  # its key came from the client
        rows = self._rows(who, [job for job in stored if self._views.state(job) in states])
        return JobPage(
            items=folded(rows, found.folds),
            cursor=cursors.encode(*_told(order), *found.next) if found.next is not None else None,
            total=total_of(self._books, self._views, query, states),
            searched=found.looked,
        )

    async def these(self, who: Identity, query: JobQuery) -> JobPage:
        """The jobs of these ids that exist for the caller, in this order."""
        try:
            stored = await self._store.jobs.jobs(query.ids)
        except StoreError as error:
            raise not_ready(error) from error
        return JobPage(items=self._rows(who, [job for job in stored if self._views.knows_of(who, job.owner)]))


def _order(query: JobQuery) -> Order:
    """What was asked for; where that is the plan's order, the newest first: of a stretch of time by that time."""
    if query.sort != "queue":
        return Order(sort=query.sort, descending=query.descending)
    by = query.span.by if query.span is not None else "submitted"
    return Order(sort="id" if by == "submitted" else by, descending=True)


def folded(rows: list[JobRow], folds: Mapping[int, Fold]) -> list[JobRow]:
    """The rows; those that stand for others of their array say for how many, and which."""
    for row in rows:
        if (fold := folds.get(row.id)) is not None:
            row.folded = fold.count
            row.elements = compact(fold.indices)
    return rows


def total_of(books: Books, views: Views, query: JobQuery, states: frozenset[JobState]) -> int | None:
    """How many jobs all pages have, where the books know it without counting."""
    is_of_all = query.span is None and query.account is None and query.group is None
    if query.search or query.fold or not is_of_all or views.hides_others:
        return None
    counts = books.counts()
    return sum(counts[state] for state in states)


def _told(order: Order) -> tuple[str, int]:
    return order.sort, int(order.descending)


def _place(cursor: str, order: Order) -> Place:
    """Where a page goes on. Raises Refused for a cursor of another order, and for one that nobody was given."""
    sort, down, section, key, number = _five(cursors.decode(cursor))
    is_place = section in (0, 1) and isinstance(key, int | float | str) and isinstance(number, int)
    if (sort, down) != _told(order) or not is_place or not 0 <= number <= LARGEST:
        raise cursors.bad_cursor()
    return Place(section, key, number)


def _five(parts: list[Any]) -> list[Any]:
    if len(parts) != 5 or not isinstance(parts[1], int):
        raise cursors.bad_cursor()
    return parts
