"""What attempts did with their cards over time: sharing, gaps, restarts, the end, jobs whose files are removed."""

from dataclasses import replace

import pytest

from engine.core.model import JobId
from engine.daemon.carduse import CardUse
from engine.daemon.series import EVERY_S
from engine.ports import Running
from engine.readings import GpuReading
from engine.store.jobfiles import Removal
from tests.daemon.test_measures import running

T0 = 1_000_010.0
"""Some time after the engine's own first reading."""


class Bench:
    """Feeds readings to an engine's series as the sampler does: card 0 has `uses` (MiB of each job)."""

    def __init__(self, world) -> None:
        self.world = world
        cards = [card.reading for card in world.books.cards.all()]
        self.cards = sorted(cards, key=lambda card: card.uuid not in world.books.leased())

    def read(self, at, uses=(), **values) -> None:
        self.world.clock.time = T0 + at
        readings = [
            replace(
                GpuReading(
                    uuid=card.uuid, index=card.index, model=card.model, memory_mb=card.memory_mb, read_at=T0 + at
                ),
                **values,
            )
            for card in self.cards
        ]
        jobs = {JobId(str(job)): size for job, size in dict(uses).items()}
        self.world.books.cards.update(readings, {self.cards[0].uuid: CardUse(held_mb=sum(jobs.values()), jobs=jobs)})
        self.world.engine.series.look(T0 + at)

    def of(self, job, attempt=1):
        return self.world.engine.series.of(JobId(str(job)))[attempt]


async def test_each_figure_at_each_step_and_null_where_nothing_was_read(world):
    job = await running(world)
    bench = Bench(world)
    bench.read(0, {job: 900}, utilization=0.5, power_w=200.0)
    bench.read(2.9, {job: 1000}, utilization=None, power_w=210.0)
    bench.world.engine.series.look(T0 + 4)  # the same readings again: nothing was read
    bench.read(6, {job: 1100}, utilization=0.7, power_w=None, present=True)
    life = bench.of(job)
    assert (life.gpus, life.start_at, life.step_s) == (1, T0, 2.0)
    assert life.points == [(0.5, 900, 200.0), (None, 1000, 210.0), (None, None, None), (0.7, 1100, None)]


async def test_sharers_have_their_parts(world):
    first = await running(world, gpu_share=True, gpu_memory_mb=1000)
    second = await running(world, gpu_share=True, gpu_memory_mb=3000)
    bench = Bench(world)
    bench.read(0, {first: 1000, second: 3000}, utilization=0.8, power_w=200.0)
    assert bench.of(first).points == [(0.4, 1000, 50.0)]
    assert bench.of(second).points == [(0.4, 3000, 150.0)]


async def test_it_is_written_each_minute_and_at_the_end_and_outlives_a_restart(make, hands):
    old = await make()
    await old.populate()
    job = await running(old)
    bench = Bench(old)
    bench.read(0, {job: 900}, utilization=0.5, power_w=200.0)
    await old.engine.passes.flush()  # what a pass does
    assert await old.store.series.of(job) == []
    bench.read(EVERY_S, {job: 900}, utilization=0.12345, power_w=33.333)
    bench.read(EVERY_S + 1, {job: 900}, utilization=0.2, power_w=50.0)  # killed before it was written down
    await old.engine.passes.flush()
    executor = hands()
    executor.found[JobId(str(job))] = Running(job=JobId(str(job)), attempt=1, pid=1, started_at=T0)
    new = await make(executor)
    await new.engine.recovery.run()
    bench = Bench(new)
    assert bench.of(job).points[-1] == (0.123, 900, 33.3)
    bench.read(EVERY_S + 4, {job: 700}, utilization=1.0, power_w=100.0)
    executor.end(job, ended_at=T0 + EVERY_S + 5)
    await new.engine.passes.flush()
    [kept] = await new.store.series.of(job)
    assert len(kept.points) == EVERY_S / 2 + 3
    assert kept.points[-2:] == [(None, None, None), (1.0, 700, 100.0)]
    assert bench.of(job).points[-1] == (1.0, 700, 100.0)


async def test_it_goes_with_the_jobs_files(world):
    job = await running(world)
    Bench(world).read(0, {job: 900}, utilization=0.5)
    world.executor.end(job)
    await world.engine.passes.flush()
    store = world.store
    assert len(await store.series.of(job)) == 1
    await store.job_files.remove([Removal(job=JobId(str(job)), why="age")], T0)
    assert await store.series.of(job) == []


async def test_a_clock_that_is_set_moves_it_along(world):
    job = await running(world)
    bench = Bench(world)
    bench.read(0, utilization=0.5)
    world.engine.series.clock_set(3600.0)
    bench.read(3602, utilization=0.7)
    assert bench.of(job).start_at == T0 + 3600
    assert [row[0] for row in bench.of(job).points] == pytest.approx([0.5, 0.7])
