"""A real engine on a machine whose clock is set by an hour, while it runs and while it does not."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

WALLCLOCK = Path(__file__).parent / "wallclock"
SETTINGS = """
[engine]
pass_interval_s = 0.3
sample_interval_s = 0.3
[scheduling]
cpu_cores = 8
memory_mb = 8000
estimates = false
[gpu]
provider = "simulated"
[[gpu.simulated]]
count = 2
[auth]
bcrypt_rounds = 4
peer = false
[executor]
grace_s = 1.0
"""


class Clock:
    """The wall clock of the engine's machine, as a file says it."""

    def __init__(self, root: Path) -> None:
        self.file = root / "clock"
        self.off_s = 0.0
        self.step(0.0)
        paths = f"{WALLCLOCK}{os.pathsep}{Path(__file__).parents[2]}"
        self.environment = {"TEST_CLOCK": str(self.file), "PYTHONPATH": paths}

    def step(self, by_s: float) -> None:
        self.off_s += by_s
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(self.off_s))
        fresh.rename(self.file)

    def now(self) -> float:
        return time.time() + self.off_s


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
def test_an_hour_that_never_passed_costs_nobody_anything(
    launch: Callable[..., Any], clock: Clock, until: Callable[..., Any], tmp_path: Path, by_s: float
) -> None:
    engine = launch(SETTINGS, environment=clock.environment, program=("tests.e2e.clockset",))
    admin = engine.admin()
    gate = tmp_path / "gate"
    waits = f"while [ ! -e {gate} ]; do sleep 0.02; done"
    lasts = admin.script(waits, gpus=1, time_limit_s=1800)
    dies = admin.script("exec sleep 600", gpus=0, time_limit_s=1800)
    admin.wait_for(lasts, "running")
    admin.wait_for(dies, "running")

    # 1. while it runs: it notices, passes and readings go on, nothing counts as older than it is
    clock.step(by_s)
    until(lambda: "clock was set" in (engine.root / "engine.log").read_text())
    passes = admin.get("/v1/stats")["passes"]
    until(lambda: admin.get("/v1/stats")["passes"] >= passes + 3)
    seen = max(card["age_s"] for card in admin.get("/v1/gpus")["items"])
    until(lambda: max(card["age_s"] for card in admin.get("/v1/gpus")["items"]) < max(seen, 1.0))
    assert {card["state"] for card in admin.get("/v1/gpus")["items"]} == {"ok"}
    assert admin.ask("GET", "/healthz").status_code == 200
    assert abs(clock.now() - admin.job(lasts)["started_at"]) < 60
    quick = admin.ended(admin.submit("true", gpus=1))
    assert quick["state"] == "completed"
    assert abs(clock.now() - quick["ended_at"]) < 60
    assert 0 <= quick["ended_at"] - quick["started_at"] < 60

    # 2. while it does not: what it finds began when it began
    engine.end()
    clock.step(-by_s)
    engine.start()
    assert abs(clock.now() - admin.job(lasts)["started_at"]) < 90
    clock.step(by_s)
    until(lambda: (engine.root / "engine.log").read_text().count("clock was set") >= 2)

    # 3. the ends: as long as they took, for as much as that costs, none of them by its time limit
    gate.touch()
    done = admin.ended(lasts)
    assert (done["state"], done["cause"]) == ("completed", "exit")
    assert 0 <= done["ended_at"] - done["started_at"] < 90
    admin.ask("DELETE", f"/v1/jobs/{dies}")
    gone = admin.ended(dies)
    assert (gone["cause"], 0 <= gone["ended_at"] - gone["started_at"] < 90) == ("cancelled", True)
    until(lambda: admin.get("/v1/usage")["items"][0]["month_gpu_s"] < 200)
