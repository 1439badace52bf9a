"""Engines come and go; jobs stay: none lost, none run twice, every exit code right."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


def test_kill_9_and_start_again_loses_nothing_and_repeats_nothing(
    engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    ran, gate = tmp_path / "ran", tmp_path / "gate"
    os.mkfifo(gate)
    ends_away = admin.script(f"echo away >> {ran}; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; exit 5")
    ends_later = admin.script(f"echo later >> {ran}; read line < {gate}; exit 6", gpus=1)
    many = [admin.script(f"echo many{n} >> {ran}; exit {n}", gpus=2) for n in range(5)]
    until(lambda: {"away", "later"} <= set(lines(ran)))
    engine.end(signal.SIGKILL)
    (tmp_path / "go").touch()
    until((engine.state / "jobs" / str(ends_away) / "exit").exists)

    engine.start()
    assert admin.job(ends_away)["exit_code"] == 5
    assert admin.job(ends_later)["state"] == "running"
    assert {admin.job(number)["state"] for number in many} == {"pending"}
    assert admin.get("/v1/gpus")["items"][0]["jobs"][0]["id"] == ends_later
    gate.write_text("\n")
    assert admin.ended(ends_later)["exit_code"] == 6
    assert [admin.ended(number)["exit_code"] for number in many] == [0, 1, 2, 3, 4]
    assert sorted(lines(ran)) == sorted(["away", "later", *(f"many{n}" for n in range(5))])
    assert {admin.job(number)["attempt"] for number in (ends_away, ends_later, *many)} == {1}


def test_killed_again_and_again_under_load_every_job_runs_once(
    engine: Any, admin: Any, tmp_path: Path, lines: Callable[..., Any], until: Callable[..., Any]
) -> None:
    ran = tmp_path / "ran"
    command = f"echo $RCQ_JOB_ID >> {ran}; exit $((RCQ_JOB_ID % 7))"
    report = admin.post("/v1/jobs/batch", {"jobs": [{"command": ["sh", "-c", command]} for _ in range(150)]})
    for share in (10, 50, 90):
        until(lambda share=share: len(lines(ran)) >= share)
        engine.end(signal.SIGKILL)
        engine.start()
    numbers = range(report["first_id"], report["last_id"] + 1)
    assert len(numbers) == 150
    until(lambda: not admin.get("/v1/jobs", limit=1)["items"])
    assert sorted(map(int, lines(ran))) == list(numbers)
    ended = {row["id"]: row for row in admin.get("/v1/jobs", state="completed,failed", limit=1000)["items"]}
    assert {number: row["exit_code"] for number, row in ended.items()} == {number: number % 7 for number in numbers}


def test_sigterm_leaves_jobs_running_and_a_second_engine_is_refused(
    engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any]
) -> None:
    number = admin.script(f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; exit 4")
    admin.wait_for(number, "running")
    second = subprocess.run(engine.command(), capture_output=True, timeout=20, check=False)
    assert second.returncode == 1
    assert f"(pid {engine.process.pid}) already works on" in second.stderr.decode()
    assert admin.job(number)["state"] == "running"

    assert engine.end(signal.SIGTERM) == 0
    assert not engine.socket.exists()
    (tmp_path / "go").touch()
    until((engine.state / "jobs" / str(number) / "exit").exists)
    engine.start()
    assert admin.job(number)["exit_code"] == 4


def test_a_drained_card_and_held_jobs_stay_so(engine: Any, admin: Any) -> None:
    admin.post("/v1/gpus/0/drain", {"why": "fan"})
    blocker = admin.submit("sleep", "300", gpus=1)
    waiting = admin.submit("true", gpus=1)
    admin.post(f"/v1/jobs/{waiting}/hold")
    assert admin.wait_for(blocker, "running")["gpu_indices"] == [1]
    engine.end(signal.SIGTERM)
    engine.start()
    assert [card["state"] for card in admin.get("/v1/gpus")["items"]] == ["drained", "ok"]
    assert admin.job(waiting)["state"] == "held"
    assert admin.refusal("POST", "/v1/gpus/1/resume") == "INVALID_STATE"
    admin.post("/v1/gpus/0/resume", {})
    admin.post(f"/v1/jobs/{waiting}/release")
    assert admin.ended(waiting)["gpu_indices"] == [0]


def test_settings_that_cannot_be_are_named(engine: Any) -> None:
    engine.config.write_text("[scheduling]\npolicy = 'best'\n[engin]\n")
    second = subprocess.run(engine.command(), capture_output=True, timeout=20, check=False)
    assert second.returncode == 2
    assert "scheduling.policy" in second.stderr.decode()
    assert "engine" in second.stderr.decode()
