"""What is told of a cluster: to whom which job in it, where a job stands in Slurm, how those who run jobs are."""

from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from engine.api.asks import Identity
from engine.core.model import GpuUuid, JobId
from engine.core.reasons import ClusterCards, CoresBusy, GpuDrained, GpuForeign
from engine.core.snapshot import CLUSTER
from engine.daemon.clusterviews import ClusterViews
from engine.daemon.metrics import clusterfigures
from engine.daemon.metrics.catalogue import Part
from engine.daemon.metrics.page import Page
from engine.daemon.outlook import gathered
from engine.daemon.room import on_cards, room_of
from engine.executor.slurm.standing import Backend, Standing
from engine.readings import NodeReading
from tests.daemon.clusterhands import Cluster, clustered, handed, live_of

NODES = (
    NodeReading(name="n1", read_at=0.0, state="MIXED", closed=None, cpu_cores=8, memory_mb=1000,
                cpu_cores_allocated=5, memory_allocated_mb=600, strangers_cores=4, cpu_load=1.5),
    NodeReading(name="n2", read_at=0.0, state="IDLE+DRAIN", closed="is drained in Slurm: fan", cpu_cores=8,
                memory_mb=1000),
)  # fmt: skip
ADMIN = Identity(account="root", group="ops", role="admin", via="peer")
STRANGER = Identity(account="eve", group="other", role="user", via="peer")


@dataclass
class Slurm:
    """Says of every job and of itself what the test wants."""

    said: Standing | None = None
    health: Backend = field(default_factory=lambda: Backend(up=True, since=1.0))

    def views(self, world):
        made = ClusterViews(
            books=world.books, views=world.engine.backend.jobs._views, clock=world.clock, home="process",
            nodes=lambda: NODES, standing=lambda _job, _attempt: self.said, reach=lambda: self.health,
        )  # fmt: skip
        made._views.cluster = made
        return made


@pytest_asyncio.fixture
async def world(make):
    made = await make(Cluster())
    await made.populate()
    return made


@pytest.mark.asyncio
async def test_a_job_that_waits_tells_slurms_words_and_when_it_is_expected(world, until):
    clustered(world)
    number = await handed(world, until)
    slurm = Slurm(Standing(slurm_id=812, state="PENDING", reason="Resources", expected_start=5e9))
    slurm.views(world)
    row = await world.jobs.show(world.root, number)
    assert (row.state, row.place, row.node) == ("scheduled", CLUSTER, None)
    assert (row.slurm.id, row.slurm.reason, row.expected_start) == (812, "Resources", 5e9)
    assert [one["code"] for one in row.reasons] == ["SLURM_QUEUE"]
    slurm.health = Backend(up=False, since=7.0, error="squeue did not end")
    assert [one["code"] for one in (await world.jobs.show(world.root, number)).reasons] == ["SLURM_AWAY", "SLURM_QUEUE"]
    slurm.said = None
    assert (await world.jobs.show(world.root, number)).reasons == [
        {"code": "SLURM_AWAY", "since": 7.0, "detail": "squeue did not end"}
    ]


@pytest.mark.asyncio
async def test_a_machine_tells_its_jobs_to_those_who_may_know_and_numbers_to_all(world, until):
    clustered(world)
    number = await handed(world, until, cpu_cores=1)
    views = Slurm().views(world)
    world.executor.begin(number, world.clock.now(), node="n1")
    await until(lambda: live_of(world, number).state.value == "running")
    n1, n2 = views.nodes(ADMIN)
    assert (n1.state, n1.slurm_state, n1.cpu_cores_ours, n1.cpu_cores_allocated) == ("open", "mixed", 1, 5)
    assert [(user.who.id, user.cpu_cores) for user in n1.jobs] == [(number, 1)]
    assert (n2.state, n2.why, n2.jobs) == ("closed", "is drained in Slurm: fan", [])
    assert n1.cpu_cores_others == 4
    [user] = views.nodes(STRANGER)[0].jobs
    assert (user.who.id, user.who.account, user.who.name) == (None, None, None)
    assert views.nodes(None)[0].jobs == []
    row = await world.jobs.show(world.root, number)
    assert (row.place, row.node, row.reasons) == (CLUSTER, "n1", [])
    world.executor.end(number)
    await until(lambda: JobId(str(number)) not in world.books.live)
    assert views.nodes(ADMIN)[0].cpu_cores_others == 4, "what it had is nobody else's until Slurm tells of its end"


@pytest.mark.asyncio
async def test_who_runs_jobs_and_since_when_one_cannot_be_asked(world, until):
    clustered(world)
    await handed(world, until)
    slurm = Slurm(health=Backend(up=False, since=10.0, error="munge", waiting=3))
    views = slurm.views(world)
    home, there = views.backends()
    assert (home.name, home.state, home.running) == ("process", "ok", 0)
    assert (there.name, there.state, there.since, there.detail) == ("slurm", "away", 10.0, "munge")
    assert (there.waiting, there.running, there.nodes_open, there.nodes_total) == (3, 0, 1, 2)
    page = Page({Part.BOX})
    clusterfigures.tell(page, views, 40.0)
    told = {(one.name, *one.labels.values()): one.value for family in page.collect() for one in family.samples}
    assert told["rcq_backend_up", "slurm"] == 0
    assert told["rcq_backend_away_seconds", "slurm"] == 30.0
    assert told["rcq_slurm_jobs", "waiting"] == 3
    assert told["rcq_nodes", "closed"] == 1
    assert told["rcq_node_cpu_cores_allocated", "n1", "others"] == 4
    slurm.health = replace(slurm.health, up=True)
    assert views.backends()[1].detail is None


@pytest.mark.asyncio
async def test_room_is_that_of_the_place_where_jobs_are_planned(world, until):
    own = room_of(world.books)[0]
    clustered(world)
    number = await handed(world, until, cpu_cores=2)
    room, held = room_of(world.books)
    assert (room.cpu_cores, held.cpu_cores) == (8, 0), "who waits in the cluster's queue has nothing of it yet"
    world.executor.begin(number, world.clock.now(), node="n1")
    await until(lambda: live_of(world, number).state.value == "running")
    assert room_of(world.books)[1].cpu_cores == 2
    clustered(world, alone=False)
    room, held = room_of(world.books)
    assert (room, held.cpu_cores) == (own, 0)


def test_hundreds_of_cards_are_one_reason():
    cores = CoresBusy(wanted=4, free=1, total=8)
    own = GpuDrained(gpu=GpuUuid("GPU-1"), index=0)
    drained = [GpuDrained(gpu=GpuUuid(f"slurm/n{at // 8}/a100/{at % 8}"), index=at) for at in range(400)]
    taken = GpuForeign(gpu=GpuUuid("slurm/x/h100/0"), index=401, foreign_mb=1, tolerated_mb=0)
    assert gathered([own, *drained, cores, taken]) == [
        own, ClusterCards(closed=400, taken=1, nodes=("n0", "n1", "n2", "n3", "n4")), cores,
    ]  # fmt: skip
    assert gathered([own, cores]) == [own, cores]


@pytest.mark.asyncio
async def test_who_waits_in_the_clusters_queue_is_on_no_card_yet(world, until):
    clustered(world)
    number = await handed(world, until)
    live = live_of(world, number)
    live.lease = replace(live.lease, gpus=(GpuUuid("slurm/n1/a100/0"),))
    assert on_cards(world.books) == {}
    world.executor.begin(number, world.clock.now(), node="n1")
    await until(lambda: live.state.value == "running")
    assert on_cards(world.books) == {GpuUuid("slurm/n1/a100/0"): [live]}
