"""What the scripted engine does with search, sort and fold: on its few rows, the plain way.

Must not know screens, nor how the real engine finds the same in a million jobs.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.protocol.arrays import compact
from engine.protocol.errors import Refused
from engine.protocol.responses import JobRow
from engine.protocol.search import matches, parse_search

_KEYS = {
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


def searched(rows: Sequence[JobRow], text: str | None) -> list[JobRow]:
    """Rows that are found. Raises Refused for what is not understood."""
    try:
        search = parse_search(text or "")
    except ValueError as error:
        details = [{"field": "search", "message": str(error)}]
        raise Refused("VALIDATION_ERROR", f"search: {error}", details) from None
    return [row for row in rows if matches(row, search)]


def ordered(rows: Sequence[JobRow], sort: str, *, descending: bool) -> list[JobRow]:
    """Rows in their order: equal ones by id, those without the key behind; `queue` as they come."""
    if sort == "queue":
        return list(rows)
    name = _KEYS[sort]

    def key(row: JobRow) -> tuple[Any, int]:
        return getattr(row, name), row.id

    with_key = [row for row in rows if getattr(row, name) is not None]
    without = [row for row in rows if getattr(row, name) is None]
    by_id = sorted(without, key=lambda row: row.id, reverse=descending)
    return [*sorted(with_key, key=key, reverse=descending), *by_id]


def folded(rows: Sequence[JobRow]) -> list[JobRow]:
    """Elements of one array in one state as one row, where the first of them stands."""
    alike: dict[tuple[int, str], list[JobRow]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        alike.setdefault((row.array_parent or -row.id, row.state), []).append(row)
    firsts = {some[0].id: some for some in alike.values()}
    return [_as_one(row, firsts[row.id]) for row in rows if row.id in firsts]


def _as_one(row: JobRow, some: Sequence[JobRow]) -> JobRow:
    if len(some) == 1:
        return row
    indices = sorted(one.array_index for one in some if one.array_index is not None)
    return replace(row, folded=len(some), elements=compact(indices))
