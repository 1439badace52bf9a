"""What every GpuProvider keeps: simulated cards, the driver's (a stand-in for its library here), a cluster's.

Of a cluster's cards nobody tells figures: what is about those asks for `host_provider`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.gpu.none import NoGpus
from engine.gpu.nvml import NvmlGpus
from engine.gpu.simulated import SimulatedCardSpec, SimulatedGpus, card_uuid
from engine.gpu.slurm import ClusterTerms, SlurmNodes
from engine.gpu.watched import WatchedGpus
from engine.ports import GpuProvider
from engine.readings import GpuLoad
from engine.slurm.commands import Commands
from tests.gpu.conftest import HandClock
from tests.gpu.fake_nvml import FakeCard, install
from tests.gpu.scripted import ScriptedDriver
from tests.slurm.cluster import Cluster

CARDS = 4
CLUSTER_CARDS = 6


def simulated(clock: HandClock, monkeypatch: pytest.MonkeyPatch, folder: Path) -> GpuProvider:
    """Four simulated cards, one of them shared by two jobs."""
    shared = card_uuid(2, "NVIDIA RTX A6000")
    loads = [GpuLoad(gpu=shared, load=0.7, memory_mb=30_000) for _ in range(2)]
    return SimulatedGpus([SimulatedCardSpec()] * CARDS, lambda: loads, clock)


def nvml(clock: HandClock, monkeypatch: pytest.MonkeyPatch, folder: Path) -> GpuProvider:
    """Four cards behind NVML, one of them full."""
    cards = [FakeCard(uuid=f"GPU-0000000{index}-aaaa-bbbb-cccc-000000000000") for index in range(CARDS)]
    cards[2].used = cards[2].total
    install(monkeypatch, cards)
    return NvmlGpus(clock)


def watched(clock: HandClock, monkeypatch: pytest.MonkeyPatch, folder: Path) -> GpuProvider:
    """Four cards behind NVML in a process of its own, one of them full."""
    driver = ScriptedDriver(folder, cards=CARDS)
    driver.card(2, used_mb=49_140)
    for name, value in driver.environment.items():
        monkeypatch.setenv(name, value)
    return WatchedGpus(clock, 20.0)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=[simulated, nvml, watched])
def host_provider(
    request: pytest.FixtureRequest, clock: HandClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[GpuProvider]:
    make: Callable[[HandClock, pytest.MonkeyPatch, Path], GpuProvider] = request.param
    made = make(clock, monkeypatch, tmp_path)
    yield made
    made.close()


@pytest.fixture
def cluster_provider(slurm: Cluster, clock: HandClock) -> Iterator[GpuProvider]:
    """The cards of a real Slurm, two on each of three machines."""
    made = SlurmNodes(Commands(conf=str(slurm.conf)).run_now, ClusterTerms(), clock)
    yield made
    made.close()


@pytest.fixture(
    params=[simulated, nvml, watched, pytest.param(None, marks=[pytest.mark.slurm, pytest.mark.root], id="slurm")]
)
def provider(
    request: pytest.FixtureRequest, clock: HandClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[GpuProvider]:
    if request.param is None:
        yield request.getfixturevalue("cluster_provider")
        return
    made: GpuProvider = request.param(clock, monkeypatch, tmp_path)
    yield made
    made.close()


def test_cards_come_by_index_with_a_uuid_each(provider: GpuProvider) -> None:
    readings = provider.read()
    count = CLUSTER_CARDS if provider.nodes() else CARDS
    assert [reading.index for reading in readings] == list(range(count))
    assert len({reading.uuid for reading in readings}) == count
    assert all(reading.uuid.startswith("slurm/" if reading.node else "GPU-") and reading.model for reading in readings)


def test_machines_of_a_cluster_are_told_with_their_cards(provider: GpuProvider) -> None:
    assert provider.nodes() == ()
    readings = provider.read()
    nodes = provider.nodes()
    assert [reading.uuid for reading in readings if reading.node] == [uuid for node in nodes for uuid in node.gpus]
    assert {reading.node for reading in readings if reading.node} == {node.name for node in nodes}
    assert all(0 <= node.cpu_cores_allocated <= node.cpu_cores and node.memory_mb > 0 for node in nodes)


@pytest.mark.slurm
@pytest.mark.root
def test_machines_carry_the_time_at_which_they_were_read(cluster_provider: GpuProvider, clock: HandClock) -> None:
    cluster_provider.read()
    clock.forward(5)
    assert {node.read_at for node in cluster_provider.nodes()} == {clock.now() - 5}
    cluster_provider.read()
    assert {node.read_at for node in cluster_provider.nodes()} == {clock.now()}


def test_the_same_cards_come_every_time(provider: GpuProvider, clock: HandClock) -> None:
    first = [(reading.uuid, reading.index, reading.model, reading.memory_mb) for reading in provider.read()]
    clock.forward(30)
    assert [(reading.uuid, reading.index, reading.model, reading.memory_mb) for reading in provider.read()] == first


def test_readings_carry_the_time_at_which_they_were_taken(provider: GpuProvider, clock: HandClock) -> None:
    assert {reading.read_at for reading in provider.read()} == {clock.now()}
    clock.forward(7.5)
    assert {reading.read_at for reading in provider.read()} == {clock.now()}


def test_figures_are_within_their_ranges(host_provider: GpuProvider, clock: HandClock) -> None:
    for _ in range(5):
        for reading in host_provider.read():
            assert reading.present
            assert reading.memory_mb > 0
            assert reading.memory_used_mb is not None
            assert 0 <= reading.memory_used_mb <= reading.memory_mb
            assert reading.utilization is not None
            assert 0 <= reading.utilization <= 1
            assert reading.temperature_c is not None
            assert -50 <= reading.temperature_c <= 200
            assert reading.power_w is not None
            assert reading.power_limit_w is not None
            assert 0 <= reading.power_w <= reading.power_limit_w
        clock.forward(20)


def test_each_card_tells_the_device_node_that_a_job_on_it_opens(host_provider: GpuProvider) -> None:
    assert [reading.nodes for reading in host_provider.read()] == [(f"/dev/nvidia{index}",) for index in range(CARDS)]


def test_a_full_card_is_told_as_full(host_provider: GpuProvider) -> None:
    full = host_provider.read()[2]
    assert full.memory_used_mb == full.memory_mb


def test_closing_twice_is_fine_and_reading_opens_again(provider: GpuProvider) -> None:
    before = [reading.uuid for reading in provider.read()]
    provider.close()
    provider.close()
    assert [reading.uuid for reading in provider.read()] == before
    provider.close()


def test_closing_before_the_first_reading_is_fine(provider: GpuProvider) -> None:
    provider.close()
    assert len(provider.read()) == (CLUSTER_CARDS if provider.nodes() else CARDS)
    provider.close()


def test_a_host_without_cards_has_none() -> None:
    provider: GpuProvider = NoGpus()
    assert provider.read() == ()
    provider.close()
    provider.close()
    assert provider.read() == ()
