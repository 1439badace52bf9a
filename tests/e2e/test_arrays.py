"""Job arrays with real processes: the cap seen from outside, what elements know, the whole array at once."""

import json
import sys
import time
from itertools import pairwise

import pytest

pytestmark = pytest.mark.e2e

HOLDER = """
import fcntl, os, pathlib, sys, time
place = pathlib.Path(sys.argv[1])
def count(change):
    with open(place / "lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = int((place / "running").read_text() or "0") + change if (place / "running").exists() else change
        (place / "running").write_text(str(running))
        with open(place / "seen", "a") as seen:
            seen.write(f"{running} {os.environ['RCQ_ARRAY_INDEX']} {os.environ['SLURM_ARRAY_TASK_ID']}\\n")
count(1)
time.sleep(0.15)
count(-1)
"""


def test_no_more_than_the_cap_run_at_once(engine, admin, tmp_path):
    (tmp_path / "hold.py").write_text(HOLDER)
    job = ["submit", "--wait", "--array", "0-11%3", "--name", "hold", "--", sys.executable, str(tmp_path / "hold.py")]
    first = int(engine.rcq(admin, *job, str(tmp_path)))
    seen = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    assert max(int(running) for running, _, _ in seen) == 3
    assert sorted(int(index) for _, index, _ in seen) == sorted([*range(12)] * 2)
    assert all(index == task for _, index, task in seen)
    page = admin.get("/v1/jobs", array=first)
    assert [(row["array_index"], row["state"]) for row in page["items"]] == [(n, "completed") for n in range(12)]


def test_the_worst_end_is_the_arrays(engine, admin):
    script = "exit $(( RCQ_ARRAY_INDEX == 2 ? 5 : 0 ))"
    first = int(engine.rcq(admin, "submit", "--wait", "--array", "0-3", "--", "bash", "-c", script, code=5))
    shown = engine.rcq(admin, "show", f"{first}[2]")
    assert f"{first}[2] of 0-3" in shown
    assert "exit 5" in shown


def test_the_whole_array_from_the_command_line(engine, admin, until):
    blocker = admin.submit("sleep", "60", cpu_cores=7)
    first = int(engine.rcq(admin, "submit", "--array", "0-19", "--name", "sweep", "--", "sleep", "60"))
    until(lambda: admin.job(first)["state"] == "running")
    assert engine.rcq(admin, "hold", f"{first}[3-5]") == f"job {first}[3-5]: 3 held\n"
    lines = engine.rcq(admin, "queue").splitlines()
    assert [line for line in lines if f"{first}[1-2,6-19]" in line]
    assert [line for line in lines if f"{first}[3-5]" in line]
    told = engine.rcq(admin, "cancel", f"{first}[]")
    assert told == f"job {first}[]: 19 cancelled, 1 are being ended\n"
    until(lambda: admin.job(first)["state"] == "cancelled")
    states = {row["state"] for row in admin.get("/v1/jobs", array=first)["items"]}
    assert states == {"cancelled"}
    assert admin.job(blocker)["state"] == "running"
    engine.rcq(admin, "cancel", f"{first}[]", code=7)


def test_what_waits_for_a_whole_array(engine, admin, until):
    first = int(engine.rcq(admin, "submit", "--array", "0-3", "--", "true"))
    after = int(engine.rcq(admin, "submit", "--after", f"{first}[]", "--", "true"))
    assert admin.ended(after)["state"] == "completed"
    ends = [row["ended_at"] for row in admin.get("/v1/jobs", array=first)["items"]]
    assert admin.job(after)["started_at"] >= max(ends)


def test_a_restart_keeps_elements_and_their_cap(engine, admin, until):
    first = int(engine.rcq(admin, "submit", "--array", "0-3%1", "--", "sleep", "0.3"))
    until(lambda: admin.job(first)["state"] == "running")
    engine.end(9)
    engine.start()
    root = engine.log_in("root")
    until(lambda: all(row["state"] == "completed" for row in root.get("/v1/jobs", array=first)["items"]))
    rows = root.get("/v1/jobs", array=first)["items"]
    assert all(before["ended_at"] <= after["started_at"] for before, after in pairwise(rows))


@pytest.mark.slow
def test_a_hundred_thousand_elements_come_by_one_line_and_go_by_one_command(engine, admin, tmp_path):
    blocker = admin.submit("sleep", "600", gpus=2)
    line = {"job_id": "big", "command": ["train"], "gpus": 2, "array": "0-99999%4", "time_limit_s": 3600}
    (tmp_path / "one.ndjson").write_text(json.dumps(line) + "\n")
    began = time.monotonic()
    report = json.loads(engine.rcq(admin, "ingest", str(tmp_path / "one.ndjson"), "--json"))
    took = time.monotonic() - began
    assert (report["accepted"], report["first_id"], report["last_id"]) == (1, blocker + 1, blocker + 100_000)
    assert admin.get("/v1/stats")["jobs"]["pending"] == 100_000
    assert f"{blocker + 1}[0-" in engine.rcq(admin, "queue")
    again = json.loads(engine.rcq(admin, "ingest", str(tmp_path / "one.ndjson"), "--json", code=1))
    assert [error["code"] for error in again["errors"]] == ["DUPLICATE_JOB"]
    began = time.monotonic()
    assert engine.rcq(admin, "cancel", f"{blocker + 1}[]") == f"job {blocker + 1}[]: 100000 cancelled\n"
    gone = time.monotonic() - began
    assert admin.get("/v1/stats")["jobs"]["cancelled"] == 100_000
    assert (took < 20, gone < 20) == (True, True), (took, gone)  # some seconds each where the machine is quiet
