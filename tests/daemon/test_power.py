"""Power limits from the engine's inside: set before a job starts, back afterwards, whatever dies in between."""

import asyncio
import sqlite3

import pytest

from config.settings import GpuSettings, PowerSettings, SimulatedCard, ThermalSettings
from engine.core.model import GpuUuid
from engine.daemon import powercaps, tries
from engine.ports import Running
from engine.protocol.errors import RcqError, Refused
from engine.protocol.fields import JobFields
from engine.store.errors import WriteFailed


class Control:
    """Sets limits on the simulated cards, notes each call, and fails when told to."""

    def __init__(self, world):
        self.calls: list[tuple[str, float]] = []
        self.fails = 0
        self.why: str | None = None
        self._real = world.engine.provider

    def refusal(self) -> str | None:
        return self.why

    def set_limit(self, gpu: GpuUuid, watts: float):
        if self.fails:
            self.fails -= 1
            raise RcqError("the driver said no")
        self.calls.append((gpu, watts))
        self._real.set_limit(gpu, watts)


def take_over(world):
    """From now on limits are set through the test's control."""
    control = Control(world)
    world.engine.minders.power._control = control
    return control


async def opened(make, **groups):
    world = await make(None, **groups)
    await world.populate()
    control = take_over(world)
    await world.engine.minders.recover()
    return world, control


async def idle(world):
    """Until nothing of limits is under way."""
    caps = world.engine.minders.power
    while caps._tasks:
        await asyncio.gather(*caps._tasks)


def card(world, at: int = 0):
    return world.books.cards.all()[at].reading.uuid


async def limits(world):
    return {uuid: limit.set_w for uuid, limit in (await world.store.power_limits.all()).items()}


async def test_a_cap_is_in_force_before_the_job_starts_and_gone_after_it(make):
    world, control = await opened(make)
    own_w = world.books.cards.all()[0].reading.power_limit_w
    number = await world.submit(gpus=1, gpu_power_w=200)
    await world.one_pass()
    assert control.calls == [(card(world), 200.0)]
    assert len(world.executor.launched) == 1
    assert await limits(world) == {card(world): 200.0}
    await world.engine.sampler.sample()
    (shown, _) = await world.box.gpus(world.root)
    assert (shown.power_limit_w, shown.power_cap_w) == (200.0, 200.0)
    world.executor.end(number)
    await idle(world)
    assert control.calls[-1] == (card(world), own_w)
    assert await limits(world) == {}
    await world.engine.sampler.sample()
    (shown, _) = await world.box.gpus(world.root)
    assert (shown.power_limit_w, shown.power_cap_w) == (own_w, None)


async def test_the_plan_goes_by_the_cards_own_limit_while_a_cap_is_set_and_until_it_is_read_again(make):
    world, _ = await opened(make)
    own_w = world.books.cards.all()[0].reading.power_limit_w
    number = await world.submit(gpus=1, gpu_power_w=200)
    await world.one_pass()
    await world.engine.sampler.sample()
    assert world.books.cards.gpus(world.clock.now())[0].power_w == own_w
    world.executor.end(number)
    await idle(world)  # put back, and the last reading still shows the cap
    assert world.books.cards.all()[0].reading.power_limit_w == 200.0
    assert world.books.cards.gpus(world.clock.now())[0].power_w == own_w
    world.clock.time += 1
    await world.engine.sampler.sample()
    assert world.books.cards.gpus(world.clock.now())[0].power_w == own_w
    assert world.books.cards.before_w == {}


@pytest.fixture
def at_once(monkeypatch):
    """What did not work is tried again without a pause."""
    monkeypatch.setattr(powercaps, "RETRY_S", 0.0)
    monkeypatch.setattr(tries, "RETRY_S", 0.0)


async def test_a_driver_that_refuses_a_limit_now_and_then_costs_no_attempt(make, at_once):
    world, control = await opened(make)
    await world.submit(gpus=1, gpu_power_w=200)
    control.fails = powercaps.TRIES - 1
    await world.one_pass()
    assert [launch.attempt for launch in world.executor.launched] == [1]
    assert await limits(world) == {card(world): 200.0}


async def test_a_refused_limit_of_a_card_that_tells_none_is_not_taken_for_set(make, at_once):
    world, control = await opened(make)
    await world.submit(gpus=1, gpu_power_w=200)
    world.engine.minders.power._fresh_after[card(world)] = world.clock.now()  # as after another job's cap
    control.fails = 1
    await world.one_pass()
    assert control.calls == [(card(world), 200.0)]


async def test_a_full_disk_while_a_limit_is_set_costs_no_attempt(make, at_once, monkeypatch):
    world, control = await opened(make)
    keep, calls = world.store.power_limits.keep, []

    async def full(limit):
        calls.append(limit)
        if len(calls) < 5:
            raise WriteFailed("the disk is full")
        await keep(limit)

    monkeypatch.setattr(world.engine.minders.power._store, "keep", full)
    await world.submit(gpus=1, gpu_power_w=200)
    await world.one_pass()
    assert [launch.attempt for launch in world.executor.launched] == [1]
    assert control.calls == [(card(world), 200.0)]


async def test_a_limit_that_cannot_be_set_ends_the_start_with_a_clear_message(make, until, at_once):
    world, control = await opened(make)
    number = await world.submit(gpus=2, gpu_power_w=200)
    control.fails = powercaps.TRIES
    await world.engine.passes.one()
    await until(lambda: not world.books.live)
    await idle(world)
    await world.engine.passes.flush()
    shown = await world.jobs.show(world.root, number)
    assert (shown.state, shown.cause) == ("failed", "launch-error")
    assert shown.message == "The power limit of GPU 0 could not be set to 200 W: the driver said no"
    assert world.executor.launched == []
    assert await limits(world) == {}


async def test_a_limit_that_cannot_be_put_back_is_told_and_tried_again_with_each_sample(make):
    world, control = await opened(make)
    number = await world.submit(gpus=1, gpu_power_w=200)
    await world.one_pass()
    control.fails = 2
    world.executor.end(number)
    await idle(world)
    codes = [notice.code for notice in world.engine.minders.power._notices.of_account(None)]
    assert codes == ["POWER_NOT_RESTORED"]
    for _ in range(2):
        world.clock.time += 1
        await world.engine.sampler.sample()
        await idle(world)
    assert await limits(world) == {}
    assert list(world.engine.minders.power._notices.of_account(None)) == []


@pytest.mark.parametrize("alive", [True, False])
async def test_a_later_engine_keeps_the_caps_of_running_jobs_and_puts_all_others_back(make, alive):
    first, _ = await opened(make)
    own_w = first.books.cards.all()[0].reading.power_limit_w
    number = await first.submit(gpus=1, gpu_power_w=200)
    await first.one_pass()
    await first.engine.passes.flush()
    running = next(iter(first.books.live.values()))
    later = await make(None)  # the first one never closed anything: it was killed
    control = take_over(later)
    found = Running(job=running.job, attempt=1, pid=1, started_at=1_000_000.0)
    later.executor.found = {running.job: found if alive else None}
    await later.engine.recovery.run()
    await later.engine.minders.recover()
    await idle(later)
    if alive:
        assert await limits(later) == {card(later): 200.0}
        later.executor.end(number)
        await idle(later)
    assert control.calls[-1] == (card(later), own_w)
    assert await limits(later) == {}


async def test_what_was_before_is_on_disk_before_anything_is_set(make):
    world, control = await opened(make)
    seen: list[dict[str, float]] = []
    store, real = world.store.power_limits, control.set_limit
    await world.submit(gpus=1, gpu_power_w=200)

    def killed(gpu: GpuUuid, watts: float):
        with sqlite3.connect(world.state / "rcq.db") as db:
            seen.append(dict(db.execute("SELECT uuid, before_w FROM power_limits")))
        real(gpu, watts)

    control.set_limit = killed
    await world.one_pass()
    assert seen == [{card(world): world.books.cards.before_w[GpuUuid(card(world))]}]
    assert store is world.store.power_limits


async def test_a_driver_that_forgets_a_limit_is_told_again(make):
    world, control = await opened(make)
    await world.submit(gpus=1, gpu_power_w=200)
    await world.one_pass()
    world.engine.provider.set_limit(GpuUuid(card(world)), 300.0)
    world.clock.time += 1
    await world.engine.sampler.sample()
    await idle(world)
    assert control.calls == [(card(world), 200.0), (card(world), 200.0)]


HOT = ThermalSettings(power_cap=True, power_cap_share=0.8, threshold_c=75, resume_c=70)


async def test_hot_cards_at_work_are_capped_until_they_are_cool_or_idle(make):
    world, _ = await opened(make, thermal=HOT)
    number = await world.submit(gpus=1, tags={"sim_load": "1.0"})
    await world.one_pass()
    own_w = world.books.cards.all()[0].reading.power_limit_w
    assert own_w is not None
    for _ in range(400):
        world.clock.time += 10
        await world.engine.sampler.sample()
        await idle(world)
        if await limits(world):
            break
    assert await limits(world) == {card(world): pytest.approx(own_w * 0.8)}
    notices = world.engine.minders.power._notices
    world.clock.time += 1
    await world.engine.sampler.sample()
    assert [(one.code, one.numbers["limit_w"]) for one in notices.of_account(None)] == [("POWER_CAPPED", own_w)]
    world.executor.end(number)
    world.clock.time += 1
    await world.engine.sampler.sample()
    await idle(world)
    assert await limits(world) == {}
    assert list(notices.of_account(None)) == []


async def test_an_engine_that_ends_lifts_the_caps_of_hot_cards_and_leaves_those_of_jobs(make):
    world, control = await opened(make)
    await world.submit(gpus=1, gpu_power_w=200)
    await world.one_pass()
    caps = world.engine.minders.power
    caps.hold_hot({GpuUuid(card(world, 0)): 150.0, GpuUuid(card(world, 1)): 240.0})
    await idle(world)
    assert await limits(world) == {card(world, 0): 150.0, card(world, 1): 240.0}
    await caps.close()
    assert await limits(world) == {card(world, 0): 200.0}
    assert control.calls[-2:] == [
        (card(world, 0), 200.0),
        (card(world, 1), world.books.cards.all()[1].reading.power_limit_w),
    ]


@pytest.mark.parametrize(
    ("watts", "told"),
    [(5, "can be held to"), (100_000, "can be held to")],
)
async def test_watts_that_no_card_takes_are_refused_with_numbers(make, watts, told):
    world, _ = await opened(make)
    (answer,) = await world.jobs.submit(world.ann, [JobFields(command=["true"], gpus=1, gpu_power_w=watts)])
    assert isinstance(answer, Refused)
    assert (answer.code, told in answer.message) == ("VALIDATION_ERROR", True)


async def test_where_limits_cannot_be_set_the_field_is_refused_at_submission(make):
    world, control = await opened(make)
    control.why = "Power limits need root."
    assert await world.engine.minders.power.prepare(await running(world)) == (
        "The power limit of its cards cannot be set: Power limits need root."
    )


async def running(world):
    await world.submit(gpus=1, gpu_power_w=200)
    world.engine.runs.preparing.clear()
    await world.one_pass()
    return next(iter(world.books.live.values()))


async def test_the_budget_of_the_settings_makes_the_second_job_wait_with_its_reason(make):
    box = GpuSettings(provider="simulated", simulated=(SimulatedCard(count=2),))
    world, _ = await opened(make, gpu=box, power=PowerSettings(budget_w=400.0, idle_w=25.0))
    own_w = world.books.cards.all()[0].reading.power_limit_w
    assert own_w is not None
    await world.submit(gpus=1)
    second = await world.submit(world.bob, gpus=1)
    await world.one_pass()
    assert len(world.executor.launched) == 1
    why = await world.jobs.why(world.root, second)
    assert [(one["code"], one["wanted_w"], one["budget_w"]) for one in why.reasons] == [
        ("POWER_BUDGET", own_w - 25.0, 400.0)
    ]
    (answer,) = await world.jobs.submit(world.ann, [JobFields(command=["true"], gpus=2)])
    assert isinstance(answer, Refused)
    assert answer.code == "IMPOSSIBLE_REQUEST"
    assert "the host's power budget is 400 W" in answer.message
    stats = await world.box.stats(world.root)
    assert stats.power_budget_w == 400.0
    assert stats.power_w is not None
