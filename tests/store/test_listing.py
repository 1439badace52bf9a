"""Pages out of the store: whatever is looked for in whatever order, together they are the filtered, sorted list."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.lifecycle import JobState
from engine.protocol.listings import SPANS
from engine.protocol.responses import JobRow
from engine.protocol.search import Span, matches, parse_search
from engine.store import listing, sorting
from engine.store.matching import Sight, Wanted
from engine.store.sorting import COLUMNS, Order, Place
from engine.store.store import Store

ADMIN = Sight(account="root", everything=True, names=True)
ANN = Sight(account="ann")
MANAGER = Sight(account="ann", group="lab")
HIDDEN = Sight(account="ann", hidden=True)
VISIBLE = Sight(account="ann", names=True)
SIGHTS = (ADMIN, ANN, MANAGER, HIDDEN, VISIBLE)
SEARCHES = (
    "", "train", "ann", "lab fast", "Größe", "7[", "3[1]", "state:failed", "state:pending,running a", "gpus:>1",
    "gpus:<=1 bob", "type:a60", "account:bob", "group:lab", "priority:>=5", "id:4", "array:3", "tag:k", "tag:k=v",
    "tag:k=w", "cause:exit", "name:n-", "service:fold", "secret", "100%", "_", "#", '"n-1 x"', "key-4",
    "service:none train",
)  # fmt: skip
FIELDS = (
    "id", "state", "submitted_at", "account", "grp", "service", "priority", "gpus", "gpu_type", "time_limit_s",
    "job_id", "name", "command_line", "started_at", "ended_at", "cause", "request", "array_parent", "array_index",
    "preemptible", "gpu_memory_mb", "gpu_share", "cpu_cores", "memory_mb",
)  # fmt: skip

made = st.fixed_dictionaries(
    {
        "state": st.sampled_from([str(state) for state in JobState]),
        "account": st.sampled_from(["ann", "bob", "cleo"]),
        "grp": st.sampled_from(["lab", "fast"]),
        "service": st.sampled_from([None, "fold"]),
        "priority": st.integers(1, 10),
        "gpus": st.integers(0, 3),
        "gpu_type": st.sampled_from([None, "a6000", "H100"]),
        "time_limit_s": st.sampled_from([60, 3600]),
        "named": st.sampled_from([None, "train", "n-1 x", "Größe", "100%", "a_b"]),
        "command_line": st.sampled_from(["python train.py", "#secret script", "echo lab", ""]),
        "started_at": st.sampled_from([5.0, 7.0, 9.5]),
        "ended_at": st.sampled_from([10.0, 11.0]),
        "cause": st.sampled_from(["exit", "signal"]),
        "tags": st.sampled_from(["{}", '{"tags":{"k":"v"}}', '{"tags":{"K":"w","z":"v"}}']),
        "elements": st.sampled_from([0, 0, 0, 2, 5]),
        "submitted_at": st.sampled_from([1.0, 2.0]),
    }
)


moments = st.sampled_from([None, 1.0, 1.5, 2.0, 5.0, 7.0, 9.5, 9.6, 10.0, 11.0])
spans = st.none() | st.builds(Span, by=st.sampled_from(SPANS), since=moments, until=moments).filter(
    lambda span: span.since is not None or span.until is not None
)


def rows_of(given: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[tuple[int, int]]]:
    """Rows of `jobs`, and first and size of each array; its elements are like their first but for their states."""
    rows: list[dict[str, Any]] = []
    arrays = []
    states = [str(state) for state in JobState]
    for one in given:
        first = len(rows) + 1
        if one["elements"]:
            arrays.append((first, one["elements"]))
        for place in range(max(1, one["elements"])):
            row = {name: one.get(name) for name in FIELDS}
            state = states[(states.index(one["state"]) + place * (place % 2)) % len(states)]
            ran = state in {"running", "completed"} or (state in {"failed", "preempted"} and one["gpus"])
            is_over = state in {"completed", "failed", "cancelled", "preempted"}
            row |= {
                "id": first + place, "state": state, "name": one["named"], "request": one["tags"], "preemptible": 0,
                "job_id": f"key-{first + place}", "gpu_memory_mb": 0, "gpu_share": 0, "cpu_cores": 1, "memory_mb": 0,
                "started_at": one["started_at"] if ran else None, "ended_at": one["ended_at"] if is_over else None,
                "cause": one["cause"] if is_over else None,
                "array_parent": first if one["elements"] else None, "array_index": place if one["elements"] else None,
            }  # fmt: skip
            rows.append(row)
    return rows, arrays


def put(path: Path, rows: list[dict[str, Any]], arrays: list[tuple[int, int]]) -> None:
    db = sqlite3.connect(path)
    db.execute("DELETE FROM jobs")
    db.execute("DELETE FROM arrays")
    marks = ", ".join("?" * len(FIELDS))
    add = f"INSERT INTO jobs ({', '.join(FIELDS)}) VALUES ({marks})"  # noqa: S608 - columns named above
    db.executemany(add, [[row[name] for name in FIELDS] for row in rows])
    db.executemany("INSERT INTO arrays (parent, account, size, request) VALUES (?, 'x', ?, '{}')", arrays)
    db.commit()
    db.close()


def names_of(row: dict[str, Any], sight: Sight) -> bool:
    return sight.names or knows(row, sight)


def knows(row: dict[str, Any], sight: Sight) -> bool:
    return (
        sight.everything or row["account"] == sight.account or (sight.group is not None and row["grp"] == sight.group)
    )


def seen(row: dict[str, Any], sight: Sight) -> tuple[JobRow, dict[str, str]]:
    """The row as the reader sees it, and the tags that the reader may see."""
    tags = json.loads(row["request"]).get("tags", {}) if knows(row, sight) else {}
    is_named = names_of(row, sight)
    script = row["command_line"].startswith("#")
    sees_line = is_named and (not script or sight.everything or row["account"] == sight.account)
    values = {name: row[name] for name in FIELDS if name in JobRow.__slots__}
    values |= {"group": row["grp"], "exit_code": None, "signal": None, "attempt": 1, "gpu_indices": []}
    values["command_line"] = row["command_line"].removeprefix("#") if sees_line else None
    if not is_named:
        values |= dict.fromkeys(("job_id", "name", "account", "service", "cause"))
    return JobRow(**values), tags


def lies_in(span: Span, at: float | None) -> bool:
    """From its beginning on, and before its end."""
    return at is not None and (span.since is None or span.since <= at) and (span.until is None or at < span.until)


def expected(rows: list[dict[str, Any]], wanted: Wanted, order: Order, *, fold: bool) -> list[int]:
    """The whole list, the plain way."""
    found = []
    for row in rows:
        shown, tags = seen(row, wanted.sight)
        is_there = row["state"] in wanted.states and (not wanted.sight.hidden or knows(row, wanted.sight))
        is_in_time = wanted.span is None or lies_in(wanted.span, row[f"{wanted.span.by}_at"])
        if is_there and is_in_time and wanted.account in (None, row["account"]) and matches(shown, wanted.search, tags):
            found.append(row)
    if fold:
        firsts: dict[Any, int] = {}
        for row in found:
            firsts.setdefault((row["array_parent"] or -row["id"], row["state"]), row["id"])
        found = [row for row in found if row["id"] in firsts.values()]

    def key(row: dict[str, Any]) -> Any:
        is_told = names_of(row, wanted.sight) or order.sort not in {"name", "account"}
        return row[COLUMNS[order.sort]] if is_told else None

    with_key = sorted((row for row in found if key(row) is not None), key=lambda row: (key(row), row["id"]))
    without = sorted(row["id"] for row in found if key(row) is None)
    way = -1 if order.descending else 1
    return [row["id"] for row in with_key][::way] + without[::way]


async def walk(store: Store, wanted: Wanted, order: Order, limit: int, *, fold: bool) -> list[int]:
    ids: list[int] = []
    after: Place | None = None
    while True:
        found = await store.listings.page(wanted, order, after, limit, fold=fold)
        assert len(found.ids) <= limit
        ids += found.ids
        if found.next is None:
            return ids
        assert found.next != after, "it must get on"
        after = found.next


@pytest.mark.parametrize("small", [True, False], ids=["few", "along the index"])
def test_all_pages_together_are_the_filtered_sorted_list(
    path: Path, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    monkeypatch.setattr("engine.store.sorting.FEW", 5000 if small else 0)
    monkeypatch.setattr(listing, "_FIRST", 3)
    monkeypatch.setattr(listing, "_MOST", 8)
    monkeypatch.setattr(listing, "_SCAN_FIRST", 2)
    monkeypatch.setattr(listing, "_SCAN_MOST", 12)
    monkeypatch.setattr(sorting, "_SAMPLES", 5)
    monkeypatch.setattr(sorting, "_SPREAD", 0)  # samples that tell too little are met too
    monkeypatch.setattr(listing, "SCAN_BUDGET_S", 0.0)
    monkeypatch.setattr(listing, "BUDGET_S", 0.0)  # each page is cut short wherever it can be
    store = Store.open(path, half_life_s=1.0)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(made, max_size=14), st.sampled_from(SEARCHES), st.sampled_from(sorted(COLUMNS)), st.booleans(),
        st.booleans(), st.sampled_from(SIGHTS), st.sets(st.sampled_from(sorted(JobState)), min_size=1),
        st.integers(1, 7), st.sampled_from([None, "ann"]), spans,
    )  # fmt: skip
    def check(  # noqa: PLR0917 - all of them made up
        jobs: list[dict[str, Any]], text: str, sort: str, down: bool, fold: bool, sight: Sight,
        states: set[JobState], limit: int, account: str | None, span: Span | None,
    ) -> None:  # fmt: skip
        rows, arrays = rows_of(jobs)
        put(path, rows, arrays)
        search = parse_search(text)
        possible = tuple(sorted(state for state in states if not search.states or state in search.states))
        wanted = Wanted(sight=sight, states=possible, search=search, account=account, span=span)
        order = Order(sort=sort, descending=down)
        found = asyncio.run(walk(store, wanted, order, limit, fold=fold))
        assert found == expected(rows, wanted, order, fold=fold)

    check()
    asyncio.run(store.close())


@pytest.mark.parametrize("small", [True, False], ids=["few", "along the index"])
@pytest.mark.parametrize("budget", [0.0, 60.0], ids=["cut short", "to the end"])
@pytest.mark.parametrize("sight", [ANN, MANAGER, HIDDEN], ids=["person", "manager", "hidden"])
def test_neither_counts_nor_marks_tell_what_a_row_hides(
    path: Path, monkeypatch: pytest.MonkeyPatch, small: bool, budget: float, sight: Sight
) -> None:
    """Whoever asks from places of their own making learns the same, whatever the jobs of others are called."""
    monkeypatch.setattr("engine.store.sorting.FEW", 5000 if small else 0)
    monkeypatch.setattr(listing, "_FIRST", 3)
    monkeypatch.setattr(listing, "_SCAN_FIRST", 3)
    monkeypatch.setattr(listing, "SCAN_BUDGET_S", budget)
    monkeypatch.setattr(listing, "BUDGET_S", budget)
    store = Store.open(path, half_life_s=1.0)

    def told(account: str, name: str) -> list[Any]:
        mine = made_of(account="ann", grp="lab", named="m")
        group = made_of(account="cleo", grp="lab", named="q")
        put(path, *rows_of([mine, made_of(account=account, grp="fast", named=name), group] * 4))
        wanted = Wanted(sight=sight, states=(JobState.PENDING, JobState.FAILED), search=parse_search("nowhere"))
        return [
            asyncio.run(store.listings.page(wanted, Order(sort=sort, descending=down), Place(0, key, 0), 9, fold=False))
            for sort in ("name", "account")
            for down in (True, False)
            for key in ("a", "ann", "bob", "bobby", "c", "p", "s", "z")
        ]

    try:
        assert told("bob", "b") == told("zoe", "z") == told("bob", "s")
    finally:
        asyncio.run(store.close())


def made_of(**what: Any) -> dict[str, Any]:
    """A waiting job."""
    usual = {"state": "pending", "service": None, "priority": 5, "gpus": 1, "gpu_type": None, "time_limit_s": 60}
    rest = {"command_line": "x", "started_at": 5.0, "ended_at": 10.0, "cause": "exit", "tags": "{}", "elements": 0}
    return {**usual, **rest, "submitted_at": 1.0, **what}
