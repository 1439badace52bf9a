"""Passes of an engine with a cluster are in the decision log as any others, and are decided again as they were."""

import random

import pytest

from engine.core.lifecycle import JobState
from engine.core.snapshot import CLUSTER
from engine.daemon.replay import read, replay
from engine.store.decisions import logged
from tests.daemon.clusterhands import Cluster, clustered

STEPS = 60


async def a_day(world, dice, until):
    """People submit; on the cluster jobs begin when it likes, and all end at some time."""
    for _ in range(STEPS):
        world.clock.time += dice.uniform(0.0, 1200.0)
        for _ in range(dice.choice([0, 1, 2, 3])):
            await world.submit(
                dice.choice([world.ann, world.bob]),
                cpu_cores=dice.choice([1, 2, 4]),
                gpus=dice.choice([0, 0, 1]) if world.books.capacity.alone is False else 0,
                anywhere=dice.random() < 0.7,
                priority=dice.randint(1, 10),
                time_limit_s=dice.choice([300, 3600, 20_000]),
            )
        for live in list(world.books.live.values()):
            begun = world.executor.queue.get((live.job, live.attempt))
            if live.state is JobState.RUNNING and dice.random() < 0.3:
                started = live.started_at
                world.executor.end(live.job, attempt=live.attempt, started_at=started, ended_at=world.clock.now())
            elif begun is not None and not begun.done() and dice.random() < 0.4:
                world.executor.begin(live.job, world.clock.now(), attempt=live.attempt, node="n1")
                await until(lambda live=live: live.state is JobState.RUNNING)
        await world.engine.passes.one()
        await until(lambda: all(live.tried for live in world.books.live.values()))


@pytest.mark.parametrize("alone", [True, False])
async def test_a_day_with_a_cluster_is_decided_again_as_it_was(make, until, alone):
    world = clustered(await make(Cluster()), alone=alone, after_s=600.0)
    await world.populate()
    await a_day(world, random.Random(11), until)
    await world.engine.runs.settle()
    await world.store.close()
    database = world.state / "rcq.db"
    replayed = replay(logged(database))
    assert replayed.differences == []
    records = [read(one) for one in logged(database)]
    assert len(records) > STEPS / 3
    places = {start.lease.place for record in records for start in record.moment.outcome.plan.starts}
    assert places == ({CLUSTER} if alone else {"", CLUSTER})
    assert any(lease.waits for record in records for lease in record.moment.snapshot.leases)
