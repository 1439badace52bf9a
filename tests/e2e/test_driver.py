"""A driver that hangs, tells nonsense, loses a card or goes, under a real engine with real jobs; it is scripted, and
called through the true bindings."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.gpu.scripted import ScriptedDriver

pytestmark = pytest.mark.e2e

UINT_NONE, ULONG_NONE = 2**32 - 1, 2**64 - 1
OFF = "canary = false\ncanary_after_s = 0.1"
"""A card that answers again is used again at once."""


def cards(person: Any) -> list[dict[str, Any]]:
    return list(person.get("/v1/gpus")["items"])


def states(person: Any) -> list[str]:
    return [card["state"] for card in cards(person)]


def engine_log(engine: Any) -> str:
    return str((engine.root / "engine.log").read_text())


def test_a_card_that_hangs_is_left_alone_and_everything_else_goes_on(
    launch: Callable[..., Any], driver: ScriptedDriver, until: Callable[..., Any]
) -> None:
    engine = launch(driver.settings(timeout_s=3.0, gpu=f'fault_action = "leave"\n{OFF}'), driver.environment)
    admin = engine.admin()
    before = admin.submit("sleep", "300", gpus=1)
    admin.wait_for(before, "running")
    (held,) = [card["index"] for card in cards(admin) if card["jobs"]]
    driver.hang(held)
    until(driver.hangs)
    hangs_since, slowest, sick = time.monotonic(), 0.0, False
    while not sick:  # the watchdog needs its three seconds: people must not notice
        began = time.monotonic()
        sick = states(admin)[held] not in ("ok", "settling")
        slowest = max(slowest, time.monotonic() - began)
        assert time.monotonic() - hangs_since < 20
    assert slowest < 2.5, "the API waited for the driver"
    first, second = (admin.submit("true", gpus=1) for _ in range(2))
    assert admin.ended(first)["state"] == admin.ended(second)["state"] == "completed"
    assert admin.job(before)["state"] == "running"
    assert "has not come back for 3 s, asked about GPU" in engine_log(engine)
    waiting = admin.submit("true", gpus=2)
    assert admin.job(waiting)["state"] == "pending"
    driver.heal(held)
    admin.ask("DELETE", f"/v1/jobs/{before}")
    assert admin.ended(waiting)["state"] == "completed"


def test_the_engine_ends_quickly_while_the_driver_hangs(
    launch: Callable[..., Any], driver: ScriptedDriver, until: Callable[..., Any]
) -> None:
    engine = launch(driver.settings(timeout_s=300.0), driver.environment)
    admin = engine.admin()
    assert states(admin) == ["ok", "ok"]
    driver.hang(0)
    until(driver.hangs)
    (reader,) = readers(engine)
    began = time.monotonic()
    assert engine.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 3.0
    until(lambda: not reader.is_running())


def readers(engine: Any) -> list[psutil.Process]:
    """Processes of this engine that read the cards."""
    children = psutil.Process(engine.process.pid).children()
    return [child for child in children if "engine.gpu.reader" in child.cmdline()]


def test_figures_that_are_not_told_or_are_nonsense_are_absent(
    launch: Callable[..., Any], driver: ScriptedDriver
) -> None:
    driver.card(0, temperature=UINT_NONE, milliwatts=UINT_NONE, utilization=UINT_NONE, used=ULONG_NONE)
    driver.fail(1, "nvmlDeviceGetPowerUsage", 3)
    driver.fail(1, "nvmlDeviceGetUtilizationRates", 999)
    admin = launch(driver.settings(), driver.environment).admin()
    nonsense, untold = cards(admin)
    for name in ("temperature_c", "power_w", "utilization", "memory_used_mb"):
        assert nonsense[name] is None, name
    assert (untold["temperature_c"], untold["power_w"], untold["utilization"]) == (35.0, None, None)
    assert admin.ended(admin.submit("true", gpus=1))["state"] == "completed"


def test_all_that_is_read_of_a_card_is_told(launch: Callable[..., Any], driver: ScriptedDriver) -> None:
    driver.card(0, reasons=0x40, margin=7, node=1, ecc_corrected=2, ecc_uncorrected=3)
    driver.nvlink(0, 1, 4)
    slowed, other = cards(launch(driver.settings(), driver.environment).admin())
    told = {"margin_c": 7.0, "throttle": ["hw-thermal"], "ecc_corrected": 2, "ecc_uncorrected": 3, "links": [0, 104]}
    told |= {"slowdown_c": 95.0, "sm_clock_mhz": 210, "memory_clock_mhz": 405, "pci": "00000000:01:00.0"}
    assert {name: slowed[name] for name in told} == told
    assert (other["links"], other["throttle"], other["margin_c"]) == ([104, 0], [], None)


def test_a_lost_card_is_shown_as_missing_and_comes_back(
    launch: Callable[..., Any], driver: ScriptedDriver, until: Callable[..., Any]
) -> None:
    admin = launch(driver.settings(gpu=OFF), driver.environment).admin()
    driver.lose(0)
    until(lambda: states(admin)[0] != "ok")
    assert admin.ended(admin.submit("true", gpus=1))["state"] == "completed"
    both = admin.submit("true", gpus=2)
    assert admin.job(both)["state"] == "pending"
    driver.heal(0)
    until(lambda: states(admin)[0] != "missing")
    assert cards(admin)[0]["uuid"] == driver.uuid(0)


def test_a_driver_that_is_restarted_takes_all_cards_and_brings_them_back(
    launch: Callable[..., Any], driver: ScriptedDriver, until: Callable[..., Any]
) -> None:
    engine = launch(driver.settings(gpu=OFF), driver.environment)
    admin = engine.admin()
    driver.unload()
    until(lambda: "ok" not in states(admin))
    number = admin.submit("true", gpus=2)
    assert admin.job(number)["state"] == "pending"
    driver.load()
    assert admin.ended(number)["state"] == "completed"
    log = engine_log(engine)
    assert "The NVIDIA driver is not loaded" in log
    assert "The NVIDIA driver is there again" in log


def test_a_driver_that_kills_who_reads_it_does_not_kill_the_engine(
    launch: Callable[..., Any], driver: ScriptedDriver, until: Callable[..., Any]
) -> None:
    engine = launch(driver.settings(), driver.environment)
    admin = engine.admin()
    driver.crash(1)
    until(lambda: states(admin)[1] != "ok")
    assert admin.ended(admin.submit("true", gpus=1))["state"] == "completed"
    assert "ended the process that read it, asked about GPU 1" in engine_log(engine)


def test_mig_instances_are_offered_one_by_one(launch: Callable[..., Any], driver: ScriptedDriver) -> None:
    uuids = driver.split(1, 3, 3)
    admin = launch(driver.settings(), driver.environment).admin()
    assert [card["uuid"] for card in cards(admin)] == [driver.uuid(0), *uuids]
    number = admin.submit("sh", "-c", "echo $CUDA_VISIBLE_DEVICES", gpus=1, gpu_type="MIG")
    admin.ended(number)
    assert admin.log(number).strip() in uuids


def test_an_engine_starts_on_a_driver_that_hangs(
    launch: Callable[..., Any], driver: ScriptedDriver, until: Callable[..., Any]
) -> None:
    driver.hang(None, "nvmlInitWithFlags")
    admin = launch(driver.settings(timeout_s=0.5), driver.environment).admin()
    assert cards(admin) == []
    assert admin.ended(admin.submit("true"))["state"] == "completed"
    driver.heal(None)
    until(lambda: len(cards(admin)) == 2)


def test_an_engine_that_waits_for_a_driver_at_its_start_can_be_ended(
    engine: Any, driver: ScriptedDriver, until: Callable[..., Any], tmp_path: Path
) -> None:
    driver.hang(None, "nvmlInitWithFlags")
    root = tmp_path / "waiting"
    root.mkdir()
    waiting = type(engine)(root, driver.settings(timeout_s=300.0), driver.environment)
    process = subprocess.Popen(waiting.command(), env=waiting.environment, stderr=subprocess.DEVNULL)
    until(driver.hangs)
    process.terminate()
    process.wait(3.0)
    until(lambda: not waiting.leftovers())
