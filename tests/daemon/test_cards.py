"""Cards: what a sample changes, what counts as a stranger's, heat, drain, readings that stop."""

import pytest

from engine.core.model import JobId
from engine.daemon.attribution import ProcessAttribution
from engine.gpu.unavailable import DriverUnavailable
from engine.protocol.errors import Refused
from engine.readings import GpuReading
from engine.store.audit import Filters


class Driver:
    """A provider whose readings the test writes."""

    def __init__(self, clock):
        self.clock = clock
        self.cards = {}
        self.error = None

    def read(self):
        if self.error:
            raise self.error
        return tuple(self._reading(index, values) for index, values in sorted(self.cards.items()))

    def nodes(self):
        return ()

    def _reading(self, index, values):
        given = {"model": "NVIDIA A100", "memory_mb": 1000, "memory_used_mb": 0, "temperature_c": 40.0} | values
        return GpuReading(uuid=f"GPU-{index}", index=index, read_at=self.clock.now(), **given)

    def close(self):
        pass


@pytest.fixture
async def driver(world):
    """The cards of `world` are this driver's from now on."""
    made = Driver(world.clock)
    made.cards = {0: {}, 1: {}}
    world.books.cards._cards.clear()
    world.engine.sampler._provider = made
    world.engine.sampler._attribution = ProcessAttribution(world.books)
    await world.engine.sampler.sample()
    await world.one_pass()
    world.engine.passes._due.clear()
    return made


async def woken(world):
    """Whether the next sample wakes a pass; if so, it happens."""
    world.engine.passes._due.clear()
    await world.engine.sampler.sample()
    due = world.engine.passes._due.is_set()
    if due:
        world.engine.passes._due.clear()
        await world.one_pass()
    return due


async def test_heat_that_crosses_a_line_wakes_a_pass_and_holds_until_the_resume_temperature(world, driver):
    driver.cards[0] = {"temperature_c": 74.9}
    assert await woken(world)  # past the resume temperature: matters to a card that is hot
    driver.cards[0] = {"temperature_c": 75.0}
    driver.cards[1] = {"temperature_c": 90.0}
    assert await woken(world)
    job = await world.submit(gpus=1)
    assert not await woken(world)
    await world.one_pass()
    assert [card.state for card in await world.box.gpus(world.ann)] == ["hot", "hot"]
    assert world.executor.launched == []
    driver.cards[0] = {"temperature_c": 70.0}
    assert await woken(world)
    assert world.executor.launched == []
    driver.cards[0] = {"temperature_c": 69.9}
    assert await woken(world)
    assert [launch.lease.gpus for launch in world.executor.launched] == [("GPU-0",)]
    assert await world.state_of(job) == "running"


async def test_a_strangers_memory_keeps_a_card_out_and_our_own_does_not(world, driver):
    driver.cards[0] = {"memory_used_mb": 501}
    driver.cards[1] = {"memory_used_mb": 500}
    assert await woken(world)
    first, second = await world.submit(gpus=1), await world.submit(gpus=1)
    await world.one_pass()
    assert [launch.lease.gpus for launch in world.executor.launched] == [("GPU-1",)]
    driver.cards[1] = {"memory_used_mb": 900}
    assert not await woken(world)
    assert [card.foreign_mb for card in await world.box.gpus(world.ann)] == [501, 0]
    world.executor.end(first)
    await world.one_pass()  # the last reading still shows our memory, and it is still ours
    assert [launch.job for launch in world.executor.launched] == [str(first), str(second)]


async def test_readings_that_stop_make_cards_missing_and_come_back(world, driver, caplog):
    driver.error = DriverUnavailable("the driver is gone")
    assert not await woken(world)
    assert not await woken(world)
    assert caplog.text.count("the driver is gone") == 1
    world.clock.time += 31
    assert await woken(world)
    assert [card.state for card in await world.box.gpus(world.ann)] == ["missing", "missing"]
    job = await world.submit(gpus=1)
    await world.one_pass()
    assert {reason["code"] for reason in (await world.jobs.why(world.ann, job)).reasons} >= {"GPU_QUARANTINED"}
    driver.error = None
    driver.cards[1] = {"present": False}
    assert await woken(world)
    assert [card.state for card in await world.box.gpus(world.ann)] == ["ok", "missing"]
    assert await world.state_of(job) == "running"


async def test_one_reading_at_a_time(world, driver, until):
    import asyncio
    import threading

    gate, calls = threading.Event(), []
    read = driver.read
    driver.read = lambda: (calls.append(1), gate.wait(5), read())[2]
    first = asyncio.create_task(world.engine.sampler.sample())
    await until(lambda: len(calls) == 1)
    await world.engine.sampler.sample()
    assert len(calls) == 1
    gate.set()
    await first


async def test_a_drained_card_gets_nothing_new_until_it_is_resumed(world):
    running = await world.submit(gpus=1)
    await world.one_pass()
    assert (await world.box.drain(world.root, "0", "fan")).state == "drained"
    await world.submit(gpus=2)
    await world.one_pass()
    assert await world.state_of(running) == "running"
    assert len(world.executor.launched) == 1
    world.executor.end(running)
    await world.one_pass()
    assert len(world.executor.launched) == 1
    uuid = (await world.box.gpus(world.ann))[0].uuid
    assert (await world.box.resume(world.root, uuid)).state == "ok"
    await world.one_pass()
    assert len(world.executor.launched) == 2
    filters = Filters(action="gpu.*")
    actions = [row.entry.action for row in await world.store.audit.page(limit=2, filters=filters)]
    assert actions == ["gpu.resume", "gpu.drain"]
    for who, target, code in ((world.ann, "0", "FORBIDDEN"), (world.root, "7", "NOT_FOUND")):
        with pytest.raises(Refused) as refused:
            await world.box.drain(who, target, None)
        assert refused.value.code == code
    with pytest.raises(Refused) as refused:
        await world.box.resume(world.root, "0")
    assert refused.value.code == "INVALID_STATE"


async def test_simulated_cards_feel_the_jobs_that_run_on_them(world):
    job = await world.submit(gpus=1, tags={"sim_load": "0.5", "sim_memory_mb": "2000"})
    await world.submit(gpus=1, tags={"sim_load": "much"}, gpu_memory_mb=3000)
    await world.one_pass()
    await world.engine.sampler.sample()
    first, second = await world.box.gpus(world.ann)
    assert (first.utilization, first.memory_used_mb, first.foreign_mb) == (0.5, 2000, 0)
    assert (second.utilization, second.memory_used_mb) == (0.9, 3000)
    world.executor.end(job)
    assert [card.foreign_mb for card in await world.box.gpus(world.ann)] == [0, 0]
    await world.engine.sampler.sample()
    assert (await world.box.gpus(world.ann))[0].utilization == 0
    assert JobId(str(job)) not in world.books.live


async def test_stats_and_health_tell_a_stalled_engine(world):
    assert (await world.box.health()).status == "starting"
    await world.submit(gpus=1, cpu_cores=2, memory_mb=100)
    await world.one_pass()
    health, stats = await world.box.health(), await world.box.stats(world.ann)
    assert (health.status, health.accounts, health.last_pass_age_s) == ("ok", True, 0)
    assert (stats.gpus_busy, stats.gpus_total, stats.cpu_cores_busy, stats.memory_mb_busy) == (1, 2, 2, 100)
    assert (stats.jobs["running"], stats.passes, stats.last_pass_at) == (1, 1, world.clock.now())
    world.clock.time += 61
    assert (await world.box.health()).status == "stalled"


async def test_each_subscriber_sees_events_with_its_own_eyes(world, until):
    import asyncio

    job = await world.submit(name="secret", gpus=1)
    await world.one_pass()
    mine, theirs = world.box.events(world.ann, None), world.box.events(world.bob, None)
    waiting = [asyncio.create_task(anext(stream)) for stream in (mine, theirs)]
    await until(lambda: len(world.engine.feed._subscribers) == 2)
    await world.engine.sampler.sample()
    first, second = [(await task).data["items"][0]["jobs"][0] for task in waiting]
    assert (first["id"], first["name"]) == (job, "secret")
    assert (second["id"], second["name"], second["group"]) == (None, None, "bio")
    live = world.books.live[JobId(str(job))]
    assert first["until"] == second["until"] == live.started_at + live.lease.key.shape.time_limit_s
    live.paused_since = world.clock.now()
    assert (await world.box.gpus(world.ann))[0].jobs[0].until is None
    live.paused_since = None
    assert (await anext(mine)).data["jobs"]["running"] == 1
    world.executor.end(job)
    await world.one_pass()
    assert (await anext(mine)).data == {"id": job, "state": "completed"}
