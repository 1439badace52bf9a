"""Booked reservations: which cards one gets, every refusal with its numbers, restarts, edges, who sees what."""

from dataclasses import replace

import pytest
import pytest_asyncio

from config.settings import GpuSettings, PrivacySettings, SchedulingSettings, SimulatedCard
from engine.api.asks import AccountChange, GroupChange, NewReservation
from engine.core.decisions import Plan, Reserve
from engine.core.model import GpuUuid, JobId
from engine.daemon.slots import pushed_back
from engine.protocol.errors import Refused
from engine.protocol.people import QuotaView

T0 = 1_000_000.0
"""Where the clock of these tests stands."""
HOUR = 3600


def scheduling(**values):
    return SchedulingSettings(cpu_cores=8, memory_mb=1000, **values)


def cards(count):
    return GpuSettings(provider="simulated", simulated=(SimulatedCard(count=count),))


@pytest_asyncio.fixture
async def box(make):
    """Four equal cards; a user may book three of them."""
    made = await make(gpu=cards(4), scheduling=scheduling(reserve_gpus=3))
    await made.populate()
    return made


def wish(*names, at=None, hours=1.0, gpus=None):
    return NewReservation(cards=names, gpus=gpus, start_at=at, duration_s=int(hours * HOUR))


async def book(world, who, *names, **values):
    return await world.engine.backend.reservations.reserve(who, wish(*names, **values))


async def refusal(world, who, *names, **values):
    """The refusal, after a look that nothing was changed by it."""
    before = world.books.slots.standing(world.clock.now())
    with pytest.raises(Refused) as found:
        await book(world, who, *names, **values)
    assert world.books.slots.standing(world.clock.now()) == before
    assert await world.store.slots.standing(0.0) == before
    return found.value


async def run(world, who, hours, gpus=1):
    """A job that runs now, with this time limit."""
    job = await world.submit(who, gpus=gpus, time_limit_s=int(hours * HOUR))
    await world.one_pass()
    assert await world.state_of(job) == "running"
    return job


# ---------------------------------------------------------------- what one gets


async def test_named_cards_are_booked_by_index_uuid_or_the_beginning_of_one(box):
    uuids = [card.reading.uuid for card in box.books.cards.all()]
    view = await book(box, box.ann, "0", uuids[2], uuids[2].lower(), at=T0 + HOUR)
    assert (view.gpu_indices, view.gpu_uuids) == ([0, 2], [uuids[0], uuids[2]])
    assert (view.start_at, view.end_at, view.created_at) == (T0 + HOUR, T0 + 2 * HOUR, T0)
    assert (view.id, view.account, view.group, view.active, view.mine) == (1, "ann", "bio", False, True)
    (slot,) = box.books.snapshot(T0).slots
    assert (slot.slot, slot.account, slot.gpus) == ("1", "ann", (uuids[0], uuids[2]))
    assert (slot.start, slot.end) == (view.start_at, view.end_at)


async def test_without_a_start_it_begins_now_and_a_minute_ago_is_now(box):
    assert (await book(box, box.ann, "0")).active
    view = await book(box, box.ann, "1", at=T0 - 59)
    assert (view.start_at, view.end_at, view.active) == (T0, T0 + HOUR, True)


async def test_a_count_gets_the_cards_that_are_free_longest_then_the_highest_index(box):
    assert (await book(box, box.ann, gpus=1, at=T0 + 9 * HOUR)).gpu_indices == [3]
    await run(box, box.bob, 2)  # on card 0
    await run(box, box.bob, 3)  # on card 1
    view = await book(box, box.ann, gpus=3, at=T0 + 4 * HOUR)
    assert view.gpu_indices == [0, 2, 3]


async def test_own_running_jobs_do_not_stand_in_the_way(box):
    await run(box, box.ann, 5)
    assert (await book(box, box.ann, "0", at=T0 + HOUR)).gpu_indices == [0]


async def test_slots_that_touch_do_not_overlap(box):
    await book(box, box.ann, "0", at=T0 + 2 * HOUR)
    assert (await book(box, box.bob, "0", at=T0 + HOUR)).end_at == T0 + 2 * HOUR
    assert (await book(box, box.bob, "0", at=T0 + 3 * HOUR)).id == 3


# ---------------------------------------------------------------- refusals


async def test_the_past_is_refused(box):
    refused = await refusal(box, box.ann, "0", at=T0 - 61)
    assert (refused.code, refused.details[0]["field"]) == ("INVALID_STATE", "start_at")
    assert "is past" in refused.message


async def test_too_long_for_a_user(box):
    refused = await refusal(box, box.ann, "0", hours=12.5)
    assert refused.code == "QUOTA_EXCEEDED"
    assert (refused.details[0]["limit_h"], refused.details[0]["wanted_h"]) == (12.0, 12.5)
    assert (await book(box, box.ann, "0", hours=12)).id == 1
    assert (await book(box, box.root, "1", hours=48)).id == 2


async def test_too_far_ahead_for_a_user(box):
    refused = await refusal(box, box.ann, "0", at=T0 + 15 * 86_400)
    assert refused.code == "QUOTA_EXCEEDED"
    assert (refused.details[0]["limit_days"], refused.details[0]["wanted_days"]) == (14.0, 15.0)
    assert (await book(box, box.ann, "0", at=T0 + 14 * 86_400)).id == 1
    assert (await book(box, box.root, "1", at=T0 + 60 * 86_400)).id == 2


async def test_too_many_cards_at_once_for_a_user(box):
    await book(box, box.ann, "0", "1", at=T0 + HOUR)
    refused = await refusal(box, box.ann, gpus=2, at=T0 + 1.5 * HOUR)
    numbers = {"limit": 3, "used": 2, "wanted": 2}
    assert refused.code == "QUOTA_EXCEEDED"
    assert refused.details[0] == {**refused.details[0], **numbers}
    assert (await book(box, box.ann, gpus=2, at=T0 + 2 * HOUR)).gpu_indices == [2, 3]
    assert (await book(box, box.root, gpus=4, at=T0 + 9 * HOUR)).gpu_indices == [0, 1, 2, 3]


async def test_users_may_not_book_where_that_is_set(make):
    world = await make(scheduling=scheduling(reserve_max_h=0))
    await world.populate()
    refused = await refusal(world, world.ann, "0")
    assert refused.code == "FORBIDDEN"
    assert "reserve_max_h" in refused.message
    assert (await book(world, world.root, "0")).id == 1


@pytest.mark.parametrize("scope", ["account", "group"])
@pytest.mark.parametrize(
    ("quota", "resource"), [(QuotaView(gpus=1), "gpus"), (QuotaView(gpus_by_type={"a6000": 1}), "gpus:a6000")]
)
async def test_a_booking_keeps_to_the_gpu_quotas(box, scope, quota, resource):
    if scope == "account":
        await box.people.change_account(box.root, "ann", AccountChange(quota=quota))
    else:
        await box.people.change_group(box.root, "bio", GroupChange(quota=quota))
    refused = await refusal(box, box.ann, gpus=2)
    expected = {"scope": scope, "resource": resource, "limit": 1, "used": 0, "wanted": 2}
    assert refused.code == "QUOTA_EXCEEDED"
    assert refused.details[0] == {**refused.details[0], **expected}
    await book(box, box.ann, gpus=1)
    assert (await refusal(box, box.ann, gpus=1)).details[0]["used"] == 1
    assert (await book(box, box.ann, gpus=1, at=T0 + HOUR)).id == 2


async def test_an_overlap_tells_the_card_and_the_earliest_start_that_works(box):
    await book(box, box.bob, "0", at=T0 + HOUR)
    await book(box, box.bob, "0", at=T0 + 3 * HOUR)
    refused = await refusal(box, box.ann, "0", "1", at=T0, hours=1.5)
    (detail,) = refused.details
    assert refused.code == "INVALID_STATE"
    assert (detail["gpu"], detail["until"], detail["booked"]) == (0, T0 + 2 * HOUR, True)
    assert detail["earliest_start"] == T0 + 4 * HOUR  # the gap between the two is an hour only
    assert "bob" not in refused.message
    assert (await book(box, box.ann, "0", "1", at=detail["earliest_start"], hours=1.5)).id == 3


async def test_a_running_jobs_time_limit_tells_until_when_and_not_whose(box):
    job = await run(box, box.bob, 3)
    refused = await refusal(box, box.ann, "0", at=T0 + HOUR)
    (detail,) = refused.details
    assert refused.code == "INVALID_STATE"
    assert (detail["gpu"], detail["until"], detail["booked"]) == (0, T0 + 3 * HOUR, False)
    assert detail["earliest_start"] == T0 + 3 * HOUR
    assert "bob" not in refused.message
    assert f"job {job}" not in refused.message
    assert (await book(box, box.ann, "0", at=detail["earliest_start"])).id == 1


async def test_a_job_past_its_time_limit_is_in_the_way_until_it_is_gone(box):
    await run(box, box.bob, 1)
    box.clock.time = T0 + HOUR + 5
    await box.engine.sampler.sample()  # or the cards would count as missing
    refused = await refusal(box, box.ann, "0")
    assert refused.details[0]["until"] > box.clock.now()
    box.executor.end(1)
    assert (await book(box, box.ann, "0")).active


async def test_too_few_cards_are_free_for_a_count(box):
    await run(box, box.bob, 3)
    await book(box, box.bob, "1", at=T0 + HOUR)
    refused = await refusal(box, box.ann, gpus=3, at=T0 + HOUR)
    assert refused.code == "INVALID_STATE"
    assert [(one["gpu"], one["booked"]) for one in refused.details] == [(0, False), (1, True)]
    assert refused.details[0]["earliest_start"] == T0 + 2 * HOUR  # then card 1 is free again
    assert (await book(box, box.ann, gpus=3, at=T0 + 2 * HOUR)).gpu_indices == [1, 2, 3]


async def test_a_drained_or_missing_card_is_refused_and_never_chosen(box):
    await box.box.drain(box.root, "3", None)
    refused = await refusal(box, box.ann, "2", "3")
    assert refused.code == "INVALID_STATE"
    assert "GPU 3 is drained" in refused.message
    gone = box.books.cards.all()[2].reading
    box.books.cards.update([replace(gone, present=False)], {})
    assert "GPU 2 is missing" in (await refusal(box, box.ann, "2")).message
    refused = await refusal(box, box.ann, gpus=3)
    assert (refused.code, refused.details[0]["most"]) == ("INVALID_STATE", 2)
    assert (await book(box, box.ann, gpus=2)).gpu_indices == [0, 1]


async def test_cards_that_are_not_there(box):
    for name in ("4", "GPU-nowhere", "٣"):
        assert (await refusal(box, box.ann, name)).code == "NOT_FOUND"
    assert (await refusal(box, box.ann, "GPU-")).code == "VALIDATION_ERROR"
    refused = await refusal(box, box.root, gpus=5)
    assert (refused.code, refused.details[0]["most"]) == ("IMPOSSIBLE_REQUEST", 4)


# ---------------------------------------------------------------- taking back, seeing, restarts


async def test_a_booking_is_taken_back_by_its_account_or_an_admin(box):
    slots = box.engine.backend.reservations
    for name in ("0", "1"):
        await book(box, box.ann, name)
    for who, number, code in ((box.bob, 1, "FORBIDDEN"), (box.ann, 9, "NOT_FOUND")):
        with pytest.raises(Refused) as found:
            await slots.unreserve(who, number)
        assert found.value.code == code
    assert (await slots.unreserve(box.ann, 1)).id == 1
    assert (await slots.unreserve(box.root, 2)).id == 2
    assert box.books.snapshot(T0).slots == ()
    with pytest.raises(Refused):
        await slots.unreserve(box.ann, 1)
    assert (await book(box, box.bob, "0")).id == 3
    entries = [row.entry for row in await box.store.audit.page(limit=5)]
    told = [(entry.account, entry.action, entry.target) for entry in entries]
    assert told == [
        ("bob", "reservation.add", "3"),
        ("root", "reservation.remove", "2"),
        ("ann", "reservation.remove", "1"),
        ("ann", "reservation.add", "2"),
        ("ann", "reservation.add", "1"),
    ]
    assert entries[4].detail["after"]["end_at"] == T0 + HOUR


@pytest.mark.parametrize(("others", "seen"), [("redacted", None), ("hidden", None), ("visible", "ann")])
async def test_that_a_card_is_booked_is_seen_by_all_and_by_whom_as_privacy_is_set(make, others, seen):
    world = await make(privacy=PrivacySettings(others=others))
    await world.populate()
    await book(world, world.ann, "1", at=T0 + HOUR, hours=2)
    slots = world.engine.backend.reservations
    accounts = {}
    for who in (world.ann, world.bob, world.root):
        (view,) = await slots.reservations(who)
        first, second = await world.box.gpus(who)
        assert first.slot is None
        group = None if others == "hidden" and who is world.bob else "bio"
        assert (second.slot.account, second.slot.group) == (view.account, group)
        assert view.group == group
        assert (second.slot.starts_in_s, second.slot.ends_in_s) == (HOUR, 3 * HOUR)
        accounts[who.account] = (view.account, view.mine)
    assert accounts == {"ann": ("ann", True), "bob": (seen, False), "root": ("ann", True)}


async def test_a_card_shows_the_slot_that_is_on_else_the_next_one(box):
    await book(box, box.ann, "0", at=T0 + 5 * HOUR)
    await book(box, box.bob, "0", at=T0 + HOUR)

    async def shown():
        return (await box.box.gpus(box.root))[0].slot

    assert (await shown()).account == "bob"
    box.clock.time = T0 + 1.5 * HOUR
    assert ((await shown()).starts_in_s, (await shown()).ends_in_s) == (0.0, 0.5 * HOUR)
    box.clock.time = T0 + 2 * HOUR
    assert (await shown()).account == "ann"
    box.clock.time = T0 + 6 * HOUR
    assert await shown() is None


async def test_a_booking_survives_a_restart_and_one_that_is_over_stays_in_the_table_only(make):
    first = await make()
    await first.populate()
    await book(first, first.ann, "0")
    later = await book(first, first.ann, "1", at=T0 + 5 * HOUR)
    taken_back = await book(first, first.ann, "0", at=T0 + 5 * HOUR)
    await first.engine.backend.reservations.unreserve(first.ann, taken_back.id)
    await first.store.close()
    first.clock.time = T0 + HOUR
    again = await make()
    assert [view.id for view in await again.engine.backend.reservations.reservations(again.ann)] == [later.id]
    assert [slot.slot for slot in again.books.snapshot(again.clock.now()).slots] == ["2"]
    assert len(await again.store.slots.all()) == 3
    assert (await book(again, again.ann, "0")).id == 4


async def test_a_slot_that_is_over_leaves_the_books(box):
    await book(box, box.ann, "0")
    box.clock.time = T0 + HOUR
    assert await box.engine.backend.reservations.reservations(box.ann) == []
    assert box.books.snapshot(box.clock.now()).slots == ()
    with pytest.raises(Refused) as found:
        await box.engine.backend.reservations.unreserve(box.ann, 1)
    assert found.value.code == "NOT_FOUND"


async def test_a_failed_write_leaves_nothing_booked_and_nothing_taken_back(box):
    await book(box, box.ann, "0")
    standing = box.books.slots.standing(T0)
    await box.store.writer.close()
    for call in (book(box, box.ann, "1"), box.engine.backend.reservations.unreserve(box.ann, 1)):
        with pytest.raises(Refused) as found:
            await call
        assert found.value.code == "SERVICE_NOT_READY"
    assert box.books.slots.standing(T0) == standing


# ---------------------------------------------------------------- edges and promises


async def test_each_edge_calls_for_the_next_and_wakes_a_pass(box):
    armed, slots = [], box.engine.slots
    slots.arm = armed.append
    slots.arm_next()
    assert armed == []
    await book(box, box.ann, "0", at=T0 + HOUR)
    await book(box, box.ann, "1")
    assert armed == [T0 + HOUR, T0 + HOUR]
    box.clock.time = T0 + HOUR
    passes = box.engine.passes
    passes._due.clear()
    await slots.edge()
    assert passes._due.is_set()
    assert armed[-1] == T0 + 2 * HOUR
    box.clock.time = T0 + 2 * HOUR
    await slots.edge()
    assert armed[-1] == T0 + 2 * HOUR


async def test_followers_are_told(box):
    feed = box.box.events(box.bob, 0)  # of an engine before this one: look at everything again
    await book(box, box.ann, "0")
    kinds = [(await anext(feed)).kind for _ in range(3)]
    assert (kinds[0], set(kinds[1:])) == ("queue", {"reservations", "gpus"})


async def test_a_booking_tells_how_many_promised_starts_it_moves(make):
    world = await make()
    await world.populate()
    await run(world, world.bob, 2, gpus=2)
    waits = await world.submit(world.ann, gpus=1, time_limit_s=HOUR)
    world.clock.time = T0 + 1
    await world.one_pass()
    assert (await world.jobs.show(world.ann, waits)).expected_start == T0 + 2 * HOUR
    late = await book(world, world.root, gpus=2, at=T0 + 3 * HOUR)
    assert late.promises_moved == 0  # the job is over by then
    soon = await book(world, world.root, gpus=2, at=T0 + 2 * HOUR)
    assert soon.promises_moved == 1
    await world.one_pass()
    assert (await world.jobs.show(world.ann, waits)).expected_start == T0 + 4 * HOUR


def test_a_start_that_comes_later_or_is_promised_no_more_is_pushed_back(key):
    shape = key(gpus=1)

    def promise(job, at):
        return Reserve(
            job=JobId(job), key=shape, gpus=(GpuUuid("a"),), start_at=at, end_at=at + 9, score=1.0, reasons=()
        )

    def planned(*promises):
        return Plan(now=10.0, starts=(), reservations=promises, holds=(), hot=frozenset())

    before = planned(promise("1", 20.0), promise("2", 30.0), promise("3", 40.0), promise("4", 50.0))
    after = planned(promise("1", 20.0), promise("2", 31.0), promise("4", 45.0), promise("5", 60.0))
    assert pushed_back(before, after) == 2
    assert pushed_back(after, after) == 0
