"""Whom a job runs as, what it may open, and what another person learns of it: nothing."""

import pytest

from tests.packaging.machine.answer import until
from tests.packaging.machine.appliance import Appliance

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]
SECRET = "hush-4711"


def test_a_job_is_its_owner_with_all_groups(box: Appliance) -> None:
    job = box.script("user1", 'id; pwd; echo "$HOME $USER"; cat /proc/self/status | grep -E "^(NoNewPrivs|CapEff)"')
    assert box.ended(job)["state"] == "completed"
    said = box.log(job, "user1").splitlines()
    assert said[0] == box.machine.run("id", user="user1").good().strip()
    assert "(lab)" in said[0]
    assert said[1:3] == ["/home/user1", "/home/user1 user1"]
    assert "CapEff:\t0000000000000000" in said


def test_another_person_reads_and_ends_nothing_of_it(box: Appliance) -> None:
    text = f"echo {SECRET}-said; read -r _ </proc/self/stat; sleep 1000 # {SECRET}"
    job = box.submit("user1", "--name", f"{SECRET}-name", "--env", f"TOKEN={SECRET}", "--", "bash", "-c", text)
    box.wait(job, "running")
    until(lambda: SECRET in box.log(job, "user1"))
    pid, place, run = box.job_pid(job), f"/var/lib/rcq/jobs/{job}", box.machine.run

    for words in (("show", str(job)), ("queue", "--all"), ("why", str(job)), ("show", str(job), "--json")):
        assert SECRET not in run("rcq", *words, user="user2").out
    assert run("rcq", "logs", str(job), user="user2").code in (5, 6)
    assert run("rcq", "cancel", str(job), user="user2").code in (5, 6)
    for path in (place, f"{place}/stdout.log", f"{place}/script"):
        assert "Permission denied" in run("cat", path, user="user2").err
    assert "Permission denied" in run("ls", place, user="user2").err
    assert "not permitted" in run("bash", "-c", f"kill {pid}", user="user2").err
    assert run("systemctl", "--no-ask-password", "stop", f"rcq-job-{job}.service", user="user2").code != 0
    assert run("cat", f"/proc/{pid}/environ", user="user2").code != 0

    assert box.job(job)["state"] == "running"
    assert box.job_pid(job) == pid
    box.rcq("user1", "cancel", str(job))
    assert box.ended(job)["state"] == "cancelled"


def test_systemd_tells_nobody_a_jobs_command_or_environment(box: Appliance) -> None:
    job = box.submit("user1", "--env", f"TOKEN={SECRET}", "--", "sh", "-c", "sleep 1000", SECRET)
    box.wait(job, "running")
    shown = box.machine.run("systemctl", "show", f"rcq-job-{job}.service", user="user2").out
    box.rcq("user1", "cancel", str(job))
    box.ended(job)
    assert "ActiveState=active" in shown
    assert SECRET not in shown


def test_a_job_opens_its_own_card_alone(box: Appliance) -> None:
    look = "for n in 0 1; do cat /dev/nvidia$n; done 2>&1; cat /dev/nvidiactl 2>&1; read -r _ <hold"
    box.machine.run("sh", "-c", "rm -f hold && mkfifo hold", user="user1").good()
    jobs = [box.script("user1", look, "--gpus", "1") for _ in range(2)]
    found = {}
    for job in jobs:
        [card] = box.wait(job, "running")["gpu_indices"]
        until(lambda number=job: "nvidiactl" in box.log(number))  # type: ignore[misc]
        found[card] = box.log(job)
    box.machine.run("sh", "-c", "exec 3<>hold; printf 'go\\ngo\\n' >&3; sleep 0.5", user="user1").good()
    for job in jobs:
        assert box.ended(job)["state"] == "completed"
    absent, denied = "No such device or address", "Operation not permitted"  # of a filter let through, and stopped
    assert set(found) == {0, 1}
    for card, said in found.items():
        assert f"/dev/nvidia{card}: {absent}" in said
        assert f"/dev/nvidia{1 - card}: {denied}" in said
        assert f"/dev/nvidiactl: {absent}" in said

    none = box.script("user1", look.partition("; read")[0])
    box.ended(none)
    assert box.log(none).count(denied) == 3


def test_nothing_of_a_cancelled_job_is_left(box: Appliance) -> None:
    # One that forked twice, one with a session of its own, one that ignores the signal: each waits a time of its own.
    text = "(sleep 7001 &) ; setsid sleep 7002 & (trap '' TERM; setsid sleep 7003) & sleep 7004"
    job = box.script("user1", text)
    box.wait(job, "running")
    listed = ("pgrep", "-u", "user1", "-fx", "sleep 700[1-4]")
    until(lambda: len(box.machine.run(*listed).out.split()) == 4)
    box.rcq("user1", "cancel", str(job))
    assert box.ended(job)["state"] == "cancelled"
    assert box.machine.run(*listed).out == ""


def test_shared_memory_of_a_running_job_outlives_its_owners_log_out(box: Appliance) -> None:
    job = box.script("user1", "echo there >/dev/shm/of-a-job; sleep 1000")
    box.wait(job, "running")
    read = ("cat", "/dev/shm/of-a-job")
    until(lambda: box.machine.run(*read, user="user1").code == 0)
    box.machine.run("su", "-l", "user1", "-c", "loginctl session-status").good()
    until(lambda: "user1" not in box.machine.run("loginctl", "list-users", "--no-legend").out)
    assert box.machine.run(*read, user="user1").good() == "there\n"
    box.rcq("user1", "cancel", str(job))
    box.ended(job)


def test_who_is_no_member_or_has_no_account_cannot_submit(box: Appliance) -> None:
    run = box.machine.run
    run("useradd", "-m", "guest").good()
    assert run("rcq", "submit", "--", "true", user="guest").code == 4
    box.rcq("boss", "account", "add", "guest", "--unix-user", "guest", "--no-password")
    refused = run("rcq", "submit", "--json", "--", "true", user="guest")
    if refused.code == 0:  # the launcher has the last word on who is a member
        job = box.ended(int(refused.out.split('"id": ')[1].split(",")[0].rstrip("}\n ")))
        assert job["cause"] == "launch-error"
        assert "usermod -aG rcq-users guest" in job["message"]
    else:
        assert refused.code == 5
        assert "rcq-users" in refused.err
