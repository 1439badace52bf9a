"""Where a listing goes through the table: in which order, from which place on, some jobs at a time.

Orders that are asked for often have an index. For the others a narrow index of all jobs is scanned: each time costs as
much as there are jobs (0.1 s for a million), however many places are asked for. Every order is total: jobs of one key
stand by id. Jobs without the key, and those whose key the reader may not see, stand behind all others, by id. Must not
know what is looked for.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlite_utils import Database

from engine.core.lifecycle import TERMINAL, JobState
from engine.protocol.search import Span
from engine.store.listingschema import SCANNED
from engine.store.matching import ANYTHING, Part, Sight, Wanted, every, known, named, within

COLUMNS = {
    "id": "id",
    "submitted": "submitted_at",
    "started": "started_at",
    "ended": "ended_at",
    "priority": "priority",
    "gpus": "gpus",
    "time_limit": "time_limit_s",
    "name": "name",
    "account": "account",
}
_HIDDEN = frozenset({"name", "account"})
"""Keys that a redacted row does not tell: neither must its place."""
_ALWAYS = frozenset({"submitted", "priority", "gpus", "time_limit"})
"""Keys that every job has."""
_WITH_KEY = {"started": TERMINAL | {JobState.RUNNING}, "ended": TERMINAL}
_WITHOUT_KEY = {
    "started": frozenset(JobState) - {JobState.RUNNING, JobState.COMPLETED},
    "ended": frozenset(JobState) - TERMINAL,
}
"""In these states alone can a job have such a key, or have none."""
_INDEXED = frozenset({"id", "started", "ended", "account"})
_TURNED = str.maketrans("<>", "><")
_SAMPLES = 2000
"""So many jobs tell about where a scan may stop keeping what it passes."""
_STRIDE = 618_033_989
"""Spreads samples evenly over all jobs, and in step with nothing that people number jobs by."""
_SPREAD = 4
"""So many more samples, as few of them tell little."""
FEW = 5000
"""So many jobs are read and sorted at once, rather than looked for along an index of all."""
LARGEST = 2**63 - 1


class Place(NamedTuple):
    """A job's place: in the section 0 (it has a key) or 1, its key there (1: its id), its id."""

    section: int
    key: Any
    id: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Order:
    """sort: one of COLUMNS. descending: the largest first, ids too."""

    sort: str
    descending: bool = False

    @property
    def column(self) -> str:
        """What is sorted by."""
        return COLUMNS[self.sort]

    def sections(self, sight: Sight) -> tuple[int, ...]:
        """The parts of the listing, one after the other."""
        if self.sort == "id":
            return (1,)
        every_job = self.sort in _ALWAYS or (self.sort == "account" and (sight.everything or sight.names))
        return (0,) if every_job else (0, 1)

    def condition(self, section: int, sight: Sight) -> Part:
        """Which jobs are in a section."""
        if self.sort == "id":
            return ANYTHING
        with_key = every(Part(f"{self.column} IS NOT NULL"), named(sight) if self.sort in _HIDDEN else ANYTHING)
        return with_key if section == 0 else Part(f"NOT ({with_key.sql})", with_key.values)

    @property
    def is_scanned(self) -> bool:
        """Whether finding places costs as much as there are jobs."""
        return self.sort not in _INDEXED

    @property
    def beyond(self) -> str:
        """How a place further on compares."""
        return "<" if self.descending else ">"

    @property
    def way(self) -> str:
        """The order's direction."""
        return "DESC" if self.descending else "ASC"


def next_places(  # noqa: PLR0917 - what, in which order, from where, how many
    db: Database, wanted: Wanted, order: Order, section: int, after: Place | None, most: int
) -> list[Place]:
    """At most so many jobs' places in a section behind `after`; fewer: there are no more. Some may not be wanted."""
    if section == 1 and wanted.span is not None and wanted.span.by == order.sort:
        return []  # whoever has no such time is in no stretch of it
    possible = (_WITHOUT_KEY if section else _WITH_KEY).get(order.sort, frozenset(JobState))
    narrow = replace(wanted, states=tuple(state for state in wanted.states if state in possible))
    if section == 1:
        return [Place(1, number, number) for number in _by_id(db, narrow, order, after, most)]
    narrow = _narrow(narrow, order)
    if order.sort == "account":
        return _by_account(db, narrow, order, after, most)
    if (few := _few_in(db, narrow)) is not None:
        return _few(db, few, every(_told(narrow, order), Part(f"{order.column} IS NOT NULL")), order, after)
    return _scan(db, narrow, order, after, most) if order.is_scanned else _along(db, narrow, order, after, most)


def _stretch(wanted: Wanted, order: Order) -> Part:
    """The stretch of time, where that is what is sorted by: its index ends there."""
    return within(wanted.span) if wanted.span is not None and wanted.span.by == order.sort else ANYTHING


def _told(wanted: Wanted, order: Order) -> Part:
    """Jobs whose key may be told: how many places there are, and where it goes on, tell it as much as a row does."""
    if order.sort in _HIDDEN:
        return named(wanted.sight)
    return known(wanted.sight) if wanted.sight.hidden else ANYTHING


def _narrow(wanted: Wanted, order: Order) -> Wanted:
    """Names are sorted among those that may be seen: of most people these are their own jobs alone."""
    sight = wanted.sight
    own_alone = not (sight.everything or sight.names or sight.group is not None)
    if order.sort not in _HIDDEN or not own_alone or wanted.account is not None:
        return wanted
    return replace(wanted, account=sight.account)


def _by_account(db: Database, wanted: Wanted, order: Order, after: Place | None, most: int) -> list[Place]:
    """One account after the other, each by id: the index of who has which jobs will do."""
    found: list[Place] = []
    account = after.key if after is not None else _next_account(db, wanted, order, None)
    if wanted.account not in (None, account):
        return found  # the place came from the client
    while account is not None and len(found) < most:
        of_account = replace(wanted, account=account, group=None)
        ids = _by_id(
            db,
            of_account,
            order,
            after if after is not None and after.key == account else None,
            most - len(found),
            told=_told(wanted, order),
        )
        found += [Place(0, account, number) for number in ids]
        account = _next_account(db, wanted, order, account)
    return found


def _next_account(db: Database, wanted: Wanted, order: Order, account: str | None) -> str | None:
    if wanted.account is not None:
        return wanted.account if account is None else None
    least = "max" if order.descending else "min"
    where = "" if account is None else f"WHERE account {order.beyond} ?"
    sql = f"SELECT {least}(account) FROM jobs {where}"  # noqa: S608 - our own text
    found: str | None = db.conn.execute(sql, () if account is None else (account,)).fetchone()[0]
    return found


def _indexed(wanted: Wanted, state: JobState) -> Part:
    """What an index finds at once."""
    owner = Part("account = ?", (wanted.account,)) if wanted.account is not None else ANYTHING
    if wanted.account is None and wanted.group is not None:
        owner = Part("grp = ?", (wanted.group,))
    return every(owner, Part("state = ?", (str(state),)))


def _few_in(db: Database, wanted: Wanted) -> list[Part] | None:
    """Where all that are wanted are found at once, if these are few: in the stretch of time, or in each state."""
    if wanted.span is not None and wanted.span.by in _INDEXED and _are_few(db, [within(wanted.span)]):
        return [within(wanted.span)]
    of_states = [_indexed(wanted, state) for state in wanted.states]
    return of_states if _are_few(db, of_states) else None


def _are_few(db: Database, parts: Sequence[Part]) -> bool:
    count = 0
    for where in parts:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM jobs WHERE {where.sql} LIMIT ?)"  # noqa: S608 - our own text
        count += db.conn.execute(sql, (*where.values, FEW + 1 - count)).fetchone()[0]
        if count > FEW:
            return False
    return True


def _few(db: Database, parts: Sequence[Part], also: Part, order: Order, after: Place | None) -> list[Place]:
    """All of the parts that are `also` so, and behind the place."""
    found: list[Place] = []
    for part in parts:
        where = every(part, also)
        sql = f"SELECT 0, {order.column}, id FROM jobs WHERE {where.sql}"  # noqa: S608 - our own text
        found += [Place(*row) for row in db.conn.execute(sql, where.values)]
    found.sort(reverse=order.descending)
    if after is None:
        return found
    return [place for place in found if (place < after if order.descending else place > after)]


def _along(db: Database, wanted: Wanted, order: Order, after: Place | None, most: int) -> list[Place]:
    """Out of the key's index. First the rest of the same key: SQLite finds no place by both at once."""
    told = every(_told(wanted, order), _stretch(wanted, order))
    select = f"SELECT 0, {order.column}, id FROM jobs WHERE ({told.sql}) AND {order.column}"  # noqa: S608 - our own text
    tail = f"ORDER BY {order.column} {order.way}, id {order.way} LIMIT ?"
    if after is None:
        rows = db.conn.execute(f"{select} IS NOT NULL {tail}", (*told.values, most)).fetchall()
        return [Place(*row) for row in rows]
    same = f"{select} = ? AND id {order.beyond} ? {tail}"
    rows = db.conn.execute(same, (*told.values, after.key, after.id, most)).fetchall()
    if len(rows) < most:
        behind = (*told.values, after.key, most - len(rows))
        rows += db.conn.execute(f"{select} {order.beyond} ? {tail}", behind).fetchall()
    return [Place(*row) for row in rows]


def _scan(db: Database, wanted: Wanted, order: Order, after: Place | None, most: int) -> list[Place]:
    """Out of the index of all keys, from end to end.

    SQLite sorts as it goes and keeps the best; where each is better than those before, that is slow. So samples tell
    about how far the best will reach.
    """
    parts = [Part(f"{order.column} IS NOT NULL"), _told(wanted, order)]
    if wanted.span is not None and wanted.span.by in _ALWAYS:
        parts.append(within(wanted.span))
    if wanted.account is not None:
        parts.append(Part("account = ?", (wanted.account,)))
    if after is not None:
        parts.append(Part(f"({order.column}, id) {order.beyond} (?, ?)", (after.key, after.id)))
    bound = _sampled(db, every(*parts), order, most)
    if bound is not None:
        up_to = Part(f"({order.column}, id) {order.beyond}= (?, ?)".translate(_TURNED), (bound.key, bound.id))
        found = _best(db, every(*parts, up_to), order, most)
        if len(found) == most:
            return found
    return _best(db, every(*parts), order, most)


def _best(db: Database, where: Part, order: Order, most: int) -> list[Place]:
    sql = (
        f"SELECT 0, {order.column}, id FROM jobs INDEXED BY {SCANNED} WHERE {where.sql} "  # noqa: S608 - our own text
        f"ORDER BY {order.column} {order.way}, id {order.way} LIMIT ?"
    )
    return [Place(*row) for row in db.conn.execute(sql, (*where.values, most))]


def _sampled(db: Database, where: Part, order: Order, most: int) -> Place | None:
    """A place with about twice as many before it, if there is one."""
    [(last,)] = db.conn.execute("SELECT coalesce(max(id), 0) FROM jobs")
    if last == 0:
        return None
    sql = (
        f"SELECT 0, {order.column}, id FROM jobs WHERE {where.sql} AND id IN (SELECT value FROM json_each(?)) "  # noqa: S608
        f"ORDER BY {order.column} {order.way}, id {order.way} LIMIT 1 OFFSET ?"
    )
    sample = as_list([1 + number * _STRIDE % last for number in range(_SAMPLES)])
    enough = 2 * most * _SAMPLES // last + _SPREAD
    row = db.conn.execute(sql, (*where.values, sample, enough)).fetchone()
    return Place(*row) if row is not None else None


def _by_id(
    db: Database, wanted: Wanted, order: Order, after: Place | None, most: int, *, told: Part = ANYTHING
) -> list[int]:
    """Each state's next out of its index, or where any state will do, whoever is next. told: no others."""
    bound = after.id if after is not None else LARGEST if order.descending else 0
    if wanted.span is not None and order.sort == "id" and (of_span := _in_span(db, wanted, wanted.span)) is not None:
        sql = f"SELECT id FROM jobs {of_span.sql} AND id {order.beyond} ? ORDER BY id {order.way} LIMIT ?"  # noqa: S608
        return [number for (number,) in db.conn.execute(sql, (*of_span.values, bound, most))]
    tail = f"id {order.beyond} ? ORDER BY id {order.way} LIMIT ?"
    if len(set(wanted.states)) == len(JobState) and wanted.account is None and wanted.group is None:
        return [number for (number,) in db.conn.execute(f"SELECT id FROM jobs WHERE {tail}", (bound, most))]  # noqa: S608
    found: list[int] = []
    for state in wanted.states:
        where = every(_indexed(wanted, state), told)
        rows = db.conn.execute(f"SELECT id FROM jobs WHERE {where.sql} AND {tail}", (*where.values, bound, most))  # noqa: S608
        found += [number for (number,) in rows]
    return sorted(found, reverse=order.descending)[:most]


def _in_span(db: Database, wanted: Wanted, span: Span) -> Part | None:
    """Where to read a stretch of time by id from: few jobs out of that time's index, else out of the one of all keys.

    Ids are in the order of submissions but for jobs that were requeued: along the index of all keys a stretch is found
    without sorting, and what it begins behind is passed once, on the first page (60 ms for a million jobs).
    """
    if span.by in _INDEXED:
        where = within(span)
        return Part(f"WHERE {where.sql}", where.values) if _are_few(db, [where]) else None
    account = Part("account = ?", (wanted.account,)) if wanted.account is not None else ANYTHING
    where = every(within(span), account)
    return Part(f"INDEXED BY {SCANNED} WHERE {where.sql}", where.values)


def as_list(numbers: Sequence[int]) -> str:
    """Ids for `json_each`."""
    return json.dumps([number for number in numbers if 0 < number <= LARGEST])
