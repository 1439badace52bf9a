"""Searches and folds in the plan's order: all pages together are the plain listing, sifted, while others submit."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api.asks import JobQuery
from engine.daemon import listing
from engine.protocol.responses import JobRow
from engine.protocol.search import matches, parse_search

SEARCHES = (
    "",
    "train",
    "eval",
    "ann",
    "bio gpus:1",
    "priority:>4",
    "state:pending",
    "state:held train",
    "array:>0",
    "1",
)
NAMES = ("train-1", "eval", "train-2", None)

made = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(NAMES),
        st.integers(1, 10),
        st.integers(0, 2),
        st.sampled_from([0, 0, 2, 7]),  # elements
        st.sampled_from([0.0, 0.0, 60.0, 90_000.0]),  # seconds until the next
        st.booleans(),  # hold it
    ),
    max_size=9,
)


async def walk(world: Any, who: Any, disturb: Any, **query: Any) -> list[JobRow]:
    rows: list[JobRow] = []
    cursor = None
    while True:
        page = await world.jobs.page(who, JobQuery(cursor=cursor, **query))
        assert len(page.items) <= query["limit"]
        rows += page.items
        if page.cursor is None:
            return rows
        assert page.cursor != cursor, "it must get on"
        cursor = page.cursor
        await disturb()


def sifted(plain: list[JobRow], text: str, *, fold: bool) -> list[tuple[int, int]]:
    """Ids, and how many jobs each stands for."""
    found = [row for row in plain if matches(row, parse_search(text))]
    if not fold:
        return [(row.id, 1) for row in found]
    arrays: dict[Any, list[int]] = {}
    for row in found:
        arrays.setdefault((row.array_parent or -row.id, row.state), []).append(row.id)
    firsts = {min(ids): len(ids) for ids in arrays.values()}
    return [(row.id, firsts[row.id]) for row in found if row.id in firsts]


@pytest.mark.parametrize("budget", [0.0, 10.0], ids=["cut short", "at once"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    jobs=made,
    text=st.sampled_from(SEARCHES),
    fold=st.booleans(),
    limit=st.integers(1, 6),
    reader=st.sampled_from(["root", "ann"]),
)
async def test_all_pages_are_the_plain_list_sifted(  # noqa: PLR0917 - all of them made up
    world, budget, jobs, text, fold, limit, reader
):
    people = {"ann": world.ann, "bob": world.bob, "root": world.root}
    for account, name, priority, gpus, elements, later, hold in jobs:
        array = {"array": f"0-{elements - 1}"} if elements else {}
        number = await world.submit(people[account], name=name, priority=priority, gpus=gpus, **array)
        if hold:
            await world.jobs.hold(people[account], number)
        world.clock.time += later
    who = people[reader]
    plain = await walk(world, who, idle, limit=2000)
    standing = {row.id for row in plain}

    async def disturb() -> None:
        world.clock.time += 1000
        for priority in (1, 10):
            await world.jobs.cancel(world.ann, await world.submit(name="train-9", priority=priority, gpus=1))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "BUDGET_S", budget)
        patch.setattr(listing, "_FIRST", 3)
        patch.setattr(listing, "_MOST", 8)
        rows = await walk(world, who, disturb, search=parse_search(text), fold=fold, limit=limit)
    found = [(row.id, row.folded or 1) for row in rows if row.id in standing]
    assert found == sifted(plain, text, fold=fold)
    for row in plain:
        await world.jobs.cancel(world.root, row.id)


async def idle() -> None:
    """Nobody does anything meanwhile."""
