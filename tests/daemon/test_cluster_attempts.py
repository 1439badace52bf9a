"""Attempts that were handed to a cluster: they wait and run there, and are taken back from there."""

import asyncio
import logging
from dataclasses import replace

import pytest
import pytest_asyncio

from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid, JobId
from engine.core.snapshot import CLUSTER
from engine.daemon import runs, tries
from engine.protocol.errors import RcqError, Refused
from engine.readings import GpuReading
from tests.daemon.clusterhands import LIMIT_S, Cluster, clustered, handed, live_of, reborn


@pytest_asyncio.fixture
async def world(make):
    made = await make(Cluster())
    await made.populate()
    return clustered(made)


async def test_it_waits_with_all_of_its_run_before_it_and_runs_from_when_the_cluster_says(world, until):
    number = await handed(world, until)
    live = live_of(world, number)
    world.clock.time += 5 * LIMIT_S
    now = world.clock.now()
    (lease,) = world.books.snapshot(now).leases
    assert (lease.place, lease.waits, lease.ending, lease.started_at) == (CLUSTER, True, False, now)
    assert lease.expected_end == pytest.approx(now + LIMIT_S)
    assert (await world.state_of(number), live.waits) == ("scheduled", True)
    world.executor.begin(number, now - 3.0, node="n7", gpus=())
    await until(lambda: live.state is JobState.RUNNING)
    (lease,) = world.books.snapshot(now).leases
    assert (lease.waits, lease.started_at, lease.expected_end) == (False, now - 3.0, now - 3.0 + LIMIT_S)
    assert (live.node, live.limit_at(), live.settled.is_set()) == ("n7", now - 3.0 + LIMIT_S, True)
    await world.engine.passes.flush()
    (known,) = world.store.jobs.unended()
    assert (known.node, known.lease.started_at, known.state) == ("n7", now - 3.0, JobState.RUNNING)


async def test_so_many_wait_there_at_most_beyond_those_that_find_room(world, until):
    for _ in range(12):
        await world.submit(cpu_cores=4)
    await world.engine.passes.one()
    await until(lambda: len(world.executor.handed) == 4)  # two find room, and two more go ahead
    for number in (1, 2):
        world.executor.begin(number, world.clock.now(), node="n1")
    await until(lambda: world.books.counts()["running"] == 2)
    await world.engine.passes.one()
    assert world.books.counts()["scheduled"] == 2
    world.executor.end(1)
    world.executor.begin(3, world.clock.now(), node="n1")
    await until(lambda: world.books.counts()["scheduled"] == 1)
    await world.engine.passes.one()
    await until(lambda: len(world.executor.handed) == 5)
    assert world.books.counts()["scheduled"] == 2


async def test_who_waits_is_not_charged_further_and_from_its_start_for_its_whole_run(world, until):
    number = await handed(world, until)
    live, usage = live_of(world, number), world.books.usage
    charged = usage.of("bio", world.clock.now())
    world.clock.time += 20 * 86_400
    world.engine.bills.catch_up()
    assert live.bill.until - live.bill.since == pytest.approx(LIMIT_S)
    assert usage.of("bio", world.clock.now()) < charged
    world.executor.begin(number, world.clock.now(), node="n1")
    await until(lambda: live.state is JobState.RUNNING)
    assert usage.of("bio", world.clock.now()) == pytest.approx(charged)
    assert live.bill.since == world.clock.now()
    world.executor.end(number, started_at=world.clock.now(), ended_at=world.clock.now() + LIMIT_S / 2)
    assert usage.of("bio", world.clock.now()) == pytest.approx(charged / 2, rel=0.01)


async def test_it_is_charged_for_the_cards_that_it_was_given(world, until):
    class Cards:
        def read(self):
            now = world.clock.now()
            sizes = {"slurm/n1/a100/0": 40_000, "slurm/n2/h100/0": 80_000}
            return tuple(
                GpuReading(
                    uuid=GpuUuid(uuid), index=at, model="x", memory_mb=size, read_at=now, node=uuid.split("/")[1]
                )
                for at, (uuid, size) in enumerate(sizes.items())
            )

        def nodes(self):
            return ()

        def close(self):
            pass

    world.books.cards._cards.clear()
    world.engine.sampler._provider = Cards()
    await world.engine.sampler.sample()
    number = await handed(world, until, gpus=1)
    live = live_of(world, number)
    given = next(uuid for uuid in ("slurm/n1/a100/0", "slurm/n2/h100/0") if uuid not in live.lease.gpus)
    world.executor.begin(number, world.clock.now(), node=given.split("/")[1], gpus=(GpuUuid(given),))
    await until(lambda: live.state is JobState.RUNNING)
    assert live.lease.gpus == (given,)
    assert world.books.leased() == {given}
    await world.engine.passes.flush()
    stored = await world.store.jobs.job(number)
    assert (stored.gpu_uuids, stored.place, stored.node) == ((given,), CLUSTER, given.split("/")[1])


async def test_one_that_waits_there_is_cancelled_at_once(world, until):
    number = await handed(world, until)
    assert (await world.jobs.cancel(world.ann, number)).state == "cancelled"
    assert world.executor.stopped == [(JobId(str(number)), Cause.CANCELLED)]
    await world.engine.passes.one()
    stored = await world.store.jobs.job(number)
    assert (stored.state, stored.started_at, world.books.live) == (JobState.CANCELLED, None, {})


async def test_a_cancel_while_the_cluster_is_away_is_told_as_soon_as_it_is_back(world, until, monkeypatch):
    monkeypatch.setattr(runs, "SETTLE_S", 0.02)
    monkeypatch.setattr(tries, "RETRY_S", 0.005)
    number = await handed(world, until)
    world.executor.away = True
    assert (await world.jobs.cancel(world.ann, number)).state == "scheduled"
    (known,) = world.store.jobs.unended()
    assert known.stopping is Cause.CANCELLED
    world.executor.away = False
    await until(lambda: not world.books.live)
    assert await world.state_of(number) == "cancelled"


async def test_hold_takes_it_back_and_release_puts_it_into_the_queue(world, until):
    number = await handed(world, until)
    held = await world.jobs.hold(world.ann, number)
    assert (held.state, held.message) == ("held", "taken back from Slurm's queue")
    await world.engine.passes.one()
    assert (len(world.executor.handed), world.books.live) == (1, {})
    (known,) = world.store.jobs.unended()
    assert (known.state, known.attempt, known.failures) == (JobState.HELD, 1, 0)
    (past,) = (await world.store.jobs.job(number)).attempts
    assert (past.state, past.cause, past.started_at) == (JobState.PREEMPTED, Cause.PREEMPTED, None)
    assert (past.message, past.place) == ("taken back from Slurm's queue", CLUSTER)
    assert "job.hold" in [row.entry.action for row in await world.store.audit.page()]
    assert (await world.jobs.release(world.ann, number)).state == "pending"
    await world.engine.passes.one()
    await until(lambda: len(world.executor.handed) == 2)
    assert world.executor.handed[1] == (str(number), 2)


async def test_an_array_is_held_with_what_waits_there(world, until):
    first = await world.submit(array="0-5", cpu_cores=4, time_limit_s=LIMIT_S)
    await world.engine.passes.one()
    await until(lambda: len(world.executor.handed) == 4)
    world.executor.begin(first, world.clock.now(), node="n1")
    await until(lambda: world.books.counts()["running"] == 1)
    done = await world.jobs.change_array(world.ann, first, "hold", ())
    assert (done.changed, done.ending, done.unchanged) == (2, 3, 1)
    assert (world.books.counts()["held"], world.books.counts()["running"]) == (5, 1)
    assert {stopped for stopped, _ in world.executor.stopped} == {str(first + at) for at in (1, 2, 3)}
    await world.engine.passes.one()
    assert len(world.executor.handed) == 4
    await world.jobs.change_array(world.ann, first, "release", ())
    assert world.books.counts()["held"] == 0


async def test_a_hold_that_the_cluster_has_not_heard_of_is_kept_over_a_restart(world, until, make, monkeypatch):
    monkeypatch.setattr(runs, "SETTLE_S", 0.02)
    number = await handed(world, until)
    world.executor.away = True
    assert (await world.jobs.hold(world.ann, number)).state == "scheduled"
    with pytest.raises(Refused, match="cannot be held"):
        await world.jobs.hold(world.ann, number)
    new = await reborn(world, make, **{f"_{number}": None})
    await new.engine.recovery.run()
    await until(lambda: bool(new.executor.stopped))
    assert new.executor.handed == []  # it is to stop: it is not handed over again before that
    new.executor.over(number, 1, Cause.PREEMPTED)
    assert (await new.state_of(number), list(new.books.held)) == ("held", [str(number)])
    await new.engine.passes.one()
    assert await new.state_of(number) == "held"


async def test_it_is_edited_once_it_is_held(world, until):
    number = await handed(world, until)
    with pytest.raises(Refused, match="waits in Slurm's queue: rcq hold takes it back") as refused:
        await world.jobs.edit(world.ann, number, {"cpu_cores": 2})
    assert refused.value.code == "INVALID_STATE"
    await world.jobs.hold(world.ann, number)
    await world.jobs.edit(world.ann, number, {"cpu_cores": 2})
    assert (await world.jobs.release(world.ann, number)).cpu_cores == 2


async def test_requeue_of_one_that_waits_there_is_its_next_attempt(world, until):
    number = await handed(world, until)
    assert (await world.jobs.requeue(world.ann, number)).state == "pending"
    await world.engine.passes.one()
    await until(lambda: len(world.executor.handed) == 2)
    assert world.executor.handed[1] == (str(number), 2)


async def test_starts_wait_while_the_cluster_is_away_and_say_so_once(world, until, monkeypatch, caplog):
    monkeypatch.setattr(tries, "RETRY_S", 0.005)
    monkeypatch.setattr(tries, "MOST_S", 0.02)
    asked = []
    monkeypatch.setattr(world.executor, "ask", lambda: asked.append(1) or Cluster.ask(world.executor))
    world.executor.away = True
    numbers = [await world.submit(cpu_cores=1) for _ in range(3)]
    await world.engine.passes.one()
    await until(lambda: len(asked) > 12)
    told = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert len(told) == 1
    assert "trying again" in told[0].message
    assert {await world.state_of(number) for number in numbers} == {"scheduled"}
    world.executor.away = False
    await until(lambda: len(world.executor.handed) == 3)
    assert {attempt for _, attempt in world.executor.handed} == {1}


async def test_the_engine_ends_at_once_whoever_waits_there(world, until):
    await handed(world, until)
    async with asyncio.timeout(runs.SETTLE_S / 2):
        await world.engine.runs.settle()


async def test_a_launch_leaves_to_the_cluster_what_is_its_own(world, until):
    await handed(world, until, gpus=0)
    await handed(world, until, gpus=0, memory_mb=100)
    without, with_memory = world.executor.launched
    assert (without.memory_mb, without.cores, without.devices) == (0, (), ())
    assert with_memory.memory_mb == 100


async def test_an_image_is_run_there_by_apptainer_alone(world, until, make):
    number = await handed(world, until)
    launch, person = world.executor.launched[-1], await world.engine.recovery._runs._launches._persons.of("ann")
    containment = world.engine.recovery._runs._launches._containment
    fields = replace(live_of(world, number).fields, image="ubuntu")
    inside = await containment.around(launch, fields, person)
    assert inside.argv[:2] == ("apptainer", "exec")
    containment._settings = containment._settings.model_copy(update={"container": "podman"})
    with pytest.raises(RcqError, match="on Slurm only apptainer"):
        await containment.around(launch, fields, person)


async def test_beside_this_host_only_those_go_there_that_may(make, until):
    world = clustered(await make(Cluster()), alone=False)
    await world.populate()
    here = await world.submit(cpu_cores=4)
    goes, stays = await world.submit(cpu_cores=4, anywhere=True), await world.submit(cpu_cores=4)
    await world.engine.passes.one()
    await until(lambda: world.executor.handed == [(str(goes), 1)])
    await until(live_of(world, here).settled.is_set)
    assert [world.books.place_of(JobId(str(number))) for number in (here, goes, stays)] == ["", CLUSTER, ""]
    assert (await world.state_of(here), await world.state_of(stays)) == ("running", "pending")
