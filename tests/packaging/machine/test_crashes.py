"""kill -9, systemd's own restart, a reboot and an upgrade under running jobs: each attempt runs once and ends right."""

import json

import pytest

from tests.packaging.machine.answer import until
from tests.packaging.machine.appliance import Appliance, install

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]
JOBS, KILLS, SEED = 200, 50, 20_261_122

# Inside the machine, as root: a random one of the two, or both, at a random moment; how often each died.
KILLER = f"""
import os, random, subprocess, time
chance, killed = random.Random({SEED}), []
while len(killed) < {KILLS}:
    time.sleep(chance.uniform(0.05, 2.0))
    for unit in chance.choice((["rcq-engine"], ["rcq-launcher"], ["rcq-engine", "rcq-launcher"])):
        show = ["systemctl", "show", "-p", "MainPID", "--value", unit]
        pid = int(subprocess.run(show, capture_output=True, text=True, check=True).stdout)
        try:
            if pid:
                os.kill(pid, 9)
                killed.append(unit)
        except ProcessLookupError:
            pass
print(killed.count("rcq-engine"), killed.count("rcq-launcher"))
"""
# nspawn puts a name for each boot over the kernel's; a hardened service has a /proc of its own, without that.
SEE_THE_BOOT = """
echo 'C /run/this-boot 0444 root root - /proc/sys/kernel/random/boot_id' >/etc/tmpfiles.d/this-boot.conf
systemd-tmpfiles --create /etc/tmpfiles.d/this-boot.conf
grep -q . /run/this-boot
mkdir -p /etc/systemd/system/rcq-engine.service.d
printf '[Service]\\nBindReadOnlyPaths=/run/this-boot:/proc/sys/kernel/random/boot_id\\n' \\
  >/etc/systemd/system/rcq-engine.service.d/boot.conf
systemctl daemon-reload && systemctl restart rcq-engine
"""
LINE = 'echo "$RCQ_JOB_ID $RCQ_ATTEMPT" >>lines; sleep {sleep}; exit {code}'


def code_of(index: int) -> int:
    """What the job of that index ends with: two of three fail."""
    return index % 3


def test_kill_9_of_engine_and_launcher_during_200_jobs(own_box: Appliance) -> None:
    box = own_box
    wanted = [
        {
            "command": ["bash", "-c", LINE.format(sleep=0.3 + index % 7 / 3, code=code_of(index))],
            "workdir": "/home/user1",
            "retries": 1 if index % 6 == 1 else 0,
            "memory_mb": 16,
        }
        for index in range(JOBS)
    ]
    lines = "".join(json.dumps(one) + "\n" for one in wanted)
    taken = json.loads(box.rcq("user1", "ingest", "-", "--format", "ndjson", "--json", text=lines))
    assert taken["accepted"] == JOBS
    killed = box.machine.run("python3", "-c", KILLER, timeout_s=400).good().split()
    assert sum(map(int, killed)) >= KILLS
    assert "0" not in killed

    until(box.engine_answers, 60.0)
    until(lambda: not box.jobs("--state", "pending,scheduled,running"), 300.0, every_s=1.0)
    ran = box.machine.run("cat", "/home/user1/lines").good().splitlines()
    assert len(ran) == len(set(ran))
    expected, wrong = set(), []
    for index, number in enumerate(range(taken["first_id"], taken["last_id"] + 1)):
        job = box.job(number)
        code, attempts = code_of(index), 2 if index % 6 == 1 else 1
        ended = (job["state"], job["cause"], job["exit_code"], [one["exit_code"] for one in job["attempts"]])
        if ended != ("failed" if code else "completed", "exit", code, [code] * attempts):
            wrong.append((number, *ended, job["message"]))
        expected |= {f"{number} {attempt + 1}" for attempt in range(attempts)}
    assert not wrong
    assert set(ran) == expected
    left = box.machine.run("systemctl", "list-units", "--all", "--no-legend", "rcq-job-*").out
    assert left == ""


def test_systemd_runs_itself_anew(box: Appliance) -> None:
    job = box.script("user1", "while ! [ -e done ]; do sleep 0.1; done; exit 5", "--gpus", "1")
    box.wait(job, "running")
    pid = box.job_pid(job)
    box.machine.run("systemctl", "daemon-reexec").good()
    until(lambda: box.machine.run("systemctl", "is-system-running").out.strip() in {"running", "degraded"})
    assert box.job_pid(job) == pid
    other = box.submit("user1", "--", "true")
    assert box.ended(other)["state"] == "completed"
    box.machine.run("touch", "done", user="user1").good()
    assert box.ended(job)["exit_code"] == 5
    box.machine.run("rm", "done", user="user1").good()


def test_an_upgrade_leaves_running_jobs_alone(own_box: Appliance) -> None:
    box, run = own_box, own_box.machine.run
    jobs = [box.script("user1", f"while ! [ -e done ]; do sleep 0.2; done; exit {code}") for code in (0, 3)]
    for job in jobs:
        box.wait(job, "running")
    before = {job: box.job_pid(job) for job in jobs}
    engine = box.unit("rcq-engine.service", "MainPID")
    old = run("readlink", "/opt/rcq/current").good()

    run("sed", "-i", 's/^version = .*/version = "99.0.0"/', "/src/pyproject.toml").good()
    install(box.machine, {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}).good()
    assert "/99.0.0-" in run("readlink", "/opt/rcq/current").good()
    assert run("rcq", "--version", user="user1").good().split()[-1] == "99.0.0"
    assert box.unit("rcq-engine.service", "MainPID") != engine
    assert {job: box.job_pid(job) for job in jobs} == before
    assert "/99.0.0-" not in old
    assert run("sh", "-c", "ls /var/lib/rcq/backups | grep before-upgrade").good()

    run("touch", "done", user="user1").good()
    assert [box.ended(job)["exit_code"] for job in jobs] == [0, 3]
    assert [box.job(job)["attempt"] for job in jobs] == [1, 1]


def test_a_reboot_in_good_order(own_box: Appliance) -> None:
    box = own_box
    box.machine.run("sh", "-ec", SEE_THE_BOOT).good()
    once = box.script("user1", LINE.format(sleep=1000, code=0))
    again = box.script("user1", LINE.format(sleep=1000, code=0), "--retries", "1")
    for job in (once, again):
        box.wait(job, "running")
    until(lambda: len(box.machine.run("cat", "/home/user1/lines").out.splitlines()) == 2)
    box.machine.power_off()
    box.machine.start()
    until(box.engine_answers, box.patience_s)
    lost = box.ended(once)
    assert (lost["state"], lost["cause"]) == ("failed", "host-reboot")
    tried = box.wait(again, "running")
    assert [one["cause"] for one in tried["attempts"]] == ["host-reboot"]
    assert tried["attempt"] == 2
    until(lambda: len(box.machine.run("cat", "/home/user1/lines").out.splitlines()) == 3)
