"""A driver to be played with while an unmodified engine reads it through the true bindings.

    driver = ScriptedDriver(folder, cards=2)
    engine = launch(driver.settings(), environment=driver.environment)
    driver.card(0, temperature=92)

Works by a file that the library's side (`played.py`) follows in the process that reads the cards. An engine sees what
was injected at its next reading.
"""

import json
import os
from pathlib import Path
from typing import Any

from tests.gpu.fake_card import ALL_INSTANCES, MIB

ROOT = Path(__file__).parents[2]
SETTINGS = """
[engine]
sample_interval_s = {sample_s}
[scheduling]
cpu_cores = 8
memory_mb = 8000
[gpu]
provider = "nvml"
read_timeout_s = {timeout_s}
{gpu}
[auth]
bcrypt_rounds = 4
peer = false
lockout_failures = 3
[executor]
grace_s = 1.0
{more}
"""


class ScriptedDriver:
    """Cards and their faults. Cards are named by the index that they were given here; idle and cool at first.

    model: of all cards. Memory is in MiB, power in watts, temperatures in degrees Celsius.
    """

    def __init__(self, folder: Path, cards: int = 2, model: str = "NVIDIA RTX A6000", memory_mb: int = 49_140) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.script = folder / "driver.json"
        self._serial = 0
        self._values: dict[str, Any] = {
            "generation": 0,
            "fail": {},
            "hang": [],
            "crash": [],
            "missing": [],
            "near": [],
            "xids": [],
            "cards": [_card(index, model, memory_mb) for index in range(cards)],
        }
        self._write()

    @property
    def environment(self) -> dict[str, str]:
        """What an engine has to find in its environment, beside what this process has."""
        path = [str(Path(__file__).parent / "driver"), os.environ.get("PYTHONPATH", "")]
        return {"RCQ_SCRIPTED_NVML": str(self.script), "PYTHONPATH": os.pathsep.join(filter(None, path))}

    def settings(self, *, gpu: str = "", more: str = "", sample_s: float = 0.1, timeout_s: float = 2.0) -> str:
        """An rcq.toml for this driver. gpu: more lines of [gpu]; more: lines of other groups at the end."""
        return SETTINGS.format(gpu=gpu, more=more, sample_s=sample_s, timeout_s=timeout_s)

    def uuid(self, index: int) -> str:
        """Of that card."""
        return str(self._values["cards"][index]["uuid"])

    def card(self, index: int, **figures: Any) -> None:
        """Set figures of `FakeCard` in its units, or used_mb, memory_mb, power_w, limit_w, default_w, energy_j."""
        card = self._values["cards"][index]
        for name, value in figures.items():
            raw, factor = _UNITS.get(name, (name, 1))
            assert raw in card, f"a card has no {name}"
            card[raw] = int(value * factor) if name in _UNITS and value is not None else value
        self._write()

    def processes(
        self, index: int, running: list[tuple[int, int | None]], *, kind: str = "processes", used_mb: int | None = None
    ) -> None:
        """Let these (pid, MiB or `None`) be on a card. kind: `processes`, `graphics` or `mps`.

        used_mb: all of the card's memory in use; their sum unless told.
        """
        card = self._values["cards"][index]
        card[kind] = [(pid, None if mb is None else mb * MIB) for pid, mb in running]
        card["used"] = (sum(mb or 0 for _, mb in running) if used_mb is None else used_mb) * MIB
        self._write()

    def fail(self, index: int | None, function: str, code: int | None) -> None:
        """Let a function fail with one of NVML's codes, on one card or (`None`) everywhere; code `None`: no more."""
        fails = self._of(index)["fail"]
        fails.pop(function, None)
        if code is not None:
            fails[function] = code
        self._write()

    def hang(self, index: int | None, function: str = "nvmlDeviceGetTemperature") -> None:
        """Let a function never come back, on one card or (`None`) everywhere."""
        self.script.with_suffix(".hung").unlink(missing_ok=True)
        self._of(index)["hang"].append(function)
        self._write()

    def hangs(self) -> bool:
        """Whether somebody has called the function that hangs since it does."""
        return self.script.with_suffix(".hung").exists()

    def crash(self, index: int | None, function: str = "nvmlDeviceGetTemperature") -> None:
        """Let a function kill the process that calls it (SIGSEGV)."""
        self._of(index)["crash"].append(function)
        self._write()

    def heal(self, index: int | None) -> None:
        """No function of that card (`None`: of the driver as a whole) fails, hangs or crashes any more; it is there."""
        self._of(index).update(fail={}, hang=[], crash=[])
        if index is not None:
            self._of(index)["lost"] = False
        self._write()

    def xid(self, index: int, code: int, instance: int = ALL_INSTANCES) -> None:
        """Let the driver tell an Xid event of that card, once."""
        self._serial += 1
        self._values["xids"].append((self._serial, self.uuid(index), code, instance))
        self._write()

    def lose(self, index: int) -> None:
        """The card falls off the bus: calls answer GPU_IS_LOST, the driver counts one less. `heal` brings it back."""
        self._values["cards"][index]["lost"] = True
        self._write()

    def reload(self) -> None:
        """The driver is unloaded and loaded again at once: who has it open has to open it anew."""
        self._values["generation"] += 1
        self._write()

    def unload(self, code: int = 9) -> None:
        """The driver is gone (NVML_ERROR_DRIVER_NOT_LOADED, or another code) until `load`."""
        self._values["generation"] += 1
        self._values["fail"]["nvmlInitWithFlags"] = code
        self._write()

    def load(self) -> None:
        """The driver is there again."""
        self._values["fail"].pop("nvmlInitWithFlags", None)
        self._write()

    def near(self, index: int, other: int, level: int) -> None:
        """How close two cards are on PCIe, as NVML's topology levels (10 one switch … 50 across nodes)."""
        self._values["near"].append((self._bus(index), self._bus(other), level))
        self._write()

    def nvlink(self, index: int, other: int, links: int) -> None:
        """Lay NVLinks between two cards."""
        for one, end in ((index, other), (other, index)):
            self._values["cards"][one]["nvlinks"] = [*self._values["cards"][one]["nvlinks"], *[self._bus(end)] * links]
        self._write()

    def split(self, index: int, *slices: int, memory_mb: int = 9_856) -> list[str]:
        """Switch a card to MIG with instances of so many slices, `memory_mb` for each slice; their UUIDs."""
        card = self._values["cards"][index]
        card["mig"] = [
            {
                "uuid": f"MIG-{index:08d}-0000-0000-0000-{at:012d}",
                "number": at + 1,
                "name": "",
                "slices": slice_count,
                "total": slice_count * memory_mb * MIB,
            }
            for at, slice_count in enumerate(slices)
        ]
        self._write()
        return [str(one["uuid"]) for one in card["mig"]]

    def set_limit_w(self, index: int) -> float | None:
        """The power limit in watts that a process set on that card; `None` if nobody did."""
        kept = self.script.with_suffix(".kept")
        limits = json.loads(kept.read_text())["limits"] if kept.exists() else {}
        return limits[self.uuid(index)] / 1000 if self.uuid(index) in limits else None

    def _bus(self, index: int) -> str:
        return str(self._values["cards"][index]["bus"])

    def _of(self, index: int | None) -> dict[str, Any]:
        found: dict[str, Any] = self._values if index is None else self._values["cards"][index]
        return found

    def _write(self) -> None:
        part = self.script.with_suffix(".part")
        part.write_text(json.dumps(self._values))
        part.replace(self.script)


_UNITS = {
    "used_mb": ("used", MIB),
    "memory_mb": ("total", MIB),
    "power_w": ("milliwatts", 1000),
    "limit_w": ("limit_milliwatts", 1000),
    "default_w": ("default_milliwatts", 1000),
    "energy_j": ("energy_mj", 1000),
}


def _card(index: int, model: str, memory_mb: int) -> dict[str, Any]:
    """An idle card of today."""
    return {
        "uuid": f"GPU-{index:08d}-0000-0000-0000-000000000000",
        "bus": f"00000000:{index + 1:02X}:00.0",
        "name": model,
        "total": memory_mb * MIB,
        "used": 0,
        "reserved": 600 * MIB,
        "utilization": 0,
        "temperature": 35,
        "margin": None,
        "slowdown": 95,
        "milliwatts": 22_000,
        "limit_milliwatts": 300_000,
        "default_milliwatts": 300_000,
        "min_milliwatts": 100_000,
        "max_milliwatts": 300_000,
        "energy_mj": 0,
        "sm_clock": 210,
        "memory_clock": 405,
        "reasons": 1,
        "ecc_corrected": 0,
        "ecc_uncorrected": 0,
        "remapped": (0, 0, 0, 0),
        "retired_pending": None,
        "processes": [],
        "graphics": [],
        "mps": [],
        "node": None,
        "nvlinks": [],
        "mig": None,
        "events": 8,
        "fail": {},
        "hang": [],
        "crash": [],
        "lost": False,
    }
