"""Pages of any search in any order, and arrays as one row for each state, out of the table of jobs.

A page costs what it shows and what it passes on the way; after `BUDGET_S` it is answered short, and the next one goes
on. Must not know who asks, nor what the books in memory know better.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlite_utils import Database

from engine.store.matching import Part, Wanted, conditions, every, prepare
from engine.store.readers import Readers
from engine.store.sorting import Order, Place, as_list, next_places

BUDGET_S = 0.04
"""For so long one page is looked for: a screen that waits can show how far it got."""
_FIRST, _MOST = 250, 4000
"""Jobs that are looked at together: few at first, as the first page is often near."""
_SCAN_FIRST, _SCAN_MOST = 4000, 50_000
"""As many places are asked for where each time costs a scan."""
SCAN_BUDGET_S = 0.08
"""After so long no other scan is begun."""
_NEIGHBOURS, _GAP = 32, 3
"""Ranges of about so many jobs are read as such, gaps of less than so many ids with them."""
_SHOWN_ELEMENTS = 1000
"""Of an array that is one row, so many indices are told."""


class Hit(NamedTuple):
    """A job that was found. parent: of its array, if it is an element."""

    id: int
    state: str
    parent: int | None


@dataclass(slots=True, frozen=True, kw_only=True)
class Fold:
    """Elements of one array in one state: how many were found, the indices of the first."""

    count: int
    indices: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Found:
    """ids in their order; folds of those that stand for others too. next: where to go on; looked: at how many jobs."""

    ids: list[int] = field(default_factory=list)
    folds: dict[int, Fold] = field(default_factory=dict)
    next: Place | None = None
    looked: int = 0


class Listings:
    """Reads pages."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def page(self, wanted: Wanted, order: Order, after: Place | None, limit: int, *, fold: bool) -> Found:
        """At most `limit` jobs behind `after`; fewer, and `next` says so, where looking took too long."""
        return await self._readers.read(lambda db: _Walk(db, wanted, order, fold=fold).page(after, limit))

    async def sift(self, wanted: Wanted, ids: Sequence[int], *, fold: bool) -> Found:
        """Those of the jobs that are wanted, in their order; with `fold` an array's first in its state for all."""
        return await self._readers.read(lambda db: _sift(db, wanted, ids, fold=fold))

    async def arrays(self, beyond: int) -> list[tuple[int, int]]:
        """First id and size of each array behind this id, ascending: what never changes of it."""
        sql = "SELECT parent, size FROM arrays WHERE parent > ? ORDER BY parent"
        return await self._readers.read(lambda db: db.conn.execute(sql, (beyond,)).fetchall())


class _Walk:
    """One page on its way."""

    def __init__(self, db: Database, wanted: Wanted, order: Order, *, fold: bool) -> None:
        prepare(db)
        self._db = db
        self._wanted = wanted
        self._order = order
        self._folds = Folds(db, conditions(wanted)) if fold else None
        self._until = time.monotonic() + (SCAN_BUDGET_S if order.is_scanned else BUDGET_S)

    def page(self, after: Place | None, limit: int) -> Found:
        found = Found()
        shown: list[tuple[Place, Hit]] = []
        sections = [
            section for section in self._order.sections(self._wanted.sight) if after is None or section >= after.section
        ]
        for section in sections:
            begin = after if after is not None and after.section == section else None
            for place, hit in self._section(section, begin, found):
                if hit is not None:
                    shown.append((place, hit))
                if len(shown) > limit or (hit is None and time.monotonic() > self._until):
                    return self._done(found, shown, limit, place)
        return self._done(found, shown, limit, None)

    def _section(self, section: int, after: Place | None, found: Found) -> Iterator[tuple[Place, Hit | None]]:
        """Every place that shows something with its job; between, how far it has looked, without one."""
        where = every(conditions(self._wanted), self._order.condition(section, self._wanted.sight))
        scans = section == 0 and self._order.is_scanned
        size, most = (_SCAN_FIRST, _SCAN_MOST) if scans else (_FIRST, _MOST)
        if scans and self._wanted.search:
            size = most
        while places := next_places(self._db, self._wanted, self._order, section, after, size):
            is_last = len(places) < size
            while places:
                after = yield from self._together(where, places[:_MOST], found)
                places = self._behind(places[_MOST:], after)
                if not (scans and places):  # a scan costs more than to look at all that it found
                    yield after, None
            if is_last:
                return
            size = most if scans else min(2 * size, most)

    def _together(
        self, where: Part, places: list[Place], found: Found
    ) -> Generator[tuple[Place, Hit | None], None, Place]:
        """What these places show, and where to go on: behind the last, with the rest of its array."""
        hits = _matching(self._db, where, [place.id for place in places])
        for place in places:
            found.looked += 1
            hit = hits.get(place.id)
            if hit is not None and (self._folds is None or self._folds.shows(hit)):
                yield place, hit
        after = places[-1]
        if self._folds is not None and (last := hits.get(after.id)) is not None and last.parent is not None:
            for ahead, hit in self._rest(where, after, last.parent, found):
                after = ahead
                yield after, hit
        return after

    def _behind(self, places: list[Place], after: Place) -> list[Place]:
        """Those that `_together` has not passed yet."""
        if self._folds is None:
            return places
        return [place for place in places if (place < after if self._order.descending else place > after)]

    def _rest(self, where: Part, at: Place, parent: int, found: Found) -> Iterator[tuple[Place, Hit | None]]:
        """What shows of the array's elements behind this one that have the same key; then a place behind them all."""
        folds = self._folds
        assert folds is not None  # noqa: S101 - only called with it
        last = folds.last(parent)
        far = parent if self._order.descending else last
        if abs(far - at.id) < _FIRST:
            return
        firsts = folds.firsts(parent, list(map(str, self._wanted.states)))
        hits = _matching(self._db, where, firsts)
        low, high = sorted((at.id, far))
        for number in sorted(set(firsts) & hits.keys(), reverse=self._order.descending):
            place = self._place(at, number)
            if low <= number <= high and number != at.id and (at.section == 1 or self._key(number) == at.key):
                yield place, hits[number]
        found.looked += abs(far - at.id)
        yield self._place(at, far), None

    def _place(self, at: Place, number: int) -> Place:
        return Place(at.section, number if at.section == 1 else at.key, number)

    def _key(self, number: int) -> object:
        sql = f"SELECT {self._order.column} FROM jobs WHERE id = ?"  # noqa: S608 - a column of ours
        return self._db.conn.execute(sql, (number,)).fetchone()[0]

    def _done(self, found: Found, shown: list[tuple[Place, Hit]], limit: int, stopped: Place | None) -> Found:
        kept = shown[:limit]
        found.ids = [hit.id for _, hit in kept]
        found.next = kept[-1][0] if len(shown) > limit else stopped
        if self._folds is not None:
            found.folds = self._folds.of([hit for _, hit in kept])
        return found


class Folds:
    """Arrays as one row for each state, at the place of the first element that is wanted."""

    def __init__(self, db: Database, where: Part) -> None:
        self._db = db
        self._where = where
        self._firsts: dict[tuple[int, str], int | None] = {}
        self._sizes: dict[int, int] = {}

    def shows(self, hit: Hit) -> bool:
        """Whether this job stands for itself, or for its array."""
        return hit.parent is None or self._first(hit.parent, hit.state) == hit.id

    def firsts(self, parent: int, states: Sequence[str]) -> list[int]:
        """The jobs that stand for an array in these states."""
        found = (self._first(parent, state) for state in states)
        return [number for number in found if number is not None]

    def last(self, parent: int) -> int:
        """The id of its last element."""
        if parent not in self._sizes:
            row = self._db.conn.execute("SELECT size FROM arrays WHERE parent = ?", (parent,)).fetchone()
            self._sizes[parent] = row[0]
        return parent + self._sizes[parent] - 1

    def of(self, hits: Sequence[Hit]) -> dict[int, Fold]:
        """What each of them stands for, where that is more than itself."""
        found = {hit.id: self._fold(hit.parent, hit.state) for hit in hits if hit.parent is not None}
        return {number: fold for number, fold in found.items() if fold.count > 1}

    def _first(self, parent: int, state: str) -> int | None:
        if (parent, state) not in self._firsts:
            row = self._select("id", parent, state, "ORDER BY id LIMIT 1")
            self._firsts[parent, state] = row[0][0] if row else None
        return self._firsts[parent, state]

    def _fold(self, parent: int, state: str) -> Fold:
        [(count,)] = self._select("count(*)", parent, state)
        indices = self._select("array_index", parent, state, f"ORDER BY id LIMIT {_SHOWN_ELEMENTS}")
        return Fold(count=count, indices=tuple(index for (index,) in indices))

    def _select(self, what: str, parent: int, state: str, tail: str = "") -> list[tuple[int, ...]]:
        sql = f"SELECT {what} FROM jobs WHERE state = ? AND id BETWEEN ? AND ? AND {self._where.sql} {tail}"  # noqa: S608
        rows = self._db.conn.execute(sql, (state, parent, self.last(parent), *self._where.values)).fetchall()
        return [tuple(row) for row in rows]


def _sift(db: Database, wanted: Wanted, ids: Sequence[int], *, fold: bool) -> Found:
    prepare(db)
    where = conditions(wanted)
    hits = _matching(db, where, ids)
    kept = [hits[number] for number in ids if number in hits]
    if not fold:
        return Found(ids=[hit.id for hit in kept], looked=len(ids))
    folds = Folds(db, where)
    kept = [hit for hit in kept if folds.shows(hit)]
    return Found(ids=[hit.id for hit in kept], folds=folds.of(kept), looked=len(ids))


def _matching(db: Database, where: Part, ids: Sequence[int]) -> dict[int, Hit]:
    """Of neighbours ranges are read, with what lies between: that is twice as fast as one after the other."""
    ordered = sorted(ids)
    runs = _runs(ordered)
    parts = [Part("id BETWEEN ? AND ?", run) for run in runs]
    if len(runs) * _NEIGHBOURS > len(ordered):
        parts = [Part("id IN (SELECT value FROM json_each(?))", (as_list(ordered),))]
    hits: dict[int, Hit] = {}
    for of_ids in parts:
        sql = f"SELECT id, state, array_parent FROM jobs WHERE {of_ids.sql} AND {where.sql}"  # noqa: S608 - our own text
        hits |= {row[0]: Hit(*row) for row in db.conn.execute(sql, (*of_ids.values, *where.values))}
    return hits


def _runs(ordered: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of ascending ids that are next to each other, or nearly."""
    runs: list[tuple[int, int]] = []
    for number in ordered:
        if runs and number - runs[-1][1] <= _GAP:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
