"""Chains, begin times and recurring jobs on a real engine, by command line and API, across restarts."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def rcq(engine: Any, admin: Any, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs one command as `root`."""
    token = admin.http.headers["Authorization"].removeprefix("Bearer ")
    environment = {**os.environ, "RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token, "COLUMNS": "160"}
    environment["XDG_CONFIG_HOME"] = str(tmp_path)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "rcq_tui.cli.main", *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=30)

    return run


def submitted(rcq: Callable[..., Any], *words: str) -> int:
    result = rcq("submit", *words)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def test_a_chain_by_command_line(rcq: Callable[..., Any], admin: Any, tmp_path: Path, lines: Any) -> None:
    log, go = tmp_path / "log", tmp_path / "go"
    wait = f"while [ ! -e {go} ]; do sleep 0.05; done"
    first = submitted(rcq, "--", "sh", "-c", f"{wait}; echo first >> {log}")
    second = submitted(rcq, "--after", str(first), "--", "sh", "-c", f"echo second >> {log}; exit 3")
    third = submitted(rcq, "--after", f"{second}:failed", "--", "sh", "-c", f"echo third >> {log}")
    never = submitted(rcq, "--after", f"{second}", "--", "sh", "-c", f"echo never >> {log}")
    behind = submitted(rcq, "--after", f"{first},{never}", "--", "sh", "-c", f"echo behind >> {log}")
    admin.wait_for(first, "running")
    assert f"Waits for job {first} to complete; that job is running." in rcq("why", str(second)).stdout
    queue = rcq("queue").stdout
    assert f"after job {second} (failed)" in queue
    go.touch()
    assert admin.ended(third)["state"] == "completed"
    assert admin.ended(behind)["cause"] == "dependency"
    assert lines(log) == ["first", "second", "third"]
    shown = rcq("show", str(never)).stdout
    assert f"It was to start only after job {second} has completed; that job has failed" in shown
    refused = rcq("submit", "--after", str(never), "true")
    assert refused.returncode == 1
    assert f"Job {never} has failed" in refused.stderr


def test_a_chain_survives_kill_9(engine: Any, admin: Any, tmp_path: Path, lines: Any) -> None:
    log, go = tmp_path / "log", tmp_path / "go"
    first = admin.submit("sh", "-c", f"while [ ! -e {go} ]; do sleep 0.05; done; echo first >> {log}")
    second = admin.submit("sh", "-c", f"echo second >> {log}", after=[first])
    third = admin.submit("sh", "-c", f"echo third >> {log}", after=[{"id": second, "when": "any"}])
    doomed = admin.submit("sh", "-c", f"echo doomed >> {log}", after=[{"id": second, "when": "failed"}])
    admin.wait_for(first, "running")
    engine.end(signal.SIGKILL)
    go.touch()
    engine.start()
    assert admin.ended(third)["state"] == "completed"
    assert lines(log) == ["first", "second", "third"]
    assert admin.ended(doomed)["cause"] == "dependency"
    assert admin.get("/v1/stats")["jobs"]["pending"] == 0


def test_a_begin_time_is_kept_to_the_second(admin: Any) -> None:
    begin = time.time() + 1.5
    number = admin.submit("true", begin=begin)
    job = admin.job(number)
    assert (job["state"], job["expected_start"], job["basis"]) == ("pending", begin, "begin")
    assert [reason["code"] for reason in job["reasons"]] == ["BEGIN_TIME"]
    ended = admin.ended(number)
    assert begin <= ended["started_at"] < begin + 2.0


def test_a_begin_time_that_comes_while_the_engine_is_down_starts_at_once(engine: Any, admin: Any) -> None:
    begin = time.time() + 0.5
    number = admin.submit("true", begin=begin)
    engine.end(signal.SIGKILL)
    engine.start()
    assert admin.ended(number)["started_at"] >= begin


def test_a_turn_that_was_missed_is_taken_by_the_next_engine(engine: Any, admin: Any, until: Any) -> None:
    """The line comes in a year: what makes its turn due is the books' own time for it, set back while nobody runs."""
    template = admin.submit("true", cron="0 0 1 1 *", name="yearly")
    assert admin.job(template)["expected_start"] > time.time()
    engine.end(signal.SIGTERM)
    with sqlite3.connect(engine.state / "rcq.db") as books:
        books.execute("UPDATE gate SET begin_at = ?", (time.time() + 3.0,))
    engine.start()
    copies = until(
        lambda: [row for row in admin.get("/v1/jobs", state="completed")["items"] if row["name"] == "yearly"]
    )
    copy = admin.job(copies[0]["id"])
    assert (len(copies), copy["cron_of"], copy["cron"]) == (1, template, None)
    assert admin.job(template)["expected_start"] > time.time() + 60.0
    admin.ask("DELETE", f"/v1/jobs/{template}")
    assert admin.job(template)["state"] == "cancelled"


def test_a_wrong_line_and_a_strange_job_are_refused(rcq: Callable[..., Any], engine: Any, admin: Any) -> None:
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "bio")
    number = bob.submit("true")
    answer = ann.ask("POST", "/v1/jobs", json={"command": ["true"], "after": [number]})
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
    assert f"There is no job {number}" in answer.json()["error"]["message"]
    wrong = rcq("submit", "--cron", "0 25 * * *", "true")
    assert wrong.returncode == 1
    assert "hour '25' cannot be" in wrong.stderr
