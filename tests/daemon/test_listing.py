"""Pages: the order, positions, what others see, cursors that neither skip nor repeat, and the cost at depth."""

import asyncio
import time

import pytest

from config.settings import PrivacySettings
from engine.api.asks import JobQuery
from engine.core.ledger import Ledger
from engine.core.model import JobId, Waiting
from engine.core.ordering import head_rank
from engine.core.places import COUNTED, places, positions
from engine.daemon import cursors
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields


async def pages(world, who, **query):
    """All rows, page by page."""
    rows, cursor = [], None
    while True:
        page = await world.jobs.page(who, JobQuery(cursor=cursor, **query))
        rows += page.items
        cursor = page.cursor
        if cursor is None:
            return rows


async def test_what_has_not_ended_comes_running_then_waiting_in_order_then_held(world):
    running = [await world.submit(gpus=1) for _ in range(2)]
    await world.one_pass()
    low = await world.submit(gpus=1, priority=1)
    high = await world.submit(world.bob, gpus=1, priority=9)
    held = await world.submit(gpus=1)
    await world.jobs.hold(world.ann, held)
    world.executor.end(running[0])
    rows = await pages(world, world.root, limit=1)
    assert [(row.id, row.state, row.position) for row in rows] == [
        (running[1], "running", None),
        (high, "pending", 1),
        (low, "pending", 2),
        (held, "held", None),
    ]
    assert [row.id for row in await pages(world, world.root, limit=2, states=("pending",))] == [high, low]
    assert [row.id for row in await pages(world, world.root, states=("held", "running"))] == [running[1], held]
    assert [row.id for row in await pages(world, world.root, account="ann", states=("pending",))] == [low]
    assert [row.position for row in await pages(world, world.root, group="bio", states=("pending",))] == [2]


async def test_reasons_come_from_the_last_plan_and_there_are_none_before_it(world, until):
    blocker = await world.submit(gpus=2)
    await world.one_pass()
    first = await world.submit(gpus=1)
    (row,) = (await world.jobs.page(world.ann, JobQuery(states=("pending",)))).items
    assert (row.id, row.reasons, row.expected_start) == (first, [], None)
    world.clock.time += 1
    await world.one_pass()
    await until(lambda: world.jobs._ahead.forecasts.made > 0)  # the first listing began it, beside the event loop
    (row,) = (await world.jobs.page(world.ann, JobQuery(states=("pending",)))).items
    assert [reason["code"] for reason in row.reasons] == ["GPUS_BUSY"]
    assert row.basis == "forecast"
    assert row.expected_start == world.books.live[JobId(str(blocker))].lease.expected_end
    second = await world.submit(gpus=1)
    rows = (await world.jobs.page(world.ann, JobQuery(states=("pending",)))).items
    assert [(row.id, len(row.reasons)) for row in rows] == [(first, 1), (second, 0)]


async def test_ended_jobs_come_newest_first_and_mixed_with_the_books(world):
    numbers = [await world.submit(gpus=1) for _ in range(3)]
    await world.one_pass()
    world.executor.end(numbers[0])
    await world.one_pass()
    world.executor.end(numbers[1])  # ended, and not on disk yet
    rows = await pages(world, world.ann, states=("completed", "running"), limit=1)
    assert [(row.id, row.state) for row in rows] == [
        (n, s) for n, s in zip(reversed(numbers), ("running", "completed", "completed"), strict=True)
    ]


async def test_who_has_left_the_queue_is_among_what_has_ended(world):
    number = await world.submit(gpus=1)
    await world.one_pass()
    world.executor.end(number)  # ended, and not on disk yet
    assert await pages(world, world.ann) == []
    asked = asyncio.create_task(pages(world, world.ann, states=("completed",)))
    await asyncio.sleep(0)
    await world.one_pass()
    assert [row.id for row in await asked] == [number]


@pytest.mark.parametrize("others", ["hidden", "redacted", "visible"])
async def test_what_others_see_is_a_setting(make, others):
    world = await make(privacy=PrivacySettings(others=others))
    await world.populate()
    running = await world.submit(world.bob, name="secret", gpus=1)
    await world.one_pass()
    ended = await world.submit(world.bob, name="secret")
    await world.jobs.cancel(world.bob, ended)
    rows = await pages(world, world.ann) + await pages(world, world.ann, states=("cancelled",))
    expected = {
        "hidden": [],
        "redacted": [(running, None, None, None), (ended, None, None, None)],
        "visible": [(running, "secret", "bob", "true"), (ended, "secret", "bob", "true")],
    }
    assert [(row.id, row.name, row.account, row.command_line) for row in rows] == expected[others]
    assert all(row.redacted is (others == "redacted") for row in rows)
    assert [row.name for row in await pages(world, world.bob)] == ["secret"]


@pytest.mark.parametrize("cursor", ["", "x", "W10", "WzFd", "WyJwZW5kaW5nIiwiYSJd", "bnVsbA"])
async def test_made_up_cursors_and_states_are_refused(world, cursor):
    await world.submit()
    if cursor:
        with pytest.raises(Refused) as refused:
            await world.jobs.page(world.ann, JobQuery(cursor=cursor))
        assert refused.value.code == "VALIDATION_ERROR"
    with pytest.raises(Refused, match="no state nonsense"):
        await world.jobs.page(world.ann, JobQuery(states=("nonsense",)))


@pytest.mark.parametrize("states", [(), ("completed",)])
@pytest.mark.parametrize(
    "parts",
    [
        ("pending", 10**400, 0, 1, 1, "1"),
        ("pending", 1, float("inf"), 1, 1, "1"),
        ("pending", 1, 0, 10**400, 1, "1"),
        ("running", 1e400),
        (10**30,),
        (-(10**30),),
    ],
)
async def test_numbers_beyond_all_bounds_in_a_cursor_are_no_defect(world, parts, states):
    await world.submit()
    try:
        page = await world.jobs.page(world.ann, JobQuery(states=states, cursor=cursors.encode(*parts)))
    except Refused as refused:
        assert refused.code == "VALIDATION_ERROR"
    else:
        assert not page.items


async def test_pages_neither_skip_nor_repeat_while_time_passes_and_the_queue_moves(world):
    jobs = [JobFields(command=["true"], gpus=2, priority=1 + n % 10, cpu_cores=1 + n % 4) for n in range(300)]
    numbers = [*await world.jobs.submit(world.ann, jobs), *await world.jobs.submit(world.bob, jobs)]
    first = await world.jobs.page(world.root, JobQuery(limit=100))
    world.clock.time += 100_000  # everybody's score has changed, and some have starved
    gone = [row.id for row in first.items[::2]]
    for number in gone:
        await world.jobs.cancel(world.root, number)
    seen, cursor = [row.id for row in first.items], first.cursor
    while cursor:
        page = await world.jobs.page(world.root, JobQuery(limit=100, cursor=cursor))
        seen += [row.id for row in page.items]
        cursor = page.cursor
    assert sorted(seen) == sorted(numbers)


async def test_the_walk_agrees_with_a_plain_sort_by_rank(world, key):
    for n in range(400):
        account = f"a{n % 7}"
        world.books.pending.add(key(account, priority=1 + n % 3), Waiting(float(n % 50), JobId(str(n))))
    snapshot = world.books.snapshot(1000.0)
    policy = world.engine.passes._policy
    ledger = Ledger(snapshot, policy)
    ranked = [
        (head_rank(group, at, snapshot.now, ledger, policy)[0], waiting.job)
        for group in snapshot.pending
        for at, waiting in enumerate(group.jobs)
    ]
    order = [job for _, job in sorted(ranked)]
    walk = list(places(snapshot.pending, snapshot, policy))
    assert [place.waiting.job for place in walk] == order
    for at in (0, 1, 57, 398, 399):
        rest = places(snapshot.pending, snapshot, policy, walk[at].rank)
        assert [place.waiting.job for place in rest] == order[at + 1 :]
    numbers = {job: at for at, job in enumerate(order[:COUNTED], 1)}
    assert positions(snapshot, policy, order) == numbers
    assert positions(snapshot, policy, order[3:9:2]) == {job: numbers[job] for job in order[3:9:2]}
    assert positions(snapshot, policy, []) == {}


async def test_a_page_deep_in_a_long_queue_costs_what_it_shows(world, key):
    keys = [key(f"a{n}", priority=1 + n % 10) for n in range(50)]
    jobs = ((keys[n % 50], Waiting(n * 1e-3, JobId(str(n + 1)))) for n in range(100_000))
    world.books.pending.add_all(jobs)
    snapshot = world.books.snapshot(world.clock.now())
    policy = world.engine.passes._policy
    groups = sorted(snapshot.pending, key=lambda group: group.key.owner.account)
    middle = next(iter(places([groups[3]], snapshot, policy))).rank
    began = time.perf_counter()
    for _ in range(5):
        next(places(groups, snapshot, policy, (middle[0], middle[1], 50.0, "")))
        positions(snapshot, policy, [JobId("1")])
    assert time.perf_counter() - began < 2  # walking all of it takes many times as long
