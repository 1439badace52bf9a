"""A cluster's cards and machines beside this host's: what the daemon makes of them, and what it leaves alone."""

from dataclasses import replace

import pytest
import pytest_asyncio

from config.settings import ExecutorSettings, GpuSettings, Settings, SimulatedCard, SlurmCard, SlurmSettings
from engine.api.asks import NewReservation
from engine.core.model import GpuUuid, JobId
from engine.core.placement.fits import obstacle
from engine.core.policy import Policy
from engine.core.reasons import GpuDrained, GpuForeign
from engine.core.snapshot import CLUSTER, Host, NodeRoom
from engine.daemon.attribution import ProcessAttribution
from engine.daemon.cluster import cluster_host
from engine.daemon.host import SystemClock
from engine.daemon.machine import empty_books
from engine.daemon.metrics.jobmapping import texts
from engine.daemon.provider import choose, terms_of
from engine.gpu.beside import BesideCluster
from engine.gpu.none import NoGpus
from engine.gpu.slurm import CardKind
from engine.protocol.errors import Refused
from engine.readings import GpuReading, NodeReading


def node(name, **values):
    given = {"state": "IDLE", "closed": None, "cpu_cores": 8, "memory_mb": 1000} | values
    return NodeReading(**({"name": name, "read_at": 100.0} | given))


class Both:
    """A provider of one card of this host and two of node n1, which the test writes."""

    def __init__(self, clock):
        self.clock = clock
        self.there = {}
        self.machines = (node("n1"),)

    def read(self):
        now = self.clock.now()
        home = GpuReading(uuid="GPU-0", index=0, model="A", memory_mb=1000, temperature_c=40.0, read_at=now)
        there = {"model": "a100", "memory_mb": 0, "node": "n1", "read_at": now} | self.there
        return (home, *(GpuReading(uuid=f"slurm/n1/a100/{at}", index=1 + at, **there) for at in range(2)))

    def nodes(self):
        return tuple(replace(one, read_at=self.clock.now()) for one in self.machines)

    def close(self):
        pass


@pytest_asyncio.fixture
async def both(world):
    made = Both(world.clock)
    world.books.cards._cards.clear()
    world.engine.sampler._provider = made
    world.engine.sampler._attribution = ProcessAttribution(world.books)
    await world.engine.sampler.sample()
    return made


async def changes_the_plan(world):
    """Whether the next sample wakes a pass."""
    world.engine.passes._due.clear()
    await world.engine.sampler.sample()
    return world.engine.passes._due.is_set()


# ---------------------------------------------------------------- what the machines offer


def test_machines_offer_what_strangers_leave_and_closed_ones_what_rcqs_jobs_hold():
    open_ = node("n1", cpu_cores_allocated=7, memory_allocated_mb=700, strangers_cores=3, strangers_memory_mb=200)
    drained = node(
        "n2",
        closed="is drained in Slurm",
        cpu_cores_allocated=5,
        memory_allocated_mb=300,
        strangers_cores=4,
        strangers_memory_mb=300,
    )
    room = NodeRoom(name="n1", cpu_cores=8, memory_mb=1000)
    rooms = (room, replace(room, name="n2", open=False))
    assert cluster_host([open_, drained]) == Host(cpu_cores=5 + 1, memory_mb=800, nodes=rooms)


def test_machines_that_were_not_read_lately_offer_nothing_new():
    old = node("n1", read_at=99.0, cpu_cores_allocated=3, memory_allocated_mb=100, strangers_cores=1)
    found = cluster_host([old, node("n2")], read_since=100.0)
    assert (found.cpu_cores, [room.open for room in found.nodes]) == (2 + 8, [False, True])
    assert cluster_host([]) == Host(cpu_cores=0, memory_mb=0)


# ---------------------------------------------------------------- cards


async def test_cards_of_a_closed_machine_are_drained_with_its_words(world, both):
    assert [card.state for card in await world.box.gpus(world.ann)] == ["ok"] * 3
    both.there = {"closed": "is drained in Slurm: fan"}
    assert await changes_the_plan(world)
    assert not await changes_the_plan(world)
    cards = await world.box.gpus(world.ann)
    assert [(card.state, card.why) for card in cards] == [
        ("ok", None),
        ("drained", "n1 is drained in Slurm: fan"),
        ("drained", "n1 is drained in Slurm: fan"),
    ]
    there = world.books.cards.gpus(world.clock.now())[1]
    assert isinstance(obstacle(there, frozenset(), Policy()), GpuDrained)


@pytest.mark.parametrize("memory_mb", [0, 81_920])
async def test_a_card_that_a_strangers_job_holds_is_taken_whole(world, both, memory_mb):
    both.there = {"taken_by": "eve", "memory_mb": memory_mb}
    assert await changes_the_plan(world)
    home, there, _ = world.books.cards.gpus(world.clock.now())
    assert (home.node, there.node) == (None, "n1")
    found = obstacle(there, frozenset(), Policy())
    assert isinstance(found, GpuForeign)
    assert (found.processes, found.users) == (1, ("eve",))
    assert there.open_mb == 0
    assert obstacle(home, frozenset(), Policy()) is None


@pytest.mark.parametrize(
    "change", [{"strangers_cores": 1}, {"strangers_memory_mb": 1}, {"closed": "is down"}, {"cpu_cores": 9}]
)
async def test_a_machine_with_other_room_wakes_a_pass(world, both, change):
    assert not await changes_the_plan(world)
    both.machines = (node("n1", **change),)
    assert await changes_the_plan(world)
    assert world.books.cards.machines[0].read_at == world.clock.now()


async def test_what_rcqs_own_jobs_hold_there_wakes_none(world, both):
    both.machines = (node("n1", cpu_cores_allocated=4, memory_allocated_mb=10, cpu_load=1.0, free_memory_mb=5),)
    assert not await changes_the_plan(world)


async def test_cards_of_a_cluster_go_stale_later_than_this_hosts(world, both):
    cards, now = world.books.cards, world.clock.now()
    cards.cluster_stale_after_s = 500.0
    later = now + cards.stale_after_s + 1
    assert [cards.missing(card, later) for card in cards.all()] == [True, False, False]
    assert [cards.missing(card, now + 501) for card in cards.all()] == [True, True, True]


async def test_a_clock_that_is_set_takes_machines_along(world, both):
    before = world.books.cards.machines[0].read_at
    world.books.cards.clock_set(50.0)
    assert world.books.cards.machines[0].read_at == before + 50


# ---------------------------------------------------------------- left alone


async def test_cards_of_a_cluster_are_drained_and_resumed_in_slurm_alone(world, both):
    with pytest.raises(Refused, match="scontrol update nodename=n1 state=drain reason=WHY") as refused:
        await world.box.drain(world.root, "2", "fan")
    assert refused.value.code == "INVALID_STATE"
    both.there = {"closed": "is drained in Slurm"}
    await world.engine.sampler.sample()
    with pytest.raises(Refused, match="scontrol update nodename=n1 state=resume"):
        await world.box.resume(world.root, "slurm/n1/a100/0")
    assert world.books.cards.drained == set()


async def test_only_cards_of_this_host_are_booked(world, both):
    reservations = world.engine.backend.reservations

    def wish(**values):
        return NewReservation(**({"cards": (), "gpus": None, "start_at": None, "duration_s": 3600} | values))

    with pytest.raises(Refused, match="GPU 1 is in node n1 of Slurm"):
        await reservations.reserve(world.ann, wish(cards=("1",)))
    with pytest.raises(Refused):
        await reservations.reserve(world.ann, wish(gpus=2))
    assert (await reservations.reserve(world.ann, wish(gpus=1))).gpu_indices == [0]


async def test_nobody_judges_the_heat_health_or_use_of_a_clusters_cards(world, both):
    both.there = {"present": False, "fault": "lost", "xids": (79,), "temperature_c": 120.0}
    await world.engine.sampler.sample()
    assert world.books.cards.quarantines == {}
    assert {name for name, _ in texts(world.books).items()} == {"0"}


async def test_the_end_of_a_job_on_the_cluster_asks_for_no_card_to_be_seen_free(world, both, ending):
    job = await world.submit(gpus=1)
    await world.one_pass()
    health, live = world.engine.minders.health, world.books.live[JobId(str(job))]
    failed = ending(job, 1)
    assert health.suspects(live, failed)
    live.lease = replace(live.lease, place=CLUSTER, gpus=(GpuUuid("slurm/n1/a100/0"),))
    assert not health.suspects(live, failed)
    health.left(live, failed)
    assert world.books.cards.settling == {}


# ---------------------------------------------------------------- the settings


def chosen(kind, overflow):
    """What an engine with these settings reads, and its books."""
    simulated = GpuSettings(provider="simulated", simulated=(SimulatedCard(count=2),))
    executor = ExecutorSettings(kind=kind, overflow=overflow)
    settings = Settings(gpu=simulated, executor=executor, slurm=SlurmSettings(poll_s=60.0))
    books = empty_books(settings)
    return choose(settings, books, SystemClock()), books


def test_the_settings_choose_who_is_read():
    beside, books = chosen("process", "slurm")
    assert isinstance(beside.provider, BesideCluster)
    assert beside.provider.cluster is beside.cluster
    assert len(beside.provider._home.read()) == 2
    assert books.cards.cluster_stale_after_s == 300.0
    alone, _ = chosen("slurm", "none")
    assert isinstance(alone.provider, BesideCluster)
    assert isinstance(alone.provider._home, NoGpus)
    here, _ = chosen("process", "none")
    assert here.cluster is None
    assert len(here.provider.read()) == 2
    assert here.provider.nodes() == ()


def test_the_settings_name_the_part_of_the_cluster_that_counts():
    terms = terms_of(
        SlurmSettings(
            partition="a,b", extra=["--reservation=lab"], cards={"h100": SlurmCard(model="H100", memory_mb=81_559)}
        )
    )
    assert terms.partitions == {"a", "b"}
    assert terms.reserved
    assert terms.kinds == {"h100": CardKind(model="H100", memory_mb=81_559)}
    assert terms_of(SlurmSettings()).partitions == frozenset()
