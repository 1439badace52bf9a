"""The process that reads the driver, and what becomes of a reading when a call hangs, crashes or the driver goes."""

import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pynvml
import pytest

from engine.gpu import watched
from engine.gpu.child import Child, Interrupted, TooLate
from engine.gpu.troubles import LONGEST_S, Troubles
from engine.gpu.unavailable import DriverHangs, DriverUnavailable
from engine.gpu.watched import MOST_LEFT_BEHIND, WatchedGpus
from engine.protocol.errors import RcqError
from engine.readings import GpuReading
from tests.gpu.conftest import HandClock
from tests.gpu.scripted import ScriptedDriver

TIMEOUT_S = 0.5
PATIENCE_S = 40.0


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    driver = ScriptedDriver(tmp_path / "driver")
    for name, value in driver.environment.items():
        monkeypatch.setenv(name, value)
    return driver


@pytest.fixture
def gpus(script: ScriptedDriver, clock: HandClock) -> Iterator[WatchedGpus]:
    provider = WatchedGpus(clock, TIMEOUT_S)
    yield provider
    provider.close()


def read_until(gpus: WatchedGpus, fits: Callable[[tuple[GpuReading, ...]], bool]) -> tuple[GpuReading, ...]:
    deadline = time.monotonic() + PATIENCE_S
    while not fits(readings := gpus.read()):
        assert time.monotonic() < deadline, f"waited in vain: {readings}"
    return readings


def faults(readings: tuple[GpuReading, ...]) -> list[str | None]:
    return [reading.fault for reading in readings]


def test_a_card_that_hangs_is_named_and_the_other_is_read_on(
    gpus: WatchedGpus, script: ScriptedDriver, clock: HandClock
) -> None:
    first = gpus.read()
    script.hang(0)
    asked = clock.now()
    clock.forward(10)
    began = time.monotonic()
    hung, other = gpus.read()
    assert time.monotonic() - began < TIMEOUT_S + 1.0
    assert (hung.present, hung.fault, hung.temperature_c) == (False, "hang", None)
    assert (hung.uuid, hung.model, hung.memory_mb) == (first[0].uuid, first[0].model, first[0].memory_mb)
    assert (other.present, other.read_at) == (True, asked)  # not reached: the last reading, as old as it is
    script.card(1, temperature=51)
    hung, other = gpus.read()
    assert (hung.fault, other.temperature_c, other.read_at) == ("hang", 51.0, clock.now())
    script.heal(0)
    assert faults(read_until(gpus, lambda cards: cards[0].present)) == [None, None]


def test_a_card_that_hangs_when_it_is_looked_for_is_left_alone(gpus: WatchedGpus, script: ScriptedDriver) -> None:
    gpus.read()
    script.hang(1, "nvmlDeviceGetHandleByIndex_v2")
    script.reload()
    assert faults(gpus.read()) == [None, "hang"]
    assert faults(gpus.read()) == [None, "hang"]


def test_a_crash_of_the_driver_is_survived(gpus: WatchedGpus, script: ScriptedDriver) -> None:
    gpus.read()
    script.crash(1)
    readings = gpus.read()
    assert faults(readings) == [None, "hang"]
    assert readings[0].temperature_c == 35.0
    script.heal(1)
    assert faults(read_until(gpus, lambda cards: cards[1].present)) == [None, None]


def test_a_driver_that_hangs_as_a_whole(gpus: WatchedGpus, script: ScriptedDriver) -> None:
    gpus.read()
    script.hang(None, "nvmlDeviceGetCount_v2")
    assert faults(gpus.read()) == ["stall", "stall"]
    began = time.monotonic()
    assert faults(gpus.read()) == ["stall", "stall"]
    assert time.monotonic() - began < TIMEOUT_S / 2  # it is left alone for a while
    script.heal(None)
    read_until(gpus, lambda cards: all(card.present for card in cards))


def test_a_driver_that_hangs_from_the_start_says_so(script: ScriptedDriver, gpus: WatchedGpus) -> None:
    script.hang(None, "nvmlInitWithFlags")
    with pytest.raises(DriverHangs, match="dmesg"):
        gpus.read()


def test_a_driver_that_is_not_there_from_the_start_says_so(script: ScriptedDriver, gpus: WatchedGpus) -> None:
    script.unload()
    with pytest.raises(DriverUnavailable, match="modprobe nvidia"):
        gpus.read()
    script.load()
    assert faults(gpus.read()) == [None, None]


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_DRIVER_NOT_LOADED, pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH])
def test_a_driver_that_goes_takes_all_cards_with_it_and_brings_them_back(
    gpus: WatchedGpus, script: ScriptedDriver, code: int
) -> None:
    gpus.read()
    script.unload(code)
    assert faults(gpus.read()) == ["driver", "driver"]
    assert faults(gpus.read()) == ["driver", "driver"]
    script.load()
    assert faults(gpus.read()) == [None, None]
    script.reload()
    assert faults(gpus.read()) == [None, None]


def test_a_lost_card_comes_with_the_event_that_says_why_once(gpus: WatchedGpus, script: ScriptedDriver) -> None:
    gpus.read()
    script.xid(1, 79)
    script.lose(1)
    lost = gpus.read()[1]
    assert (lost.fault, lost.xids) == ("lost", (79,))
    assert gpus.read()[1].xids == ()
    script.heal(1)
    assert faults(gpus.read()) == [None, None]


def test_events_are_not_told_again_by_a_reading_that_is_repeated(gpus: WatchedGpus, script: ScriptedDriver) -> None:
    gpus.read()
    script.xid(1, 13)
    assert gpus.read()[1].xids == (13,)
    script.hang(0)
    assert gpus.read()[1].xids == ()


def test_closing_ends_a_reading_that_hangs_at_once(script: ScriptedDriver, clock: HandClock) -> None:
    gpus = WatchedGpus(clock, 60.0)
    gpus.read()
    script.hang(0)
    told: list[Exception] = []

    def read() -> None:
        try:
            gpus.read()
        except RcqError as error:
            told.append(error)

    reading = threading.Thread(target=read)
    reading.start()
    began = time.monotonic()
    gpus.close()
    reading.join(PATIENCE_S)
    assert not reading.is_alive()
    assert time.monotonic() - began < 5.0
    assert len(told) <= 1  # none where it had not begun to read


def test_the_process_ends_with_the_provider(gpus: WatchedGpus) -> None:
    gpus.read()
    assert gpus._child is not None
    pid = gpus._child.pid
    gpus.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_power_limits_are_set_and_bounds_are_told(gpus: WatchedGpus, script: ScriptedDriver) -> None:
    (first, _) = gpus.read()
    gpus.set_limit(first.uuid, 220.0)
    assert script.set_limit_w(0) == 220.0
    assert gpus.read()[0].power_limit_w == 220.0
    with pytest.raises(RcqError, match="from 100 to 300 W"):
        gpus.set_limit(first.uuid, 20.0)
    script.fail(0, "nvmlDeviceSetPowerManagementLimit", pynvml.NVML_ERROR_NO_PERMISSION)
    with pytest.raises(RcqError, match="only root"):
        gpus.set_limit(first.uuid, 220.0)
    script.hang(0, "nvmlDeviceSetPowerManagementLimit")
    with pytest.raises(RcqError, match="did not come back"):
        gpus.set_limit(first.uuid, 220.0)
    assert faults(gpus.read()) == ["hang", None]


def test_only_root_may_set_power_limits(gpus: WatchedGpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert gpus.refusal() is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "Only root" in (gpus.refusal() or "")


class Stuck:
    """A process in the kernel's hands: it neither answers nor dies."""

    made = 0
    may_die = False

    def __init__(self, wake: int) -> None:
        Stuck.made += 1
        self.pid = Stuck.made
        self._asked = False

    def ask(self, request: Mapping[str, Any], deadline: float) -> None:
        pass

    def lines(self, deadline: float) -> Iterator[dict[str, Any]]:
        if not self._asked:
            self._asked = True
            yield {"ask": None}
        raise TooLate

    def kill(self) -> bool:
        return Stuck.may_die

    def dead(self) -> bool:
        return Stuck.may_die


def test_processes_that_cannot_be_ended_are_left_behind_and_are_not_many(
    clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stuck, "made", 0)
    gpus = WatchedGpus(clock, 0.0, start=Stuck)  # type: ignore[arg-type]
    for _ in range(3 * MOST_LEFT_BEHIND):
        with pytest.raises(DriverHangs):
            gpus.read()
    assert Stuck.made == MOST_LEFT_BEHIND
    monkeypatch.setattr(Stuck, "may_die", True)
    with pytest.raises(DriverHangs):
        gpus.read()
    assert Stuck.made == MOST_LEFT_BEHIND + 1


def test_one_card_whose_readers_cannot_be_ended_is_no_fault_of_the_others(
    gpus: WatchedGpus, script: ScriptedDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus.read()
    monkeypatch.setattr(watched, "MOST_LEFT_BEHIND", 1)
    kill = Child.kill
    killed: list[Child] = []

    def stays(child: Child) -> bool:
        killed.append(child)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(Child, "kill", stays)
        patch.setattr(Child, "dead", lambda child: False)
        script.hang(0)
        assert faults(gpus.read()) == ["hang", "stall"]
        assert faults(gpus.read()) == ["hang", "stall"]
    script.heal(0)
    for child in killed:
        kill(child)
    assert faults(read_until(gpus, lambda cards: all(card.present for card in cards))) == [None, None]


def test_a_process_that_cannot_be_started_is_an_error_with_its_reason(clock: HandClock) -> None:
    def fail(wake: int) -> Child:
        raise OSError(11, "Resource temporarily unavailable")

    with pytest.raises(RcqError, match="Resource temporarily"):
        WatchedGpus(clock, 1.0, start=fail).read()


def test_a_process_that_does_not_even_listen_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = tmp_path / "deaf"
    deaf.write_text("#!/bin/sh\nexec sleep 300\n")
    deaf.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(deaf))
    wake = os.eventfd(0)
    child = Child(wake)
    with pytest.raises(TooLate):
        child.ask({"known": "x" * 1_000_000}, time.monotonic() + 0.1)
    os.eventfd_write(wake, 1)
    with pytest.raises(Interrupted):
        child.ask({"known": "x" * 1_000_000}, time.monotonic() + PATIENCE_S)
    assert child.kill()
    os.close(wake)


def test_trouble_grows_up_to_a_bound_and_is_forgotten() -> None:
    troubles = Troubles(10.0)
    assert [troubles.add(3, 0.0) for _ in range(3)] == [10.0, 20.0, 40.0]
    assert (troubles.left_alone(39.0), troubles.on_trial(39.0)) == ([3], [])
    assert (troubles.left_alone(40.0), troubles.on_trial(40.0)) == ([], [3])
    assert max(troubles.add(3, 0.0) for _ in range(20)) == LONGEST_S
    assert troubles.over(3)
    assert not troubles.over(3)
    assert troubles.add(3, 0.0, again_at_once=True) == 0.0
    assert troubles.add(3, 0.0, again_at_once=True) == 20.0


def test_a_reader_without_its_parent_ends(script: ScriptedDriver) -> None:
    wake = os.eventfd(0)
    child = Child(wake)
    descriptor = os.pidfd_open(child.pid)
    child._in.close()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll(PATIENCE_S * 1000)
    os.close(descriptor)
    os.close(wake)
    assert child.kill()
