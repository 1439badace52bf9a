"""What only a machine with a kernel of its own shows: hard limits, and a power cut at the worst moment.

One story for each virtual machine, as its start takes seconds and everything in it runs some 15 times slower.
"""

import subprocess

import pytest

from tests.packaging.machine.answer import as_user, until
from tests.packaging.machine.appliance import ENDED, Appliance
from tests.packaging.machine.qemu import Qemu

pytestmark = [pytest.mark.qemu, pytest.mark.timeout(1200)]
LIMITS = "cd /sys/fs/cgroup$(cut -d : -f 3 /proc/self/cgroup); cat memory.max memory.swap.max cpu.max pids.max"
EAT = "x = b'x' * (300 << 20)"
SPIN = (
    "(while :; do :; done) & (while :; do :; done) & sleep 8; kill %1 %2; "
    "grep usage_usec /sys/fs/cgroup$(cut -d : -f 3 /proc/self/cgroup)/cpu.stat"
)

# As user1: submits as fast as it can over one connection, and tells each id once it is acknowledged.
BURST = """
import http.client, json, socket
line = http.client.HTTPConnection("rcq")
line.sock = socket.socket(socket.AF_UNIX)
line.sock.connect("/run/rcq/rcq.sock")
for count in range(100000):
    body = json.dumps({"command": ["true"], "memory_mb": 800, "job_id": f"burst-{count}"})
    line.request("POST", "/v1/jobs", body, {"Content-Type": "application/json"})
    answer = line.getresponse()
    said = json.loads(answer.read())
    print(said["id"] if answer.status < 300 else said, flush=True)
"""


def test_limits_bind_a_job_and_not_its_neighbour(vm: Appliance) -> None:
    bound = vm.script("user1", LIMITS, "--memory", "100M", "--cores", "1")
    neighbour = vm.script("user2", "sleep 20; echo untouched; exit 3", "--memory", "100M")
    eater = vm.submit("user1", "--memory", "100M", "--", "python3", "-c", EAT)
    spinner = vm.script("user1", SPIN, "--memory", "100M", "--cores", "1")

    told = vm.ended(eater)
    assert (told["state"], told["cause"]) == ("failed", "out-of-memory"), told
    vm.ended(bound)
    memory, swap, cpu, pids = vm.log(bound).splitlines()
    assert (int(memory), int(swap)) == (100 << 20, 0)
    quota, period = map(int, cpu.split())
    assert quota == period
    assert int(pids) == 16_384
    vm.ended(spinner)
    assert int(vm.log(spinner).split()[1]) < 12_000_000  # two that never rest, 8 s of one core, and some time to end

    left = vm.ended(neighbour)
    assert (left["state"], left["exit_code"]) == ("failed", 3), left
    assert vm.log(neighbour) == "untouched\n"


def test_a_power_cut_loses_no_acknowledged_job(vm: Appliance) -> None:
    machine = vm.machine
    assert isinstance(machine, Qemu)
    once = vm.submit("user1", "--memory", "50M", "--", "sleep", "100000")
    again = vm.submit("user1", "--memory", "50M", "--retries", "1", "--", "sleep", "100000")
    for job in (once, again):
        vm.wait(job, "running")

    acknowledged = burst_until_power_is_cut(machine)
    machine.boot()
    until(vm.engine_answers, 120.0, every_s=1.0)

    lost = vm.job(once)
    assert (lost["state"], lost["cause"]) == ("failed", "host-reboot"), lost
    tried = vm.wait(again, "running")
    assert [one["cause"] for one in tried["attempts"]] == ["host-reboot"]
    assert tried["attempt"] == 2
    there = vm.jobs("--state", "pending,scheduled,running,completed,failed,cancelled")
    assert set(acknowledged) <= set(there)
    assert {there[number]["state"] for number in acknowledged} <= {"pending", "scheduled", "running", *ENDED}


def burst_until_power_is_cut(machine: Qemu) -> list[int]:
    """The ids that were acknowledged before the machine went dark."""
    out = machine.place / "acknowledged"
    command = as_user(("python3", "-c", BURST), "user1", None)
    with out.open("wb") as told:
        burst = subprocess.Popen(machine.shell(command), stdin=subprocess.DEVNULL, stdout=told, stderr=told)
    until(lambda: out.read_bytes().count(b"\n") >= 100, 120.0)
    machine.cut_power()
    burst.wait(30)
    whole = out.read_text().rpartition("\n")[0].splitlines()
    assert all(line.isdigit() for line in whole), whole[-3:]
    return [int(line) for line in whole]
