"""What attempts did with their cards: energy, memory, utilization, through sharing, gaps, restarts and their end."""

from dataclasses import replace

import pytest

from config.settings import GpuSettings, SimulatedCard
from engine.core.model import JobId
from engine.daemon.carduse import CardUse
from engine.daemon.measures import EVERY_S
from engine.ports import Running
from engine.protocol.people import ServiceView
from engine.readings import GpuReading

T0 = 1_000_000.0


class Bench:
    """Feeds readings to an engine's measures as the sampler does. All cards are read at once."""

    def __init__(self, world) -> None:
        self.world = world
        self.cards = [card.reading for card in world.books.cards.all()]

    def read(self, at, uses=(), **values) -> None:
        """Every card at T0 + at; `uses`: MiB of each job on card 0; a list in `values` has one for each card."""
        self.world.clock.time = T0 + at
        readings = []
        for place, card in enumerate(self.cards):
            mine = {name: value[place] if isinstance(value, list) else value for name, value in values.items()}
            blank = GpuReading(
                uuid=card.uuid, index=card.index, model=card.model, memory_mb=card.memory_mb, read_at=T0 + at
            )
            readings.append(replace(blank, **mine))
        jobs = {JobId(str(job)): size for job, size in dict(uses).items()}
        self.world.books.cards.update(readings, {self.cards[0].uuid: CardUse(held_mb=sum(jobs.values()), jobs=jobs)})
        self.world.engine.measures.look(T0 + at)

    def of(self, job, attempt=1):
        return self.world.engine.measures.of(JobId(str(job)), attempt)


async def running(world, **fields) -> int:
    job = await world.submit(**{"gpus": 1, **fields})
    await world.one_pass()
    assert await world.state_of(job) == "running"
    return job


async def test_energy_is_what_the_counter_grew_by_while_the_job_had_the_card(world):
    bench = Bench(world)
    bench.read(-4, energy_j=0.0)  # before its start: nobody's
    world.clock.time = T0
    job = await running(world)
    bench.read(4, energy_j=800.0, power_w=10.0)
    assert bench.of(job).energy_j == pytest.approx(400.0)  # half of the eight seconds were its own
    bench.read(14, energy_j=1800.0, power_w=10.0)
    assert bench.of(job).energy_j == pytest.approx(1400.0)


async def test_a_counter_that_went_back_or_cannot_be_is_not_believed(world):
    bench = Bench(world)
    job = await running(world)
    bench.read(0, energy_j=5000.0, power_w=100.0)
    bench.read(10, energy_j=20.0, power_w=200.0)  # the driver was loaded again
    assert bench.of(job).energy_j == pytest.approx(1500.0)
    bench.read(20, energy_j=1e15, power_w=200.0)
    assert bench.of(job).energy_j == pytest.approx(3500.0)
    bench.read(30, power_w=100.0)
    assert bench.of(job).energy_j == pytest.approx(5000.0)


async def test_what_was_not_watched_counts_nowhere(world):
    bench = Bench(world)
    job = await running(world)
    bench.read(0, energy_j=0.0, utilization=1.0)
    bench.read(1000, energy_j=100_000.0, utilization=1.0)
    assert bench.of(job) is None
    bench.read(1010, energy_j=101_000.0, utilization=0.5, present=False)
    bench.read(1020, energy_j=102_000.0, utilization=0.5)
    assert bench.of(job) is None
    bench.read(1030, energy_j=103_000.0, utilization=0.5)
    assert (bench.of(job).energy_j, bench.of(job).gpu_s) == pytest.approx((1000.0, 10.0))


async def test_sharers_get_their_parts_by_memory_or_else_equal_ones(world):
    bench = Bench(world)
    first = await running(world, gpu_share=True, gpu_memory_mb=1000)
    second = await running(world, gpu_share=True, gpu_memory_mb=3000)
    assert len(world.books.leased()) == 1
    at = next(place for place, card in enumerate(bench.cards) if card.uuid in world.books.leased())
    bench.cards.insert(0, bench.cards.pop(at))  # `uses` are of the card that they share
    bench.read(0, energy_j=0.0, utilization=0.8)
    bench.read(10, {first: 1000, second: 3000}, energy_j=1000.0, utilization=0.8)
    assert [bench.of(job).energy_j for job in (first, second)] == pytest.approx([250.0, 750.0])
    bench.read(20, {first: 4000}, energy_j=2000.0, utilization=0.8)
    assert [bench.of(job).energy_j for job in (first, second)] == pytest.approx([750.0, 1250.0])
    assert [bench.of(job).busy_gpu_s for job in (first, second)] == pytest.approx([8.0, 8.0])
    assert [bench.of(job).peak_memory_mb for job in (first, second)] == [4000, 3000]


async def test_four_asked_one_used(make):
    world = await make(gpu=GpuSettings(provider="simulated", simulated=(SimulatedCard(count=4),)))
    await world.populate()
    bench = Bench(world)
    job = await running(world, gpus=4)
    bench.read(0, utilization=1.0)
    bench.read(0.5, utilization=1.0)  # of the last second: it may be of who was there before
    for at in range(2, 12):
        bench.read(at, {job: 100 * at}, utilization=[0.92, 0.0, 0.01, 0.049], power_w=100.0)
    seen = (await world.jobs.show(world.ann, job)).measures
    assert (seen.gpus, seen.gpus_used, seen.peak_gpu_memory_mb) == (4, 1, 1100)
    assert seen.gpu_utilization == pytest.approx((0.5 * 4 + 10.5 * 0.979) / (4 * 11))


async def test_a_card_that_tells_no_utilization_is_used_where_the_job_has_memory(world):
    bench = Bench(world)
    job = await running(world)
    bench.read(0)
    bench.read(10)
    assert bench.of(job).gpus_used == 0
    leased = next(place for place, card in enumerate(bench.cards) if card.uuid in world.books.leased())
    bench.cards.insert(0, bench.cards.pop(leased))
    bench.read(20, {job: 512})
    assert (bench.of(job).gpus_used, bench.of(job).gpu_s) == (1, 0.0)
    assert (await world.jobs.show(world.ann, job)).measures.gpu_utilization is None


async def test_a_job_without_cards_is_not_measured(world):
    job = await world.submit()
    await world.one_pass()
    await world.engine.sampler.sample()
    world.executor.end(job)
    await world.engine.passes.flush()
    shown = await world.jobs.show(world.ann, job)
    assert shown.measures is None
    assert [one.measures for one in shown.attempts] == [None]


async def test_the_end_is_counted_to_and_kept_with_it(world):
    bench = Bench(world)
    job = await running(world)
    bench.read(0, energy_j=0.0, power_w=100.0, utilization=1.0)
    bench.read(10, energy_j=1000.0, power_w=100.0, utilization=1.0)
    world.executor.end(job, ended_at=T0 + 15)
    before = (await world.jobs.show(world.ann, job)).attempts[-1].measures
    await world.engine.passes.flush()
    shown = await world.jobs.show(world.ann, job)
    assert before == shown.attempts[-1].measures == shown.measures
    assert shown.measures.energy_kwh * 3.6e6 == pytest.approx(1500.0)  # five more seconds at the last power
    assert (shown.measures.gpus, shown.measures.gpus_used) == (1, 1)
    energy = await world.store.measures.month("1970-01")
    assert energy[("account", "ann")] == energy[("group", "bio")] == pytest.approx(1500.0)


async def test_an_engine_that_is_killed_loses_a_minute_at_most_and_counts_nothing_twice(make, hands):
    old = await make()
    await old.populate()
    bench = Bench(old)
    await old.people.set_service(old.root, ServiceView(name="fold", jobs_per_account=None))
    job = await running(old, service="fold")
    for at in range(0, 70, 10):
        bench.read(at, {job: 700}, energy_j=100.0 * at, utilization=0.9)
    await old.engine.passes.flush()  # what a pass does
    bench.read(70, energy_j=7000.0, utilization=0.9)  # killed before it was written down
    assert EVERY_S <= 60
    executor = hands()
    started = Running(job=JobId(str(job)), attempt=1, pid=1, started_at=T0)
    executor.found[JobId(str(job))] = started
    new = await make(executor)
    await new.engine.recovery.run()
    bench = Bench(new)
    known = bench.of(job)
    assert (known.energy_j, known.peak_memory_mb, known.gpus_used) == (6000.0, 700, 1)
    bench.read(80, energy_j=100.0, utilization=0.0)  # the new engine has read them at 70 itself
    bench.read(90, energy_j=600.0, utilization=0.0, power_w=0.0)
    executor.end(job, ended_at=T0 + 91)
    await new.engine.passes.flush()
    shown = (await new.jobs.show(new.ann, job)).measures
    assert shown.energy_kwh * 3.6e6 == pytest.approx(6600.0)
    assert shown.gpus_used == 1
    month = await new.store.measures.month("1970-01")
    assert month[("service", "fold")] == month[("account", "ann")] == pytest.approx(6600.0)


async def test_usage_tells_energy_of_the_month_and_since(world):
    bench = Bench(world)
    job = await running(world)
    bench.read(0, energy_j=0.0)
    bench.read(20, energy_j=36_000.0)
    world.executor.end(job, ended_at=T0 + 20, started_at=T0)
    await world.engine.passes.flush()
    (bio,) = (await world.engine.backend.usages.usage(world.ann, None, T0 + 10)).items
    assert bio.month_energy_kwh == pytest.approx(0.01)
    assert bio.since_energy_kwh == pytest.approx(0.005)  # half of its time
    assert (bio.accounts[0].month_energy_kwh, bio.accounts[0].since_energy_kwh) == pytest.approx((0.01, 0.005))
    (plain,) = (await world.engine.backend.usages.usage(world.ann, None, None)).items
    assert plain.since_energy_kwh is None
