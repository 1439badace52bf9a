"""Finds job arrays and pages of their elements, for those who may know of them.

Must not know what is done with them, nor how a row looks.
"""

from collections.abc import Callable, Sequence

from engine.api.asks import Identity, JobQuery
from engine.core.lifecycle import LEASED, TERMINAL, JobState
from engine.core.model import AccountName, Owner
from engine.daemon import cursors
from engine.daemon.access import Action, may
from engine.daemon.answers import not_ready
from engine.daemon.lookup import Lookup
from engine.daemon.views import Views
from engine.protocol.arrays import compact
from engine.protocol.errors import Refused
from engine.protocol.responses import JobPage, JobRow
from engine.store.arrays import StoredArray
from engine.store.errors import StoreError
from engine.store.rows import StoredJob
from engine.store.store import Store

Rows = Callable[[Identity, list[StoredJob]], list[JobRow]]


class ArrayLookup:
    """One job array by the id of its first element."""

    def __init__(self, *, store: Store, views: Views, lookup: Lookup) -> None:
        self._store = store
        self._views = views
        self._lookup = lookup

    async def known(self, who: Identity, job: int) -> StoredArray:
        """The array, whoever it belongs to. JOB_NOT_FOUND also for what the caller may not know of."""
        try:
            array, stored = await self._store.arrays.array(job), await self._store.jobs.job(job)
        except StoreError as error:
            raise not_ready(error) from error
        known = stored if stored and self._views.knows_of(who, stored.owner) else None
        if array is None or known is None:
            raise _no_array(job, known)
        return array

    async def find(self, who: Identity, job: int, action: Action) -> StoredArray:
        """The array, for this action. JOB_NOT_FOUND also for one that is not the caller's to see."""
        array = await self.known(who, job)
        await self._lookup.find(who, job, action)
        return array

    async def of(self, who: Identity, array: StoredArray, indices: Sequence[int], action: Action) -> Sequence[int]:
        """As `elements`, those alone that `who` may do it to: single ones may have gone to another group."""
        may_all = may(who, action, Owner(account=AccountName(array.account)))
        return await self.elements(array, indices, () if may_all else (who.group,))

    async def elements(self, array: StoredArray, indices: Sequence[int], groups: Sequence[str] = ()) -> Sequence[int]:
        """Ids of these elements, of all if none are named. JOB_NOT_FOUND names the indices that there are not.

        groups: those of other groups are not there.
        """
        if not indices and not groups:
            return range(array.parent, array.parent + array.size)
        found = await self._store.arrays.elements(array, indices=indices, groups=groups)
        if len(found) < len(indices):
            there = {one.array_index for one in await self._store.jobs.jobs(found)}
            raise _no_elements(array, [index for index in indices if index not in there])
        return found


class ArrayListing:
    """Pages of one array's elements. rows: makes what the caller sees of stored jobs."""

    def __init__(self, *, store: Store, lookup: ArrayLookup, views: Views, rows: Rows) -> None:
        self._store = store
        self._lookup = lookup
        self._views = views
        self._rows = rows

    async def page(self, who: Identity, query: JobQuery) -> JobPage:
        """Elements by ascending index, in any state unless some are asked for. Raises Refused.

        An element is in a state if it is now, or if that is what is written down: whoever waits until none is live
        finds all their ends on disk then.
        """
        array = await self._lookup.known(who, query.array or 0)
        states = frozenset(JobState(name) for name in query.states)
        # a row is at most one commit behind the books: what runs or has ended may be written down as an earlier state
        asked = states | LEASED if states & (LEASED | TERMINAL) else states
        if query.elements:
            await self._lookup.elements(array, query.elements)
        try:
            found = await self._store.arrays.elements(
                array, indices=query.elements, states=sorted(asked), after=_after(query), limit=query.limit + 1
            )
            stored = await self._store.jobs.jobs(found[: query.limit])
        except StoreError as error:
            raise not_ready(error) from error
        shown = [job for job in stored if self._is_wanted(who, job, query, states)]
        cursor = cursors.encode(stored[-1].id) if len(found) > query.limit else None
        return JobPage(items=self._rows(who, shown), cursor=cursor)

    def _is_wanted(self, who: Identity, job: StoredJob, query: JobQuery, states: frozenset[JobState]) -> bool:
        return (
            self._views.knows_of(who, job.owner)
            and query.account in (None, job.account)
            and query.group in (None, job.group)
            and (not states or job.state in states or self._views.state(job) in states)
        )


def _after(query: JobQuery) -> int:
    if not query.cursor:
        return 0
    (number, *more) = cursors.decode(query.cursor)
    if more or not isinstance(number, int) or not 0 <= number < 2**63:
        raise cursors.bad_cursor()
    return number


def _no_array(job: int, stored: StoredJob | None) -> Refused:
    """What the job is instead, if the caller may know."""
    told = f"There is no job array {job}, or it is not yours. See: rcq queue --mine."
    if stored is not None and stored.array_parent is not None:
        told = f"Job {job} is an element of array {stored.array_parent}: {stored.array_parent}[{stored.array_index}]."
    elif stored is not None:
        told = f"Job {job} is no job array: write {job} alone."
    return Refused("JOB_NOT_FOUND", told)


def _no_elements(array: StoredArray, missing: Sequence[int]) -> Refused:
    named = compact(sorted(set(missing))[:1000])
    return Refused(
        "JOB_NOT_FOUND",
        f"Array {array.parent} has no element {named[:200]}. See: rcq queue --array {array.parent}.",
        [{"field": "elements", "message": "no such element", "array": array.parent}],
    )
