"""Hot cards end to end: nothing starts there, and where it gets critical jobs are warned, really stopped, or moved."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.executor import tree
from tests.e2e.conftest import Engine, Person, until
from tests.gpu.scripted import ScriptedDriver

THERMAL = """
[thermal]
critical_action = "{action}"
"""
LOOP = "echo ready; until [ -e go ]; do sleep 0.02; done; echo went on"
WARM = """
[gpu]
provider = "simulated"
[[gpu.simulated]]
kelvin_per_watt = 0.2
ambient_c = 25.0
time_constant_s = 0.5
idle_w = 20.0
[engine]
sample_interval_s = 0.1
[thermal]
critical_action = "pause"
critical_c = 80.0
threshold_c = 60.0
resume_c = 50.0
[auth]
bcrypt_rounds = 4
peer = false
[executor]
grace_s = 1.0
"""

Launch = Callable[..., Engine]


@pytest.fixture
def hot(launch: Launch, driver: ScriptedDriver) -> Callable[[str], Engine]:
    """An engine on two scripted cards that does this at critical heat."""
    return lambda action: launch(driver.settings(more=THERMAL.format(action=action)), environment=driver.environment)


def card(person: Person, index: int) -> dict[str, Any]:
    return dict(person.get("/v1/gpus")["items"][index])


def read(person: Person, index: int, celsius: float) -> bool:
    return bool(card(person, index)["temperature_c"] == celsius)


def states_of(engine: Engine, job: int) -> set[str]:
    """Of each process of the job, by what its environment names."""
    mark = f"RCQ_JOB_ID={job}".encode()
    home = str(engine.root).encode()
    found = set()
    for one in tree.all_processes().values():
        try:
            text = Path(f"/proc/{one.pid}/environ").read_bytes()
        except OSError:
            continue
        if mark in text.split(b"\0") and home in text:
            found.add(one.state)
    return found


def stands_still(engine: Engine, job: int) -> bool:
    return states_of(engine, job) == {"T"}


def runs_on(person: Person, engine: Engine, **fields: Any) -> int:
    job = person.script(LOOP, gpus=1, workdir=str(engine.root), **fields)
    until(lambda: "ready" in person.log(job))
    return job


def index_of(person: Person, job: int) -> int:
    (index,) = person.job(job)["gpu_indices"]
    return int(index)


def test_nothing_starts_on_a_hot_card_and_the_reason_tells_what_slows_it_down(
    hot: Callable[[str], Engine], driver: ScriptedDriver
) -> None:
    driver.card(0, temperature=76)
    driver.card(1, temperature=60, reasons=0x40)
    engine = hot("warn")
    ann = engine.admin()
    until(lambda: {card(ann, index)["state"] for index in (0, 1)} == {"hot"})
    job = ann.submit("true", gpus=1)
    reasons = until(lambda: [one for one in ann.job(job)["reasons"] if one["code"] == "GPU_HOT"])
    assert {(one["index"], one["throttled"]) for one in reasons} == {(0, False), (1, True)}
    assert [one["throttle"] for one in reasons if one["index"] == 1] == [["hw-thermal"]]
    driver.card(0, temperature=71)
    until(lambda: read(ann, 0, 71.0))
    assert ann.job(job)["state"] == "pending", "between resume and threshold it stays out of use"
    driver.card(0, temperature=69)
    done = ann.ended(job)
    assert (done["state"], done["gpu_indices"]) == ("completed", [0])


def test_a_card_that_tells_margins_is_hot_by_its_margin(hot: Callable[[str], Engine], driver: ScriptedDriver) -> None:
    driver.card(0, temperature=50, margin=4)
    driver.card(1, temperature=50, margin=4)
    engine = hot("warn")
    ann = engine.admin()
    job = ann.submit("true", gpus=1)
    (first, _) = until(lambda: [one for one in ann.job(job)["reasons"] if one["code"] == "GPU_HOT"])
    assert (first["margin_c"], first["margin_min_c"]) == (4.0, 5.0)
    driver.card(1, margin=11)
    assert ann.ended(job)["gpu_indices"] == [1]


def test_warn_tells_owner_and_admin_and_leaves_the_job_alone(
    hot: Callable[[str], Engine], driver: ScriptedDriver
) -> None:
    engine = hot("warn")
    admin = engine.admin()
    ann = engine.someone(admin, "ann", "bio")
    job = runs_on(ann, engine)
    driver.card(index_of(ann, job), temperature=92)
    (told,) = until(lambda: ann.job(job)["notices"])
    assert (told["code"], told["temperature_c"], told["action"]) == ("GPU_CRITICAL", 92.0, "warn")
    assert (ann.job(job)["paused_since"], "T" in states_of(engine, job)) == (None, False)
    driver.card(index_of(ann, job), temperature=60)
    until(lambda: not ann.job(job)["notices"])
    assert ann.ask("DELETE", f"/v1/jobs/{job}").status_code < 300
    ann.ended(job)


def test_pause_stops_the_process_and_its_time_limit_until_the_card_is_cool(
    hot: Callable[[str], Engine], driver: ScriptedDriver
) -> None:
    engine = hot("pause")
    ann = engine.admin()
    job = runs_on(ann, engine, time_limit_s=3)
    at = index_of(ann, job)
    driver.card(at, temperature=91)
    until(lambda: stands_still(engine, job))
    shown = until(lambda: (found := ann.job(job))["paused_since"] and found)
    assert shown["state"] == "running"
    other = ann.submit("sleep", "3.2")  # longer than the job's time limit
    ann.ended(other)
    assert stands_still(engine, job)
    assert ann.get(f"/v1/jobs/{job}/why")["paused_since"] == shown["paused_since"]
    driver.card(at, temperature=72)
    until(lambda: read(ann, at, 72.0))
    assert stands_still(engine, job), "not below resume yet"
    driver.card(at, temperature=65)
    until(lambda: states_of(engine, job) and "T" not in states_of(engine, job))
    (engine.root / "go").touch()
    done = ann.ended(job)
    assert (done["state"], done["exit_code"], done["paused_since"]) == ("completed", 0, None)
    assert done["ended_at"] - done["started_at"] > 3.0, "longer than its time limit, by the clock"
    assert "went on" in ann.log(job)


def test_a_paused_job_survives_the_engines_death_and_goes_on_under_the_next_one(
    hot: Callable[[str], Engine], driver: ScriptedDriver
) -> None:
    engine = hot("pause")
    ann = engine.admin()
    job = runs_on(ann, engine)
    at = index_of(ann, job)
    driver.card(at, temperature=95)
    until(lambda: stands_still(engine, job))
    since = until(lambda: ann.job(job)["paused_since"])
    engine.end(signal.SIGKILL)
    assert stands_still(engine, job)
    driver.card(at, temperature=72)
    engine.start()
    ann = engine.log_in("root")
    found = until(lambda: ann.job(job)["paused_since"])
    assert found == pytest.approx(since, abs=2.0)
    until(lambda: read(ann, at, 72.0))
    assert card(ann, at)["state"] == "hot", "between resume and threshold a card counts as hot after a start"
    assert stands_still(engine, job)
    driver.card(at, temperature=60)
    until(lambda: ann.job(job)["paused_since"] is None)
    (engine.root / "go").touch()
    assert ann.ended(job)["exit_code"] == 0


def test_a_paused_job_can_be_cancelled(hot: Callable[[str], Engine], driver: ScriptedDriver) -> None:
    engine = hot("pause")
    ann = engine.admin()
    job = runs_on(ann, engine)
    driver.card(index_of(ann, job), temperature=95)
    until(lambda: stands_still(engine, job))
    assert ann.ask("DELETE", f"/v1/jobs/{job}").status_code < 300
    assert ann.ended(job)["state"] == "cancelled"
    assert not states_of(engine, job)


def test_preempt_moves_the_job_to_a_cool_card(hot: Callable[[str], Engine], driver: ScriptedDriver) -> None:
    engine = hot("preempt")
    ann = engine.admin()
    job = runs_on(ann, engine)
    at = index_of(ann, job)
    driver.card(at, temperature=91)
    moved = until(lambda: (found := ann.job(job))["attempt"] == 2 and found["state"] == "running" and found)
    assert moved["gpu_indices"] == [1 - at]
    (first,) = moved["attempts"]
    assert first["state"] == "preempted"
    assert f"GPU {at} got critically hot" in first["message"]
    assert ann.ask("DELETE", f"/v1/jobs/{job}").status_code < 300
    ann.ended(job)


def test_a_simulated_card_cools_while_its_job_stands_still(launch: Launch) -> None:
    engine = launch(WARM)
    ann = engine.admin()
    job = ann.script(LOOP, gpus=1, tags={"sim_load": "1.0"})  # 25 + 0.2 K/W x 300 W = 85 °C
    since = until(lambda: ann.job(job)["paused_since"])
    assert since
    until(lambda: ann.job(job)["paused_s"] > 0)
    assert ann.job(job)["state"] == "running"
    assert ann.ask("DELETE", f"/v1/jobs/{job}").status_code < 300
    ann.ended(job)
