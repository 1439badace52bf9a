"""What a guest may do and its host's containers may not: set the clock, and make a disk read-only under open files."""

import json
import time

import pytest

from tests.packaging.machine.answer import Answer, until
from tests.packaging.machine.appliance import Appliance

pytestmark = [pytest.mark.qemu, pytest.mark.timeout(600)]

HEALTH = """
import http.client, socket
line = http.client.HTTPConnection("rcq")
line.sock = socket.socket(socket.AF_UNIX)
line.sock.connect("/run/rcq/rcq.sock")
line.request("GET", "/healthz")
answer = line.getresponse()
print(answer.status, answer.read().decode())
"""
WAIT = "while [ ! -e go ]; do sleep 0.2; done; exit 3"


def set_clock(vm: Appliance, by_s: float) -> None:
    """On the guest's own clock; the engine has noticed on return."""
    noticed = engine_log(vm).count("clock was set")
    vm.machine.run("date", "-s", f"{by_s:+.0f} seconds").good()
    until(lambda: engine_log(vm).count("clock was set") > noticed, vm.patience_s, every_s=0.5)


def engine_log(vm: Appliance) -> str:
    return vm.machine.run("journalctl", "-u", "rcq-engine", "-o", "cat", "--no-pager").good()


def health(vm: Appliance) -> Answer:
    return vm.machine.run("python3", "-c", HEALTH, user="user1")


def test_an_hour_that_is_set_either_way_is_nobodys(vm: Appliance) -> None:
    began = time.monotonic()
    lasts = vm.script("user1", WAIT, "--memory", "50M", "--gpus", "1", "--time", "30m")
    limited = vm.submit("user1", "--memory", "50M", "--time", "30s", "--", "sleep", "1000")
    for job in (lasts, limited):
        vm.wait(job, "running")

    for by_s in (3600.0, -7200.0):
        set_clock(vm, by_s)
        now = float(vm.machine.run("date", "+%s").good())
        assert abs(now - vm.job(lasts)["started_at"]) < 120
        quick = vm.ended(vm.submit("user2", "--memory", "50M", "--gpus", "1", "--", "true"))
        assert (quick["state"], 0 <= quick["ended_at"] - quick["started_at"] < 60) == ("completed", True), quick
        assert abs(quick["ended_at"] - now) < 60
    vm.machine.run("systemctl", "restart", "rcq-engine").good()
    assert abs(now - vm.job(lasts)["started_at"]) < 120

    over = vm.ended(limited)
    assert over["cause"] == "time-limit"
    assert over["ended_at"] - over["started_at"] == pytest.approx(30, abs=10)
    vm.machine.run("touch", "/home/user1/go").good()
    done = vm.ended(lasts)
    assert (done["cause"], done["exit_code"]) == ("exit", 3)
    assert 0 < done["ended_at"] - done["started_at"] < time.monotonic() - began
    assert vm.unit("rcq-engine.service", "NRestarts")["NRestarts"] == "0"
    charged = json.loads(vm.rcq("boss", "usage", "--json"))
    assert "items" in charged, charged
    assert max(one["month_gpu_s"] for one in charged["items"]) < 600, charged


def test_a_disk_that_turns_read_only_is_told_and_costs_nothing_that_was_acknowledged(vm: Appliance) -> None:
    ends = vm.script("user1", WAIT, "--memory", "50M")
    lasts = vm.submit("user1", "--memory", "50M", "--", "sleep", "1000")
    for job in (ends, lasts):
        vm.wait(job, "running")
    pid = vm.job_pid(lasts)

    vm.machine.run("sh", "-c", "echo u >/proc/sysrq-trigger").good()
    until(lambda: vm.machine.run("touch", "/var/lib/rcq/probe").code != 0, vm.patience_s)
    refused = vm.machine.run("rcq", "submit", "--memory", "50M", "--", "true", user="user2")
    assert refused.code != 0
    assert "read-only" in refused.err
    told = health(vm).good()
    assert told.startswith("503") and "read-only" in told, told
    assert vm.job(lasts)["state"] == "running"

    vm.machine.run("mount", "-o", "remount,rw", "/").good()
    vm.machine.run("touch", "/home/user1/go").good()
    until(lambda: health(vm).out.startswith("200"), vm.patience_s, every_s=0.5)
    assert vm.ended(ends)["exit_code"] == 3
    after = vm.ended(vm.submit("user2", "--memory", "50M", "--", "true"))
    assert (after["state"], after["id"]) == ("completed", lasts + 1), after
    assert (vm.job(lasts)["state"], vm.job_pid(lasts)) == ("running", pid)
    assert vm.unit("rcq-engine.service", "NRestarts")["NRestarts"] == "0"
