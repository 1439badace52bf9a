"""Strangers on cards as people meet them: seen, avoided, charged, adopted. Cards are scripted, all else is real."""

import getpass
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.e2e

ME = getpass.getuser()


@pytest.fixture
def stranger() -> Iterator[Callable[[], int]]:
    """Starts a process with a child that rcq knows nothing of; its pid."""
    started: list[subprocess.Popen[str]] = []

    def start() -> int:
        one = subprocess.Popen(
            ["sh", "-c", "sleep 300 & echo ready; wait"], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(one)
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
        return one.pid

    yield start
    for one in started:
        end(one.pid)
        one.wait()


def end(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def group(pid: int) -> list[int]:
    return [one.pid for one in psutil.process_iter() if _session(one.pid) == pid and one.status() != "zombie"]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def card(person: Any, index: int) -> dict[str, Any]:
    return dict(person.get("/v1/gpus")["items"][index])


def foreigners(person: Any, index: int) -> list[dict[str, Any]]:
    return [one for one in card(person, index)["processes"] if one["foreign"]]


def linked(engine: Any, admin: Any, name: str = "eve") -> Any:
    """Somebody whose account is linked to the Unix user of these tests."""
    person = engine.someone(admin, name, "bio")
    answer = admin.ask("PATCH", f"/v1/accounts/{name}", json={"unix_user": ME})
    assert answer.status_code == 200, answer.text
    return person


def test_a_stranger_is_seen_avoided_and_explained_until_it_goes(launch, driver, stranger, until):
    engine = launch(driver.settings(), environment=driver.environment)
    admin = engine.admin()
    bob = engine.someone(admin, "bob", "chem")
    until(lambda: len(admin.get("/v1/gpus")["items"]) == 2)
    until(lambda: admin.get("/v1/stats")["passes"] > 0)
    pid = stranger()
    driver.processes(0, [(pid, 3072)])
    seen = until(lambda: foreigners(admin, 0))
    assert [(one["pid"], one["user"], one["memory_mb"], one["job"]) for one in seen] == [(pid, ME, 3072, None)]
    assert seen[0]["command"] == "sh -c sleep 300 & echo ready; wait"
    assert foreigners(bob, 0)[0]["command"] == "sh", "others see the program's name alone"
    until(lambda: card(admin, 0)["foreign_mb"] == 3072)

    wide = bob.submit("true", gpus=2)
    why = until(lambda: [one for one in bob.get(f"/v1/jobs/{wide}/why")["reasons"] if one["code"] == "GPU_FOREIGN"])
    assert (why[0]["index"], why[0]["foreign_mb"], why[0]["processes"], why[0]["users"]) == (0, 3072, 1, [ME])
    assert bob.ended(bob.submit("true", gpus=1))["gpu_indices"] == [1], "the other card is offered"
    assert bob.job(wide)["state"] == "pending"

    driver.processes(0, [(pid, 400)])  # within what is tolerated
    assert bob.ended(wide)["exit_code"] == 0
    driver.processes(0, [(pid, 3072)])
    until(lambda: card(admin, 0)["foreign_mb"] == 3072)
    again = bob.submit("true", gpus=2)
    until(lambda: bob.get(f"/v1/jobs/{again}/why")["reasons"])
    driver.processes(0, [])
    assert bob.ended(again)["exit_code"] == 0
    assert foreigners(admin, 0) == []


def test_a_jobs_own_processes_are_no_strangers(launch, driver, stranger, until, tmp_path):
    engine = launch(driver.settings(), environment=driver.environment)
    admin = engine.admin()
    until(lambda: len(admin.get("/v1/gpus")["items"]) == 2)
    told = tmp_path / "pid"
    job = admin.script(f"sleep 300 & echo $! > {told}.new; mv {told}.new {told}; wait", gpus=1)
    child = int(until(lambda: told.exists() and told.read_text()))
    number = admin.wait_for(job, "running")["gpu_indices"][0]
    pid = stranger()
    driver.processes(number, [(child, 8000), (pid, 2000)])
    both = until(lambda: (found := card(admin, number)["processes"]) and len(found) == 2 and found)
    assert {one["pid"]: (one["foreign"], one["job"]) for one in both} == {child: (False, job), pid: (True, None)}
    until(lambda: card(admin, number)["foreign_mb"] == 2000)


def test_ignored_strangers_keep_nobody_off(launch, driver, stranger, until):
    engine = launch(driver.settings(gpu='foreign = "ignore"'), environment=driver.environment)
    admin = engine.admin()
    driver.processes(0, [(stranger(), 3072)])
    until(lambda: card(admin, 0)["foreign_mb"] == 3072)
    assert admin.ended(admin.submit("true", gpus=2))["exit_code"] == 0


def test_who_is_linked_is_charged_for_the_card(launch, driver, stranger, until):
    engine = launch(driver.settings(gpu='foreign = "charge"'), environment=driver.environment)
    admin = engine.admin()
    eve = linked(engine, admin)
    until(lambda: admin.get("/v1/stats")["passes"] > 0)
    pid = stranger()
    driver.processes(0, [(pid, 3072)])
    until(lambda: foreigners(admin, 0))
    seen_at = time.time()
    assert _month(eve) == 0.0
    until(lambda: _read_at(admin) >= seen_at + 1.0)
    driver.processes(0, [])
    charged = until(lambda: _month(eve))
    assert 1.0 <= charged < 60.0, "GPU-seconds of one card, for as long as it was there"
    assert _month(admin, "root") == 0.0


def _read_at(person: Any) -> float:
    """When card 0 was read last, Unix seconds, or a little earlier."""
    return time.time() - float(card(person, 0)["age_s"])


def _month(person: Any, name: str = "eve") -> float:
    items = person.get("/v1/usage")["items"]
    return sum(one["month_gpu_s"] for of in items for one in of["accounts"] if one["account"] == name)


def test_adopted_then_cancelled(launch, driver, stranger, until):
    engine = launch(driver.settings(), environment=driver.environment)
    admin = engine.admin()
    eve = linked(engine, admin)
    bob = engine.someone(admin, "bob", "chem")
    until(lambda: admin.get("/v1/stats")["passes"] > 0)
    pid = stranger()
    assert eve.refusal("POST", "/v1/adopt", json={"pid": pid}) == "INVALID_STATE", "it is on no card"
    driver.processes(1, [(pid, 3072)])
    until(lambda: foreigners(admin, 1))
    assert bob.refusal("POST", "/v1/adopt", json={"pid": pid}) == "FORBIDDEN"
    assert eve.refusal("POST", "/v1/adopt", json={"pid": 2**22 + 9}) == "NOT_FOUND"
    assert eve.refusal("POST", "/v1/adopt", json={"pid": pid, "time_limit_s": 10**9}) == "VALIDATION_ERROR"
    job = eve.post("/v1/adopt", {"pid": pid, "name": "by hand", "time_limit_s": 3600})
    number = job["id"]
    assert (job["state"], job["name"], job["adopted_pid"], job["gpu_indices"]) == ("running", "by hand", pid, [1])
    assert job["command"] == ["sh", "-c", "sleep 300 & echo ready; wait"]
    assert "not to rcq's logs" in job["message"]
    assert eve.refusal("POST", "/v1/adopt", json={"pid": pid}) == "INVALID_STATE"
    until(lambda: not foreigners(admin, 1))
    assert [one["job"] for one in card(eve, 1)["processes"]] == [number]
    assert bob.ended(bob.submit("true", gpus=1))["gpu_indices"] == [0], "its card is leased"
    assert eve.refusal("POST", f"/v1/jobs/{number}/requeue") == "INVALID_STATE"
    assert _month(eve) > 0

    assert eve.ask("DELETE", f"/v1/jobs/{number}").status_code == 200
    assert eve.ended(number)["cause"] == "cancelled"
    assert group(pid) == [], "its children, too"
    driver.processes(1, [])
    assert bob.ended(bob.submit("true", gpus=2))["exit_code"] == 0


def test_what_jobs_run_below_cannot_be_adopted(launch, driver, stranger, until, tmp_path):
    """Its end would be theirs."""
    engine = launch(driver.settings(), environment=driver.environment)
    admin = engine.admin()
    told = tmp_path / "pid"
    job = admin.script(f"echo $PPID > {told}.new; mv {told}.new {told}; sleep 300", gpus=1)
    shepherd = int(until(lambda: told.exists() and told.read_text()))
    supervisor = psutil.Process(shepherd).ppid()
    free = 1 - admin.wait_for(job, "running")["gpu_indices"][0]
    driver.processes(free, [(supervisor, 3072)])
    until(lambda: foreigners(admin, free))
    refused = admin.ask("POST", "/v1/adopt", json={"pid": supervisor})
    assert refused.status_code == 409, refused.text
    assert f"Job {job} runs below process {supervisor}" in refused.json()["error"]["message"]


def test_adopted_over_a_killed_engine_then_its_end_is_seen(launch, driver, stranger, until):
    engine = launch(driver.settings(), environment=driver.environment)
    admin = engine.admin()
    until(lambda: admin.get("/v1/stats")["passes"] > 0)
    pid = stranger()
    driver.processes(0, [(pid, 3072)])
    until(lambda: foreigners(admin, 0))
    number = admin.post("/v1/adopt", {"pid": pid})["id"]
    engine.end(signal.SIGKILL)
    engine.start()
    admin = engine.log_in("root")
    job = admin.job(number)
    assert (job["state"], job["adopted_pid"], job["attempt"]) == ("running", pid, 1)
    assert len(group(pid)) == 2
    until(lambda: [one["job"] for one in card(admin, 0)["processes"]] == [number])
    driver.processes(0, [])
    end(pid)
    job = admin.ended(number)
    assert (job["state"], job["cause"], job["exit_code"], job["signal"]) == ("completed", "exit", None, None)
    assert "exit code is known to its own parent only" in job["message"]
    assert admin.refusal("POST", f"/v1/jobs/{number}/requeue") == "INVALID_STATE"


def test_adopted_from_the_command_line(launch, driver, stranger, until):
    engine = launch(driver.settings(), environment=driver.environment)
    admin = engine.admin()
    until(lambda: admin.get("/v1/stats")["passes"] > 0)
    pid = stranger()
    driver.processes(0, [(pid, 3072)])
    until(lambda: foreigners(admin, 0))
    token = admin.http.headers["authorization"].removeprefix("Bearer ")
    environment = {**os.environ, "RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token}

    def rcq(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rcq_tui.cli.main", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    told = rcq("adopt", str(pid), "--time-limit", "2h", "--name", "hand", "--json")
    assert told.returncode == 0, told.stderr
    job = json.loads(told.stdout)
    assert (job["time_limit_s"], job["name"], job["state"]) == (7200, "hand", "running")
    again = rcq("adopt", str(pid))
    assert (again.returncode, "already" in again.stderr) == (7, True)
    assert rcq("adopt", "nonsense").returncode == 2
    assert rcq("cancel", str(job["id"])).returncode == 0
    admin.ended(job["id"])
    assert group(pid) == []


HOSTILE = (
    b"sh",
    b"-c",
    b"echo ready; read x",
    b"\x1b]0;gone\x07[red]\r\n\xff\xfe\xed\xa0\x80",
    b"y" * 100_000,
    b"",
    b"\xe2\x80\xae" * 9,
)


def test_hostile_command_lines_are_data_everywhere(launch, driver, until, tmp_path):
    engine = launch(driver.settings(), environment=driver.environment)
    admin = engine.admin()
    bob = engine.someone(admin, "bob", "chem")
    until(lambda: admin.get("/v1/stats")["passes"] > 0)
    place = tmp_path / "\x1b[31m\udcff"
    place.mkdir()
    one = subprocess.Popen(HOSTILE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=place, start_new_session=True)
    assert one.stdout is not None
    assert one.stdout.readline() == b"ready\n"
    driver.processes(0, [(one.pid, 3072)])
    (seen,) = until(lambda: foreigners(admin, 0))
    assert seen["command"].startswith("sh -c echo ready; read x \x1b]0;gone")
    assert foreigners(bob, 0)[0]["command"] == "sh"
    token = admin.http.headers["authorization"].removeprefix("Bearer ")
    environment = {**os.environ, "RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token, "PYTHONUTF8": "1"}

    def rcq(*words: str) -> str:
        command = [sys.executable, "-m", "rcq_tui.cli.main", *words]
        told = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert told.returncode == 0, told.stderr
        return told.stdout.decode()

    assert not set(rcq("gpus")) & set("\x1b\x07\r\u202e")
    job = admin.post("/v1/adopt", {"pid": one.pid})
    assert job["state"] == "running"
    assert not set(rcq("show", str(job["id"]))) & set("\x1b\x07\r\u202e")
    assert not set(rcq("queue")) & set("\x1b\x07\r\u202e")
    engine.end(signal.SIGKILL)
    engine.start()
    admin = engine.log_in("root")
    assert admin.job(job["id"])["state"] == "running"
    assert admin.ask("DELETE", f"/v1/jobs/{job['id']}").status_code == 200
    one.communicate()
    assert admin.ended(job["id"])["cause"] == "cancelled"
