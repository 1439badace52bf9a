"""A new engine finds what an earlier one handed to a cluster, also where that is away, or this host was restarted."""

from dataclasses import replace

import pytest
import pytest_asyncio

from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid, JobId
from engine.daemon import recovery
from engine.ports import Running
from tests.daemon.clusterhands import Cluster, clustered, handed, live_of, reborn


@pytest_asyncio.fixture
async def world(make):
    made = await make(Cluster())
    await made.populate()
    return clustered(made)


async def test_one_that_waits_there_is_found_by_the_next_engine_as_the_same_attempt(world, until, make):
    number = await handed(world, until)
    new = await reborn(world, make, **{f"_{number}": None})
    await new.engine.recovery.run()
    await until(lambda: new.executor.handed == [(str(number), 1)])
    began = new.clock.now() - 40.0  # long ago, and no sign of a clock that was set
    new.executor.begin(number, began, node="n2")
    await until(lambda: live_of(new, number).state is JobState.RUNNING)
    assert (live_of(new, number).node, live_of(new, number).lease.started_at) == ("n2", began)


async def test_one_that_began_meanwhile_is_taken_up_with_its_node(world, until, make, caplog):
    number = await handed(world, until)
    name, began = JobId(str(number)), world.clock.now() + 500.0
    world.clock.time += 600
    running = Running(job=name, attempt=1, pid=None, started_at=began, node="n3")
    new = await reborn(world, make, **{f"_{number}": running})
    await new.engine.recovery.run()
    live = live_of(new, number)
    assert (live.state, live.node, live.lease.started_at) == (JobState.RUNNING, "n3", began)
    assert "the clock was set" not in caplog.text


@pytest.mark.parametrize("state", [JobState.SCHEDULED, JobState.RUNNING])
async def test_an_engine_that_starts_while_the_cluster_is_away_asks_until_it_answers(
    world, until, make, monkeypatch, state
):
    monkeypatch.setattr(recovery, "ASK_S", 0.005)
    number = await handed(world, until)
    running = Running(job=JobId(str(number)), attempt=1, pid=None, started_at=world.clock.now(), node="n1")
    if state is JobState.RUNNING:
        world.executor.begin(number, running.started_at, node="n1")
        await until(lambda: live_of(world, number).state is state)
    new = await reborn(world, make, **{f"_{number}": running})
    new.executor.away = True
    new.engine.recovery._boot_id = "another"
    await new.engine.recovery.run()
    await new.engine.passes.one()
    assert await new.state_of(number) == state.value
    new.executor.away = False
    await until(live_of(new, number).settled.is_set)
    assert (live_of(new, number).state, live_of(new, number).node) == (JobState.RUNNING, "n1")


async def test_an_engine_that_ends_while_the_cluster_is_away_asks_no_more(world, until, make):
    number = await handed(world, until)
    new = await reborn(world, make, **{f"_{number}": None})
    new.executor.away = True
    await new.engine.recovery.run()
    await new.engine.recovery.close()
    assert not new.engine.recovery._later
    assert await new.state_of(number) == "scheduled"


async def test_a_restart_of_this_host_ends_nothing_there(world, until, make):
    number = await handed(world, until)
    world.executor.begin(number, world.clock.now(), node="n1")
    await until(lambda: live_of(world, number).state is JobState.RUNNING)
    new = await reborn(world, make, **{f"_{number}": None})
    new.engine.recovery._boot_id = "another"
    await new.engine.recovery.run()
    await new.engine.passes.one()
    stored = await new.store.jobs.job(number)
    assert (stored.cause, stored.node) == (Cause.LAUNCH_ERROR, "n1")
    assert "the cluster knows nothing" in stored.message


async def test_one_that_began_and_ended_while_no_engine_ran_tells_where(world, until, make, ending):
    number = await handed(world, until)
    over = replace(ending(number, 3), node="n4", gpus=(GpuUuid("slurm/n4/a100/1"),))
    new = await reborn(world, make, **{f"_{number}": over})
    await new.engine.recovery.run()
    await new.engine.passes.one()
    stored = await new.store.jobs.job(number)
    assert (stored.state, stored.node, stored.gpu_uuids) == (JobState.FAILED, "n4", ("slurm/n4/a100/1",))
