"""The device nodes of cards and MIG instances, from the driver's minor numbers and its files in /proc."""

from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from engine.gpu import nodes
from engine.gpu.nvml import NvmlGpus
from tests.gpu.conftest import HandClock
from tests.gpu.fake_nvml import FakeInstance, FakeNvml


@pytest.fixture
def cards(driver: FakeNvml, clock: HandClock) -> Iterator[NvmlGpus]:
    made = NvmlGpus(clock)
    yield made
    made.close()


@pytest.fixture
def capabilities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for /proc/driver/nvidia/capabilities."""
    monkeypatch.setattr(nodes, "CAPABILITIES", tmp_path)
    return tmp_path


def tell(file: Path, minor: int) -> None:
    """As the kernel module writes it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"DeviceFileMinor: {minor}\nDeviceFileMode: 292\nDeviceFileModify: 1\n")


def test_a_card_s_node_is_told_by_its_minor_number_and_not_by_its_index(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].minor, driver.cards[1].minor = 1, 0
    assert [reading.nodes for reading in cards.read()] == [("/dev/nvidia1",), ("/dev/nvidia0",)]


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_UNKNOWN])
def test_a_card_whose_minor_number_is_not_told_has_no_node(cards: NvmlGpus, driver: FakeNvml, code: int) -> None:
    driver.cards[0].fail["nvmlDeviceGetMinorNumber"] = code
    assert [reading.nodes for reading in cards.read()] == [(), ("/dev/nvidia1",)]


def test_a_minor_number_that_no_device_has_is_none(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].minor = 0xFFFFFFFF
    assert cards.read()[0].nodes == ()


def test_an_instance_has_its_card_s_node_and_two_of_its_own(
    cards: NvmlGpus, driver: FakeNvml, capabilities: Path
) -> None:
    driver.cards[0].minor = 4
    driver.cards[0].mig = [FakeInstance(uuid="MIG-a", number=1), FakeInstance(uuid="MIG-b", number=2, compute=3)]
    for instance, compute, minors in ((1, 0, (12, 13)), (2, 3, (21, 25))):
        place = capabilities / "gpu4" / "mig" / f"gi{instance}"
        tell(place / "access", minors[0])
        tell(place / f"ci{compute}" / "access", minors[1])
    first, second, whole = cards.read()
    assert first.nodes == ("/dev/nvidia4", "/dev/nvidia-caps/nvidia-cap12", "/dev/nvidia-caps/nvidia-cap13")
    assert second.nodes == ("/dev/nvidia4", "/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap25")
    assert whole.nodes == ("/dev/nvidia1",)


def test_what_cannot_be_told_of_an_instance_is_left_out(cards: NvmlGpus, driver: FakeNvml, capabilities: Path) -> None:
    driver.cards[0].mig = [
        FakeInstance(uuid="MIG-a", number=1, compute=None),
        FakeInstance(uuid="MIG-b", number=2),
        FakeInstance(uuid="MIG-c", number=3),
    ]
    tell(capabilities / "gpu0" / "mig" / "gi1" / "access", 12)
    garbled = capabilities / "gpu0" / "mig" / "gi3" / "access"
    garbled.parent.mkdir(parents=True)
    garbled.write_bytes(b"DeviceFileMinor: ../../sda\n\xff")
    assert [reading.nodes for reading in cards.read()[:3]] == [
        ("/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap12"),
        ("/dev/nvidia0",),
        ("/dev/nvidia0",),
    ]


def test_a_lost_card_keeps_its_node(cards: NvmlGpus, driver: FakeNvml) -> None:
    before = cards.read()[0]
    driver.cards[0].fail["nvmlDeviceGetHandleByIndex_v2"] = driver.cards[0].fail["nvmlDeviceGetMemoryInfo"] = (
        pynvml.NVML_ERROR_GPU_IS_LOST
    )
    driver.fail["nvmlDeviceGetMemoryInfo_v2"] = pynvml.NVML_ERROR_GPU_IS_LOST
    lost = next(reading for reading in cards.read() if reading.uuid == before.uuid)
    assert (lost.present, lost.nodes) == (False, ("/dev/nvidia0",))
