"""What NVML tells, what it fails to tell, and what it tells wrongly, through the true bindings."""

from collections.abc import Iterator

import pynvml
import pytest

from engine.gpu.inventory import LOOK_AGAIN_S
from engine.gpu.nvml import NvmlGpus
from engine.gpu.unavailable import DriverUnavailable
from tests.gpu.conftest import HandClock
from tests.gpu.fake_nvml import MIB, UINT_NONE, FakeCard, FakeNvml


@pytest.fixture
def cards(driver: FakeNvml, clock: HandClock) -> Iterator[NvmlGpus]:
    provider = NvmlGpus(clock)
    yield provider
    provider.close()


def test_every_figure_arrives_in_its_unit(cards: NvmlGpus, clock: HandClock) -> None:
    first, second = cards.read()
    assert (first.index, first.uuid, first.model) == (
        0,
        "GPU-00000000-0000-0000-0000-000000000001",
        "NVIDIA RTX A6000",
    )
    assert (first.memory_mb, first.memory_used_mb) == (49_140, 1_024)
    assert (first.utilization, first.temperature_c) == (0.37, 61.0)
    assert (first.power_w, first.power_limit_w) == (151.25, 300.0)
    assert first.present
    assert not first.throttled
    assert first.read_at == clock.now()
    assert (second.index, second.model) == (1, "NVIDIA A100-SXM4-80GB")


ABSENT = [
    ("nvmlDeviceGetUtilizationRates", "utilization"),
    ("nvmlDeviceGetTemperature", "temperature_c"),
    ("nvmlDeviceGetPowerUsage", "power_w"),
    ("nvmlDeviceGetEnforcedPowerLimit", "power_limit_w"),
    ("nvmlDeviceGetMemoryInfo_v2", "memory_used_mb"),
]


@pytest.mark.parametrize(("function", "figure"), ABSENT)
@pytest.mark.parametrize(
    "code", [pynvml.NVML_ERROR_NO_PERMISSION, pynvml.NVML_ERROR_UNKNOWN, pynvml.NVML_ERROR_NO_DATA]
)
def test_a_figure_that_is_not_told_is_none_and_the_others_stay(
    cards: NvmlGpus, driver: FakeNvml, function: str, figure: str, code: int
) -> None:
    driver.cards[0].fail[function] = code
    reading = cards.read()[0]
    assert reading.present
    for _, name in ABSENT:
        assert (getattr(reading, name) is None) == (name == figure), name


def test_a_card_that_supports_nothing_is_still_a_card(cards: NvmlGpus, driver: FakeNvml) -> None:
    card = driver.cards[0]
    for name in [*dict(ABSENT), "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetName"]:
        card.fail[name] = pynvml.NVML_ERROR_NOT_SUPPORTED
    for name in ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
        card.fail[name] = pynvml.NVML_ERROR_NOT_SUPPORTED
    reading = cards.read()[0]
    assert (reading.present, reading.model, reading.memory_mb, reading.throttled) == (True, "NVIDIA GPU", 0, False)
    assert [getattr(reading, name) for _, name in ABSENT] == [None] * len(ABSENT)


@pytest.mark.parametrize(
    ("change", "figure"),
    [
        ({"utilization": UINT_NONE}, "utilization"),
        ({"utilization": 101}, "utilization"),
        ({"temperature": UINT_NONE}, "temperature_c"),
        ({"temperature": 201}, "temperature_c"),
        ({"milliwatts": UINT_NONE}, "power_w"),
        ({"limit_milliwatts": UINT_NONE}, "power_limit_w"),
        ({"used": 49_141 * MIB}, "memory_used_mb"),
        ({"used": 2**64 - 1}, "memory_used_mb"),
    ],
)
def test_nonsense_is_none_not_a_number(cards: NvmlGpus, driver: FakeNvml, change: dict[str, int], figure: str) -> None:
    for name, value in change.items():
        setattr(driver.cards[0], name, value)
    reading = cards.read()[0]
    assert getattr(reading, figure) is None
    assert reading.memory_mb == 49_140


def test_the_drivers_own_reserve_is_no_use_where_it_can_be_told_apart(cards: NvmlGpus, driver: FakeNvml) -> None:
    assert cards.read()[0].memory_used_mb == 1_024
    driver.cards[0].fail["nvmlDeviceGetMemoryInfo_v2"] = pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH
    assert cards.read()[0].memory_used_mb == 1_624


def test_a_size_told_once_is_remembered(cards: NvmlGpus, driver: FakeNvml) -> None:
    cards.read()
    driver.cards[0].total = 2**64 - 1
    reading = cards.read()[0]
    assert (reading.memory_mb, reading.memory_used_mb) == (49_140, None)


@pytest.mark.parametrize("gone", ["nvmlDeviceGetTemperature", "nvmlDeviceGetCurrentClocksEventReasons"])
def test_calls_that_this_library_does_not_have_are_replaced(cards: NvmlGpus, driver: FakeNvml, gone: str) -> None:
    driver.missing.add(gone)
    driver.cards[0].reasons = pynvml.nvmlClocksEventReasonSwThermalSlowdown
    reading = cards.read()[0]
    assert (reading.temperature_c, reading.throttled) == (61.0, True)


@pytest.mark.parametrize(
    ("reasons", "throttled"),
    [
        (pynvml.nvmlClocksEventReasonSwThermalSlowdown, True),
        (pynvml.nvmlClocksEventReasonHwThermalSlowdown, True),
        (pynvml.nvmlClocksEventReasonHwSlowdown, True),
        (pynvml.nvmlClocksEventReasonHwSlowdown | pynvml.nvmlClocksEventReasonHwThermalSlowdown, True),
        (pynvml.nvmlClocksEventReasonHwSlowdown | pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown, False),
        (pynvml.nvmlClocksEventReasonSwPowerCap, False),
        (pynvml.nvmlClocksEventReasonGpuIdle, False),
        (2**64 - 1, False),
        (0, False),
    ],
)
def test_only_heat_counts_as_throttling(cards: NvmlGpus, driver: FakeNvml, reasons: int, throttled: bool) -> None:
    driver.cards[0].reasons = reasons
    assert cards.read()[0].throttled is throttled


@pytest.mark.parametrize(
    "function",
    ["nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID", "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetPowerUsage"],
)
def test_a_lost_card_is_named_and_the_others_are_read(
    cards: NvmlGpus, driver: FakeNvml, clock: HandClock, function: str
) -> None:
    before = cards.read()
    clock.forward(LOOK_AGAIN_S)  # names are asked for now and then only
    driver.cards[0].fail[function] = pynvml.NVML_ERROR_GPU_IS_LOST
    lost, other = cards.read()
    assert (lost.uuid, lost.index, lost.model, lost.memory_mb) == (
        before[0].uuid,
        before[0].index,
        before[0].model,
        before[0].memory_mb,
    )
    assert (lost.present, lost.fault) == (False, "lost")
    assert (lost.temperature_c, lost.memory_used_mb) == (None, None)
    assert other.present
    assert other.temperature_c == 40.0
    driver.cards[0].fail.clear()
    assert cards.read()[0].present


def test_a_card_that_vanished_keeps_its_uuid_and_the_rest_their_indices(cards: NvmlGpus, driver: FakeNvml) -> None:
    first, second = cards.read()
    del driver.cards[0]
    readings = {reading.uuid: reading for reading in cards.read()}
    assert not readings[first.uuid].present
    assert readings[second.uuid].present
    assert readings[second.uuid].index == 1


def test_a_card_lost_before_its_first_reading_is_left_out(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].fail["nvmlDeviceGetHandleByIndex_v2"] = pynvml.NVML_ERROR_GPU_IS_LOST
    assert [reading.index for reading in cards.read()] == [1]


def test_names_that_are_not_utf8_do_not_end_the_reading(cards: NvmlGpus, driver: FakeNvml) -> None:
    driver.cards[0].name = b"NVIDIA \xff"
    assert [reading.model for reading in cards.read()] == ["NVIDIA GPU", "NVIDIA A100-SXM4-80GB"]


def test_a_reloaded_driver_is_opened_again_at_the_next_reading(cards: NvmlGpus, driver: FakeNvml) -> None:
    cards.read()
    driver.reload()
    assert all(reading.present for reading in cards.read())
    assert driver.starts == 2


def test_a_driver_that_stays_away_is_told_and_comes_back(cards: NvmlGpus, driver: FakeNvml) -> None:
    cards.read()
    driver.reload()
    driver.fail["nvmlInitWithFlags"] = pynvml.NVML_ERROR_DRIVER_NOT_LOADED
    for _ in range(2):
        assert [(reading.present, reading.fault, reading.index) for reading in cards.read()] == [
            (False, "driver", 0),
            (False, "driver", 1),
        ]
        assert cards.gone.value == pynvml.NVML_ERROR_DRIVER_NOT_LOADED
    driver.fail.clear()
    driver.cards.append(FakeCard(uuid="GPU-00000000-0000-0000-0000-000000000003"))
    assert [reading.index for reading in cards.read()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "Reboot"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "/dev/nvidia"),
        (pynvml.NVML_ERROR_UNKNOWN, "nvidia-smi"),
    ],
)
def test_a_driver_that_does_not_start_says_what_to_do(cards: NvmlGpus, driver: FakeNvml, code: int, words: str) -> None:
    driver.fail["nvmlInitWithFlags"] = code
    with pytest.raises(DriverUnavailable, match=words):
        cards.read()


def test_a_driver_that_fails_as_a_whole_is_not_a_host_without_cards(cards: NvmlGpus, driver: FakeNvml) -> None:
    cards.read()
    driver.fail["nvmlDeviceGetCount_v2"] = pynvml.NVML_ERROR_UNKNOWN
    assert {reading.fault for reading in cards.read()} == {"driver"}
    driver.fail.clear()
    assert len(cards.read()) == 2
    cards.close()
    assert driver.starts == driver.stops  # the library counts its users, and shuts down with the last


def test_a_driver_that_goes_in_the_middle_of_a_reading_is_no_lost_card(cards: NvmlGpus, driver: FakeNvml) -> None:
    cards.read()
    driver.cards[1].fail["nvmlDeviceGetPowerUsage"] = pynvml.NVML_ERROR_UNINITIALIZED
    assert [reading.fault for reading in cards.read()] == ["driver", "driver"]


def test_a_host_without_the_library_says_so(monkeypatch: pytest.MonkeyPatch, clock: HandClock) -> None:
    def not_found(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    monkeypatch.setattr(pynvml, "CDLL", not_found)
    with pytest.raises(DriverUnavailable, match=r"libnvidia-ml\.so\.1 is not there.*gpu\.provider"):
        NvmlGpus(clock).read()


def test_close_lets_go_of_the_driver_once(cards: NvmlGpus, driver: FakeNvml) -> None:
    cards.close()
    cards.read()
    cards.close()
    cards.close()
    assert driver.starts == driver.stops == driver.calls.count("nvmlShutdown") == 1


@pytest.mark.gpu
def test_the_real_driver_is_read() -> None:
    """On a host with an NVIDIA card; everything else here is against the stand-in."""
    provider = NvmlGpus(HandClock())
    try:
        readings = provider.read()
    except DriverUnavailable as missing:
        pytest.skip(str(missing))
    provider.close()
    assert readings
    assert all(reading.present and reading.memory_mb > 0 for reading in readings)
