"""What the doctor finds of the device files through which cards are reached."""

from pathlib import Path

import pytest

from engine.daemon.checks import nodes
from tests.daemon.test_doctor_appliance import Examine, Machine, examine, machine

__all__ = ["examine", "machine"]  # fixtures


def cards(root: Path, *names: str, mode: int = 0o666) -> None:
    """Device files, as far as the check can tell."""
    for name in names:
        (root / name).touch()
        (root / name).chmod(mode)


def test_device_files_of_cards(
    machine: Machine, examine: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.config.write_text(machine.config.read_text().replace('"none"', '"auto"'))
    driver, devices = tmp_path / "driver", tmp_path / "dev"
    for place in (driver / "gpus/0000:01:00.0", driver / "gpus/0000:02:00.0", devices):
        place.mkdir(parents=True)
    monkeypatch.setattr(nodes, "DRIVER", driver)
    monkeypatch.setattr(nodes, "DEVICES", devices)
    assert examine()[1]["card files"]["state"] == "ok"  # no driver
    (driver / "version").touch()
    cards(devices, "nvidia0", "nvidiactl")
    assert examine()[1]["card files"]["found"] == f"missing in {devices}: nvidia-uvm, 1 of 2 cards"
    cards(devices, "nvidia1", "nvidia-uvm")
    assert examine()[1]["card files"]["state"] == "ok"
    cards(devices, "nvidia1", mode=0o660)
    found = examine()[1]["card files"]
    assert (found["state"], found["found"]) == ("warn", f"{devices}/nvidia1 is closed to others (-rw-rw----)")
