"""Everything else that NVML tells of a card: margins, limits, faults, processes, events, links, MIG instances."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from engine.core.model import GpuUuid
from engine.core.placement.topology import BOARD, HOST_BRIDGE, NODE, NVLINK, SWITCH, SWITCHES, SYSTEM
from engine.gpu import identity
from engine.gpu.inventory import LOOK_AGAIN_S
from engine.gpu.nvml import NvmlGpus
from engine.gpu.wire import packed, unpacked
from engine.readings import THROTTLES, GpuProcess, GpuReading
from tests.gpu.conftest import HandClock
from tests.gpu.fake_nvml import MIB, UINT_NONE, FakeCard, FakeInstance, FakeNvml

ULONG_NONE = 2**64 - 1
OTHER = GpuUuid("GPU-00000000-0000-0000-0000-000000000002")


@pytest.fixture
def cards(driver: FakeNvml, clock: HandClock) -> Iterator[NvmlGpus]:
    provider = NvmlGpus(clock)
    yield provider
    provider.close()


def test_every_further_figure_arrives_in_its_unit(cards: NvmlGpus, driver: FakeNvml) -> None:
    card = driver.cards[0]
    card.margin, card.ecc_corrected, card.ecc_uncorrected = 23, 7, 1
    reading = cards.read()[0]
    assert (reading.slowdown_c, reading.margin_c) == (95.0, 23.0)
    assert (reading.power_default_w, reading.power_min_w, reading.power_max_w) == (300.0, 100.0, 300.0)
    assert (reading.energy_j, reading.sm_clock_mhz, reading.memory_clock_mhz) == (5_000.0, 1_800, 8_000)
    assert (reading.ecc_corrected, reading.ecc_uncorrected) == (7, 1)
    assert (reading.pci, reading.numa_node, reading.parent, reading.processes) == ("00000000:01:00.0", None, None, ())


FURTHER = [
    ({"margin": UINT_NONE}, "margin_c"),
    ({"margin": None}, "margin_c"),
    ({"slowdown": UINT_NONE}, "slowdown_c"),
    ({"default_milliwatts": UINT_NONE}, "power_default_w"),
    ({"max_milliwatts": UINT_NONE}, "power_max_w"),
    ({"energy_mj": ULONG_NONE}, "energy_j"),
    ({"energy_mj": None}, "energy_j"),
    ({"sm_clock": UINT_NONE}, "sm_clock_mhz"),
    ({"memory_clock": UINT_NONE}, "memory_clock_mhz"),
    ({"ecc_corrected": ULONG_NONE}, "ecc_corrected"),
    ({"ecc_uncorrected": ULONG_NONE}, "ecc_uncorrected"),
]


@pytest.mark.parametrize(("change", "figure"), FURTHER)
def test_further_nonsense_is_none_not_a_number(
    cards: NvmlGpus, driver: FakeNvml, change: dict[str, int], figure: str
) -> None:
    driver.cards[0].margin, driver.cards[0].ecc_corrected, driver.cards[0].ecc_uncorrected = 20, 0, 0
    for name, value in change.items():
        setattr(driver.cards[0], name, value if value != UINT_NONE or name != "margin" else -1000)
    reading = cards.read()[0]
    assert reading.present
    names = [name for _, name in FURTHER]
    assert {name for name in names if getattr(reading, name) is None} == {figure}


@pytest.mark.parametrize(
    ("rows", "pages", "told"),
    [
        ((3, 1, 0, 0), None, (False, False)),
        ((3, 1, 1, 0), None, (True, False)),
        ((3, 1, 0, 1), None, (False, True)),
        ((3, 1, UINT_NONE, UINT_NONE), None, (False, False)),
        (None, 1, (True, False)),
        (None, 0, (False, False)),
        (None, None, (False, False)),
    ],
)
def test_rows_and_pages_that_wait_for_a_reset(
    cards: NvmlGpus,
    driver: FakeNvml,
    rows: tuple[int, int, int, int] | None,
    pages: int | None,
    told: tuple[bool, bool],
) -> None:
    driver.cards[0].remapped, driver.cards[0].retired_pending = rows, pages
    reading = cards.read()[0]
    assert (reading.remap_pending, reading.remap_failed) == told


def test_all_that_slows_a_card_down_is_told_in_words(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].reasons = pynvml.nvmlClocksEventReasonAll
    assert cards.read()[0].throttle == THROTTLES
    driver.cards[0].reasons = pynvml.nvmlClocksEventReasonSwPowerCap | pynvml.nvmlClocksEventReasonGpuIdle
    reading = cards.read()[0]
    assert (reading.throttle, reading.throttled) == (("power-cap",), False)


def test_processes_of_all_lists_are_told_once_each(cards: NvmlGpus, driver: FakeNvml) -> None:
    card = driver.cards[0]
    card.processes = [(20, 300 * MIB), (10, None), (30, ULONG_NONE - 1)]
    card.mps = [(20, 400 * MIB)]
    card.graphics = [(40, 5 * MIB), (10, 7 * MIB), (0, MIB)]
    assert cards.read()[0].processes == (
        GpuProcess(pid=10, memory_mb=7),
        GpuProcess(pid=20, memory_mb=400),
        GpuProcess(pid=30, memory_mb=None),
        GpuProcess(pid=40, memory_mb=5, graphics=True),
    )


def test_who_is_there_is_unknown_where_the_driver_does_not_tell(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].fail["nvmlDeviceGetComputeRunningProcesses_v3"] = pynvml.NVML_ERROR_NO_PERMISSION
    driver.cards[1].fail["nvmlDeviceGetGraphicsRunningProcesses_v3"] = pynvml.NVML_ERROR_NOT_SUPPORTED
    assert [reading.processes for reading in cards.read()] == [None, ()]


def test_events_are_told_of_their_card_once(cards: NvmlGpus, driver: FakeNvml) -> None:
    cards.read()
    driver.xids += [(driver.cards[1], 31, UINT_NONE), (driver.cards[1], 43, UINT_NONE)]
    assert [reading.xids for reading in cards.read()] == [(), (31, 43)]
    assert [reading.xids for reading in cards.read()] == [(), ()]


@pytest.mark.parametrize("missing", ["nvmlEventSetCreate", "nvmlDeviceRegisterEvents", "nvmlEventSetWait_v2"])
def test_a_driver_without_events_is_read_all_the_same(cards: NvmlGpus, driver: FakeNvml, missing: str) -> None:
    driver.missing.add(missing)
    assert [reading.xids for reading in cards.read()] == [(), ()]
    driver.cards[0].events = None
    assert all(reading.present for reading in cards.read())


@pytest.mark.parametrize(
    ("level", "link"),
    [
        (pynvml.NVML_TOPOLOGY_INTERNAL, BOARD),
        (pynvml.NVML_TOPOLOGY_SINGLE, SWITCH),
        (pynvml.NVML_TOPOLOGY_MULTIPLE, SWITCHES),
        (pynvml.NVML_TOPOLOGY_HOSTBRIDGE, HOST_BRIDGE),
        (pynvml.NVML_TOPOLOGY_NODE, NODE),
        (pynvml.NVML_TOPOLOGY_SYSTEM, SYSTEM),
        (12345, SYSTEM),
    ],
)
def test_how_near_cards_are_on_pcie(cards: NvmlGpus, driver: FakeNvml, level: int, link: int) -> None:
    driver.near[frozenset({"00000000:01:00.0", "00000000:02:00.0"})] = level
    first, second = cards.read()
    assert (first.links, second.links) == ({second.uuid: link}, {first.uuid: link})


def test_nvlinks_count_and_go_before_pcie(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].nvlinks = ["00000000:02:00.0", "", "00000000:02:00.0", "00000000:99:00.0"]
    driver.cards[1].nvlinks = ["00000000:01:00.0", "", "00000000:01:00.0"]
    first, second = cards.read()
    assert (first.links, second.links) == ({second.uuid: NVLINK + 2}, {first.uuid: NVLINK + 2})


def test_the_kernel_says_which_numa_node_a_slot_belongs_to(
    cards: NvmlGpus, driver: FakeNvml, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_SYS", tmp_path)
    driver.cards[0].node = driver.cards[1].node = 3
    slot = tmp_path / "0000:01:00.0"
    slot.mkdir()
    (slot / "numa_node").write_text("1\n")
    assert [reading.numa_node for reading in cards.read()] == [1, 3]
    (slot / "numa_node").write_text("-1\n")
    clock.forward(LOOK_AGAIN_S)
    assert [reading.numa_node for reading in cards.read()] == [None, 3]


def test_what_stays_the_same_is_not_asked_for_each_time(cards: NvmlGpus, driver: FakeNvml, clock: HandClock) -> None:
    cards.read()
    driver.calls.clear()
    clock.forward(1)
    cards.read()
    for name in ("nvmlDeviceGetUUID", "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetTopologyCommonAncestor"):
        assert name not in driver.calls
    clock.forward(LOOK_AGAIN_S)
    cards.read()
    assert "nvmlDeviceGetUUID" in driver.calls


def instances() -> list[FakeInstance]:
    return [
        FakeInstance(uuid="MIG-a", number=1, used=1_000 * MIB, processes=[(50, 900 * MIB)]),
        FakeInstance(uuid="MIG-b", number=2, name=b"NVIDIA A100-SXM4-80GB MIG 4g.40gb"),
    ]


def test_mig_instances_are_cards_of_their_own_and_their_card_is_none(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].mig = instances()
    first, second, other = cards.read()
    assert [reading.index for reading in (first, second, other)] == [0, 1, 2]
    assert [reading.position for reading in (first, second, other)] == [0, 0, 1]  # as nvidia-smi counts the cards
    assert [reading.gpu_instance for reading in (first, second, other)] == [1, 2, None]
    assert (first.uuid, first.parent, first.model) == ("MIG-a", driver.cards[0].uuid, "NVIDIA RTX A6000 MIG 3g.39gb")
    assert second.model == "NVIDIA A100-SXM4-80GB MIG 4g.40gb"
    assert (first.memory_mb, first.memory_used_mb, first.processes) == (
        40_192,
        1_000,
        (GpuProcess(pid=50, memory_mb=900),),
    )
    assert (first.temperature_c, first.utilization) == (61.0, None)  # the heat is its card's, the load nobody's
    assert (first.power_w, first.power_limit_w, first.power_max_w, first.energy_j) == (None, None, None, None)
    assert (other.uuid, other.links) == (OTHER, {})


def test_an_event_of_one_instance_is_not_the_others(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].mig = instances()
    cards.read()
    driver.xids += [(driver.cards[0], 13, 2), (driver.cards[0], 79, UINT_NONE)]
    assert [reading.xids for reading in cards.read()] == [(79,), (13, 79), ()]


def test_a_card_that_is_split_is_offered_no_more_as_a_whole(
    cards: NvmlGpus, driver: FakeNvml, clock: HandClock
) -> None:
    whole, _ = cards.read()
    driver.cards[0].mig = instances()
    clock.forward(LOOK_AGAIN_S)
    readings = {reading.uuid: reading for reading in cards.read()}
    assert (readings[whole.uuid].present, readings[whole.uuid].fault) == (False, "lost")
    assert sorted(reading.index for reading in readings.values()) == [0, 1, 2, 3]


def test_a_card_in_mig_mode_without_instances_can_run_nothing(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].mig = []
    assert [reading.uuid for reading in cards.read()] == [OTHER]


def test_power_limits_are_not_set_on_instances_and_strangers(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].mig = instances()
    cards.read()
    for uuid, words in (("MIG-a", "whole cards"), ("GPU-none", "no card")):
        with pytest.raises(Exception, match=words):
            cards.set_limit(GpuUuid(uuid), 200.0)


def test_a_new_provider_gives_known_cards_the_index_that_they_had(
    cards: NvmlGpus, driver: FakeNvml, clock: HandClock
) -> None:
    before = cards.read()
    cards.close()
    driver.cards.insert(0, FakeCard(uuid="GPU-new"))
    later = NvmlGpus(clock, before)
    assert [(reading.uuid, reading.index) for reading in later.read()] == [
        (before[0].uuid, 0),
        (before[1].uuid, 1),
        ("GPU-new", 2),
    ]
    later.close()


def test_readings_go_through_json_whole() -> None:
    values = {
        field.name: value for field in dataclasses.fields(GpuReading) if (value := SAMPLES.get(field.name)) is not None
    }
    assert set(values) == {field.name for field in dataclasses.fields(GpuReading)}
    for reading in (
        GpuReading(**values),
        GpuReading(uuid=GpuUuid("GPU-x"), index=0, model="m", memory_mb=0, read_at=1.5),
        GpuReading(uuid=GpuUuid("GPU-x"), index=0, model="m", memory_mb=0, read_at=1.5, processes=()),
    ):
        assert unpacked(json.loads(json.dumps(packed(reading)))) == reading


SAMPLES = {
    "uuid": "GPU-x", "index": 3, "model": "M", "memory_mb": 10, "read_at": 1.25, "memory_used_mb": 4,
    "utilization": 0.5, "temperature_c": 40.0, "power_w": 100.0, "power_limit_w": 300.0, "throttled": True,
    "present": False,
    "fault": "lost", "pci": "00000000:01:00.0", "parent": "GPU-p", "numa_node": 0, "links": {"GPU-y": 104},
    "slowdown_c": 95.0, "margin_c": 20.0, "throttle": ("power-cap",), "power_default_w": 300.0, "power_min_w": 100.0,
    "power_max_w": 300.0, "energy_j": 5.5, "sm_clock_mhz": 1800, "memory_clock_mhz": 8000, "ecc_corrected": 1,
    "ecc_uncorrected": 2, "remap_pending": True, "remap_failed": True, "xids": (13, 79),
    "position": 3,
    "gpu_instance": 7,
    "node": "n1",
    "closed": "is drained in Slurm",
    "taken_by": "anna",
    "nodes": ("/dev/nvidia3",),
    "processes": (GpuProcess(pid=1, memory_mb=5), GpuProcess(pid=2, graphics=True)),
}  # fmt: skip
