"""What people are told of who waits and of what there is on a cluster: room, order, the plan's picture, who counts."""

from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from engine.api.asks import JobQuery
from engine.core.snapshot import Host, NodeRoom
from engine.daemon import cursors
from engine.daemon.room import room_of
from engine.daemon.views import NoSlurm
from engine.protocol.cluster import SlurmView
from engine.protocol.errors import Refused
from tests.daemon.clusterhands import Cluster, clustered, handed, live_of


@dataclass
class InQueue(NoSlurm):
    """ids: in Slurm, by job."""

    ids: dict[str, int]

    def slurm(self, job):
        return SlurmView(id=self.ids[job]) if job in self.ids else None


@pytest_asyncio.fixture
async def world(make):
    made = await make(Cluster())
    await made.populate()
    return clustered(made, ahead=9)


def test_room_of_a_cluster_that_is_away_or_drained_is_that_of_an_idle_day(world):
    left = Host(cpu_cores=3, memory_mb=0, nodes=(NodeRoom(name="n1", cpu_cores=8, memory_mb=1000),) * 2)
    world.books.capacity = replace(world.books.capacity, host=lambda: left)
    assert room_of(world.books)[0] == Host(cpu_cores=16, memory_mb=2000)


@pytest.mark.asyncio
async def test_who_waits_in_slurms_queue_is_listed_in_its_order(world, until):
    first, second, third = [await handed(world, until) for _ in range(3)]
    ids = {str(first): 12, str(second): 11}
    world.engine.backend.jobs._views.cluster = InQueue(ids)
    page = await world.jobs.page(world.root, JobQuery(limit=2))
    assert [row.id for row in page.items] == [second, first]
    rest = await world.jobs.page(world.root, JobQuery(limit=2, cursor=page.cursor))
    assert [row.id for row in rest.items] == [third]
    for parts in [["scheduled", 11], ["scheduled", "x", 1]]:
        with pytest.raises(Refused):
            await world.jobs.page(world.root, JobQuery(cursor=cursors.encode(*parts)))


@pytest.mark.asyncio
async def test_who_waits_in_slurms_queue_runs_on_no_card_of_the_plans_picture(world, until):
    waits, runs = await handed(world, until, gpus=0), await handed(world, until, gpus=0)
    world.executor.begin(runs, world.clock.now(), node="n1")
    await until(lambda: live_of(world, runs).state.value == "running")
    planned = await world.engine.backend.jobs.planned(world.root, 24.0)
    kinds = {item.id: item.kind for item in planned.items}
    assert (kinds[waits], kinds[runs], planned.later) == ("forecast", "running", 0)


@pytest.mark.asyncio
async def test_the_row_of_who_waits_in_slurms_queue_names_no_cards(world, until):
    number = await handed(world, until, gpus=0)
    live = live_of(world, number)
    card = world.books.cards.all()[0].reading
    live.lease = replace(live.lease, gpus=(card.uuid,))
    assert (await world.jobs.show(world.root, number)).gpu_indices == []
    world.executor.begin(number, world.clock.now(), node="n1")
    await until(lambda: live.state.value == "running")
    assert (await world.jobs.show(world.root, number)).gpu_indices == [card.index]
