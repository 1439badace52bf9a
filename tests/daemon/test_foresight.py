"""Why, when and what would help, through a whole engine: forecasts, holders, helps, the planned future."""

import asyncio
from dataclasses import replace

import pytest

from config.settings import PrivacySettings, SchedulingSettings
from engine.api.asks import GroupChange, JobQuery
from engine.core import forecast as forecasting
from engine.core.forecast import Bounds
from engine.core.model import AccountName, GpuUuid, JobId
from engine.core.policy import Policy
from engine.core.snapshot import Claim, Slot
from engine.daemon.forecasts import Forecasts
from engine.protocol.fields import JobFields
from engine.protocol.people import QuotaView
from tests.daemon.clusterhands import Cluster, clustered, handed


def cards_of(world):
    return [card.reading.uuid for card in world.books.cards.all()]


@pytest.fixture
async def crowd(world):
    """Two cards: ann has one for 600 s, bob the other for 1000 s; then ten jobs of ann's, 100 s each on both cards."""
    await world.submit(world.ann, gpus=1, time_limit_s=600, name="mine")
    await world.submit(world.bob, gpus=1, time_limit_s=1000, name="secret")
    await world.one_pass()
    world.waiting = [await world.submit(world.ann, gpus=2, time_limit_s=100) for _ in range(10)]
    await world.one_pass()
    return world


async def test_the_first_are_promised_a_start_and_the_others_a_forecast(crowd):
    told = [await crowd.jobs.why(crowd.ann, job) for job in crowd.waiting]
    assert [why.basis for why in told] == ["promised"] * 8 + ["forecast"] * 2
    starts = [why.expected_start - crowd.clock.now() for why in told]
    assert starts == pytest.approx([1000 + 100 * at for at in range(10)])
    assert all(why.later_than is None for why in told)
    assert told[0].reserved_gpus == [0, 1] and told[9].reserved_gpus == []


async def test_one_forecast_serves_everybody_until_the_world_changes(crowd):
    last = crowd.waiting[-1]
    made = crowd.jobs._ahead.forecasts  # counted, not looked into
    made._timer = lambda: 0.0  # none takes long, however busy the machine is
    await asyncio.gather(*(crowd.jobs.why(crowd.ann, last) for _ in range(20)))
    before = made.made
    assert before == 1
    await crowd.jobs.why(crowd.ann, last)
    assert made.made == before
    await crowd.submit(crowd.bob, gpus=1, time_limit_s=50)
    await crowd.jobs.why(crowd.ann, last)
    assert made.made == before + 1
    crowd.clock.time += 31
    await crowd.jobs.why(crowd.ann, last)
    assert made.made == before + 2


async def test_a_forecast_holds_while_somebody_waits_in_the_clusters_queue(make, until):
    world = clustered(await make(Cluster()))
    await world.populate()
    await handed(world, until)
    forecasts = world.jobs._ahead.forecasts
    first = await forecasts.current()
    world.clock.time += 1
    assert await forecasts.current() is first


async def test_a_costly_forecast_rests_unless_somebody_new_asks(crowd):
    """It took five seconds by this timer, so it is good for a hundred, though the world moves on."""
    ticks = iter([0.0, 5.0, 50.0, 60.0, 61.0, 400.0, 400.0, 401.0])
    forecasts = Forecasts(
        books=crowd.books, policy=Policy(), bounds=Bounds(), clock=crowd.clock, timer=lambda: next(ticks)
    )
    old = JobId(str(crowd.waiting[-1]))
    first = await forecasts.covering(old)
    new = JobId(str(await crowd.submit(crowd.bob, gpus=2, time_limit_s=50)))
    assert await forecasts.covering(old) is first
    assert new not in first.starts
    fresh = await forecasts.covering(new)
    assert fresh is not first and new in fresh.starts
    await crowd.submit(crowd.bob, gpus=1)
    assert await forecasts.covering(new) is not fresh
    assert forecasts.made == 3


async def test_rows_show_the_last_forecast_without_waiting_for_one(crowd, until):
    async def basis():
        page = await crowd.jobs.page(crowd.ann, JobQuery(states=("pending",), limit=50))
        return [row.basis for row in page.items]

    crowd.clock.time += 1
    await crowd.one_pass()
    assert await basis() == ["promised"] * 8 + [None] * 2
    await until(lambda: crowd.jobs._ahead.forecasts.made > 0)
    assert await basis() == ["promised"] * 8 + ["forecast"] * 2
    assert (await crowd.jobs.show(crowd.ann, crowd.waiting[9])).basis == "forecast"


async def test_rows_keep_what_is_foreseen_while_a_fresh_forecast_is_made(crowd, until):
    async def basis():
        page = await crowd.jobs.page(crowd.ann, JobQuery(states=("pending",), limit=50))
        return [row.basis for row in page.items]

    made = crowd.jobs._ahead.forecasts
    made._timer = lambda: crowd.clock.time  # none takes long, and the rest between two is over each time
    crowd.clock.time += 1
    await crowd.one_pass()
    await basis()
    for so_far in (1, 2):
        await until(lambda so_far=so_far: made.made == so_far and made._task is None)
        crowd.clock.time += 20
        assert await basis() == ["promised"] * 8 + ["forecast"] * 2, "looked at now and then, it never grows too old"


async def test_what_lies_behind_the_horizon_is_later_than_it(make):
    world = await make(scheduling=SchedulingSettings(cpu_cores=4, memory_mb=1000, reservations=1, forecast_h=0.1))
    await world.populate()
    for _ in range(4):
        await world.submit(gpus=2, time_limit_s=300)
    await world.one_pass()
    last = await world.jobs.why(world.ann, 4)
    assert (last.expected_start, last.basis, last.later_than) == (None, None, world.clock.now() + 360)


async def test_holders_are_told_as_far_as_one_may_know_them(make, crowd):
    why = await crowd.jobs.why(crowd.ann, crowd.waiting[0])
    now = crowd.clock.now()
    assert [
        (one.id, one.account, one.group, one.gpus, one.since, one.until - now, one.basis) for one in why.holders
    ] == [
        (1, "ann", "bio", [0], now, 600, "time limit"),
        (None, None, "chem", [1], now, 1000, "time limit"),
    ]
    assert all(one.codes == ["GPUS_BUSY"] and not one.ending for one in why.holders)
    for others, seen in (("hidden", [1]), ("visible", [1, 2])):
        again = await make(privacy=PrivacySettings(others=others))
        again.books.live.update(crowd.books.live)
        again.books.cards = crowd.books.cards
        for group in crowd.books.pending.groups():
            again.books.pending.add_all((group.key, waiting) for waiting in group.jobs)
        told = await again.engine.backend.jobs._ahead.whys.why(again.ann, group.key, group.jobs[0])
        assert [one.id for one in told.holders] == seen


async def test_a_quota_names_who_holds_it_and_what_would_help(world):
    await world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(gpus=1)))
    first = await world.submit(gpus=1, time_limit_s=600)
    await world.one_pass()
    second = await world.submit(gpus=1, time_limit_s=600)
    why = await world.jobs.why(world.ann, second)
    assert [reason["code"] for reason in why.reasons] == ["QUOTA_REACHED"]
    assert [(one.id, one.codes) for one in why.holders] == [(first, ["QUOTA_REACHED"])]
    assert (why.basis, why.expected_start) == ("forecast", world.clock.now() + 600)
    (help_,) = why.helps
    assert help_["start_at"] == world.clock.now()
    (change,) = help_["changes"]
    assert change == {
        "code": "RAISE_QUOTA", "scope": "group", "name": "bio", "resource": "gpus", "limit": 1, "by": 1, "each": False,
    }  # fmt: skip
    await world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(gpus=2)))
    await world.one_pass()
    assert await world.state_of(second) == "running"


async def test_helps_of_a_changed_world_are_tried_anew(crowd):
    job = crowd.waiting[0]
    assert (await crowd.jobs.why(crowd.ann, job)).helps == []
    crowd.executor.end(1)
    helps = (await crowd.jobs.why(crowd.ann, job)).helps
    assert [change["code"] for change in helps[0]["changes"]] == ["FEWER_GPUS"]


async def test_a_claim_is_told(crowd, monkeypatch):
    job = crowd.waiting[0]
    real = crowd.books.snapshot
    (group,) = real(crowd.clock.now()).pending
    waiting = group.jobs[0]
    claim = Claim(
        job=waiting.job, key=group.key, submitted_at=waiting.submitted_at, gpus=(GpuUuid(cards_of(crowd)[1]),)
    )
    monkeypatch.setattr(type(crowd.books), "snapshot", lambda books, now: replace(real(now), claims=(claim,)))
    assert (await crowd.jobs.why(crowd.ann, job)).claimed_gpus == [1]
    assert (await crowd.jobs.why(crowd.ann, crowd.waiting[1])).claimed_gpus == []


async def test_a_preview_is_foreseen_and_helped_like_a_job(crowd):
    told = await crowd.jobs.preview(crowd.ann, JobFields(command=["true"], gpus=2, time_limit_s=100))
    assert (told.basis, told.position, told.pending) == ("forecast", 11, 11)
    assert told.expected_start == pytest.approx(crowd.clock.now() + 2000)
    assert len(crowd.books.pending) == 10
    crowd.executor.end(2)
    told = await crowd.jobs.preview(crowd.ann, JobFields(command=["true"], gpus=2, time_limit_s=100))
    assert [change["code"] for change in told.helps[0]["changes"]] == ["FEWER_GPUS"]
    assert told.helps[0]["start_at"] == crowd.clock.now()


async def test_the_planned_future_by_card_within_privacy(crowd):
    planned = await crowd.jobs.planned(crowd.ann, 24)
    now = crowd.clock.now()
    assert [(card.index, card.state) for card in planned.cards] == [(0, "ok"), (1, "ok")]
    told = [
        (one.kind, one.id, one.name, one.gpus, round(one.start - now), round(one.end - now)) for one in planned.items
    ]
    assert told[:3] == [
        ("running", 1, "mine", [0], 0, 600),
        ("running", None, None, [1], 0, 1000),
        ("promised", crowd.waiting[0], None, [0, 1], 1000, 1100),
    ]
    assert told[-1] == ("forecast", crowd.waiting[9], None, [0, 1], 1900, 2000)
    assert [one.kind for one in planned.items].count("promised") == 8
    assert (planned.later, planned.known_until - now) == (0, 72 * 3600)
    foreign = await crowd.jobs.planned(crowd.bob, 0.5)
    assert [(one.id, one.redacted, one.group) for one in foreign.items if one.kind == "promised"] == [
        (None, True, "bio")
    ] * 8
    assert all(one.start < now + 1800 for one in foreign.items)


async def test_slots_are_part_of_the_planned_future(crowd, monkeypatch):
    real, now = crowd.books.snapshot, crowd.clock.now()
    slot = Slot(
        slot="1", account=AccountName("bob"), gpus=(GpuUuid(cards_of(crowd)[0]),), start=now + 3600, end=now + 7200
    )
    monkeypatch.setattr(type(crowd.books), "snapshot", lambda books, at: replace(real(at), slots=(slot,)))
    (mine,) = [one for one in (await crowd.jobs.planned(crowd.bob, 24)).items if one.kind == "slot"]
    (theirs,) = [one for one in (await crowd.jobs.planned(crowd.ann, 24)).items if one.kind == "slot"]
    assert (mine.account, mine.gpus, mine.start, mine.end, mine.basis) == ("bob", [0], now + 3600, now + 7200, "booked")
    assert (theirs.account, theirs.redacted) == (None, True)
    assert [one.kind for one in (await crowd.jobs.planned(crowd.bob, 0.5)).items].count("slot") == 0


async def test_the_loop_goes_on_while_a_forecast_is_made(crowd, monkeypatch):
    import threading

    gate, real = threading.Event(), forecasting.forecast

    def slow(*given):
        assert gate.wait(5)
        return real(*given)

    monkeypatch.setattr("engine.daemon.forecasts.forecast", slow)
    asked = asyncio.create_task(crowd.jobs.why(crowd.ann, crowd.waiting[9]))
    for _ in range(3):  # meanwhile people submit and list
        await crowd.submit(crowd.bob, gpus=1)
        await crowd.jobs.page(crowd.bob, JobQuery())
    assert not asked.done()
    gate.set()
    assert (await asked).basis == "forecast"
