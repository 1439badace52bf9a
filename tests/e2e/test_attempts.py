"""Real processes and their further attempts: retries, requeue, an engine that is killed while one is stopped, edits."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

STUBBORN = "trap 'sleep 0.4; exit 9' TERM; echo up$RCQ_ATTEMPT >> {ran}; while [ ! -e {go} ]; do sleep 0.02; done"
"""Takes its time after SIGTERM; a later attempt ends well once it may go."""


def test_a_job_that_fails_twice_succeeds_the_third_time(
    engine: Any, admin: Any, tmp_path: Path, lines: Callable[..., Any]
) -> None:
    ran = tmp_path / "ran"
    number = admin.script(f"echo out$RCQ_ATTEMPT; echo $RCQ_ATTEMPT >> {ran}; test $RCQ_ATTEMPT = 3", retries=5, gpus=1)
    job = admin.ended(number)
    assert (job["state"], job["attempt"], job["retries"]) == ("completed", 3, 5)
    assert [(one["state"], one["exit_code"]) for one in job["attempts"]] == [
        ("failed", 1), ("failed", 1), ("completed", 0),
    ]  # fmt: skip
    assert lines(ran) == ["1", "2", "3"]
    assert admin.log(number) == "out1\nout2\nout3\n"  # all attempts append to one file
    starts = [one["started_at"] for one in job["attempts"]]
    assert starts == sorted(starts)


def test_an_engine_killed_in_the_grace_of_a_requeued_job_loses_nothing(
    engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    ran, go = tmp_path / "ran", tmp_path / "go"
    number = admin.script(STUBBORN.format(ran=ran, go=go), gpus=1)
    until(lambda: lines(ran) == ["up1"])
    assert admin.post(f"/v1/jobs/{number}/requeue")["state"] == "running"
    engine.end(signal.SIGKILL)
    until((engine.state / "jobs" / str(number) / "exit").exists)
    engine.start()
    until(lambda: lines(ran) == ["up1", "up2"])
    job = admin.wait_for(number, "running")
    assert (job["attempt"], [one["state"] for one in job["attempts"]]) == (2, ["preempted"])
    go.touch()
    assert admin.ended(number)["state"] == "completed"


def test_an_engine_and_a_shepherd_that_are_killed_in_the_grace_lose_nothing_either(
    engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    """Nobody wrote down why it ended: the books know that it was told to stop."""
    ran, go = tmp_path / "ran", tmp_path / "go"
    number = admin.script(STUBBORN.format(ran=ran, go=go).replace("0.4", "60"), gpus=1)
    until(lambda: lines(ran) == ["up1"])
    admin.post(f"/v1/jobs/{number}/requeue")
    engine.end(signal.SIGKILL)
    run = (engine.state / "jobs" / str(number) / "run-1.json").read_text()
    os.kill(json.loads(run)["shepherd"], signal.SIGKILL)
    engine.start()
    until(lambda: lines(ran) == ["up1", "up2"])
    assert [one["state"] for one in admin.job(number)["attempts"]] == ["preempted"]
    go.touch()
    assert admin.ended(number)["state"] == "completed"


def test_a_cancel_in_the_grace_wins_over_a_killed_engine(
    engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    ran, go = tmp_path / "ran", tmp_path / "go"
    number = admin.script(STUBBORN.format(ran=ran, go=go), gpus=1)
    until(lambda: lines(ran) == ["up1"])
    admin.post(f"/v1/jobs/{number}/requeue")
    assert admin.ask("DELETE", f"/v1/jobs/{number}").status_code == 200
    engine.end(signal.SIGKILL)
    until((engine.state / "jobs" / str(number) / "exit").exists)
    engine.start()
    assert admin.ended(number)["state"] == "cancelled"
    assert lines(ran) == ["up1"]


def test_killed_again_and_again_every_attempt_runs_once(
    engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    ran = tmp_path / "ran"
    command = f"echo $RCQ_JOB_ID.$RCQ_ATTEMPT >> {ran}; exit 1"
    jobs = [{"command": ["sh", "-c", command], "retries": 2} for _ in range(30)]
    report = admin.post("/v1/jobs/batch", {"jobs": jobs})
    for share in (15, 50):
        until(lambda share=share: len(lines(ran)) >= share)
        engine.end(signal.SIGKILL)
        engine.start()
    until(lambda: not admin.get("/v1/jobs", limit=1)["items"])
    numbers = range(report["first_id"], report["last_id"] + 1)
    assert sorted(lines(ran)) == sorted(f"{number}.{attempt}" for number in numbers for attempt in (1, 2, 3))
    assert {len(admin.job(number)["attempts"]) for number in numbers} == {3}


def test_an_ended_job_is_run_again_as_it_was_edited(engine: Any, admin: Any) -> None:
    number = admin.submit("sh", "-c", "exit 3")
    assert admin.ended(number)["exit_code"] == 3
    refused = admin.refusal("PATCH", f"/v1/jobs/{number}", json={"gpus": 1})
    assert refused == "INVALID_STATE"
    blocker = admin.submit("sleep", "300", gpus=2, cpu_cores=8)
    admin.wait_for(blocker, "running")
    assert admin.post(f"/v1/jobs/{number}/requeue")["state"] == "pending"
    edited = admin.ask("PATCH", f"/v1/jobs/{number}", json={"command": ["sh", "-c", "exit $RCQ_ATTEMPT"], "gpus": 2})
    assert (edited.status_code, edited.json()["gpus"]) == (200, 2)
    admin.ask("DELETE", f"/v1/jobs/{blocker}")
    job = admin.ended(number)
    assert (job["exit_code"], job["gpu_indices"]) == (2, [0, 1])
    assert [one["exit_code"] for one in job["attempts"]] == [3, 2]


def test_who_was_moved_runs_nothing_more_in_the_group_left_behind(engine: Any, admin: Any) -> None:
    """Else its share and quota could be used for ever, and where the group is removed there is no quota at all."""
    ann = engine.someone(admin, "ann", "bio")
    number = ann.submit("true")
    ann.ended(number)
    admin.post("/v1/groups", {"name": "chem"})
    assert admin.ask("PATCH", "/v1/accounts/ann", json={"group": "chem"}).status_code == 200
    assert ann.refusal("POST", f"/v1/jobs/{number}/requeue") == "FORBIDDEN"
    assert admin.ask("DELETE", "/v1/groups/bio").status_code == 200
    assert ann.refusal("POST", f"/v1/jobs/{number}/requeue") == "FORBIDDEN"
    assert ann.job(number)["state"] == "completed"
    own = admin.submit("true", group="chem")
    admin.ended(own)
    admin.post(f"/v1/jobs/{own}/requeue")
    assert admin.ended(own)["attempt"] == 2
