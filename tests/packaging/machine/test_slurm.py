"""The appliance hands its jobs to a Slurm: each runs as its owner, and nobody else learns of it or ends it."""

import re

import pytest

from tests.packaging.machine import slurm
from tests.packaging.machine.answer import until
from tests.packaging.machine.appliance import Appliance

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]
SECRET = "hush-4711"


@pytest.fixture
def handing(cluster_box: Appliance) -> Appliance:
    """Its engine reaches Slurm."""
    if cluster_box.machine.run("test", "-e", slurm.DROP_IN).code != 0:
        slurm.let_out(cluster_box.machine)
    until(cluster_box.engine_answers, cluster_box.patience_s)
    return cluster_box


def slurm_id(box: Appliance, job: int) -> str:
    """Slurm's number for a job that it has."""
    words = ("squeue", "-h", "-t", "all", "-o", "%A %j")

    def there() -> str | None:
        found = re.search(rf"^(\d+) rcq-[0-9a-f]{{8}}-{job}\.1$", box.machine.run(*words).good(), re.MULTILINE)
        return found[1] if found else None

    return until(there, box.patience_s)


def test_an_engine_that_is_shut_in_says_so_and_runs_what_waits_once_it_is_let_out(cluster_box: Appliance) -> None:
    until(cluster_box.engine_answers, cluster_box.patience_s)
    job = cluster_box.submit("user1", "--", "true")
    words = ("journalctl", "-q", "-u", "rcq-engine", "-o", "cat")
    until(lambda: "the engine's service has no network" in cluster_box.machine.run(*words).out)
    assert cluster_box.job(job)["state"] in {"pending", "scheduled"}
    slurm.let_out(cluster_box.machine)
    assert cluster_box.ended(job)["state"] == "completed"


def test_a_job_is_its_owner_with_all_groups(handing: Appliance) -> None:
    job = handing.script("user1", 'id -un; id -Gn; pwd; echo "$HOME $USER"; echo no >&2; exit 3', "--gpus", "1")
    ended = handing.ended(job)
    assert (ended["state"], ended["exit_code"]) == ("failed", 3)
    user, groups, place, home = handing.log(job, "user1").splitlines()
    assert user == "user1"
    assert sorted(groups.split()) == sorted(handing.machine.run("id", "-Gn", user="user1").good().split())
    assert place == "/home/user1"
    assert home == "/home/user1 user1"
    assert handing.rcq("user1", "logs", "--stderr", str(job)) == "no\n"
    owner = handing.machine.run("stat", "-c", "%U", f"/var/lib/rcq/jobs/{job}/stdout.log").good()
    assert owner == "user1\n"


def test_nothing_of_a_cancelled_job_is_left(handing: Appliance) -> None:
    # One that forked twice, one with a session of its own, one that ignores the signal: each waits a time of its own.
    text = "(sleep 7001 &) ; setsid sleep 7002 & (trap '' TERM; setsid sleep 7003) & sleep 7004"
    job = handing.script("user1", text)
    handing.wait(job, "running")
    listed = ("pgrep", "-u", "user1", "-fx", "sleep 700[1-4]")
    until(lambda: len(handing.machine.run(*listed).out.split()) == 4)
    handing.rcq("user1", "cancel", str(job))
    assert handing.ended(job)["state"] == "cancelled"
    assert handing.machine.run(*listed).out == ""


def test_another_person_reads_and_ends_nothing_of_it(handing: Appliance) -> None:
    text = f"echo {SECRET}-said; sleep 1000 # {SECRET}"
    job = handing.submit("user1", "--name", f"{SECRET}-name", "--env", f"TOKEN={SECRET}", "--", "bash", "-c", text)
    handing.wait(job, "running")
    until(lambda: SECRET in handing.log(job, "user1"))
    number, place, run = slurm_id(handing, job), f"/var/lib/rcq/jobs/{job}", handing.machine.run

    for words in (("scontrol", "-dd", "show", "job", number), ("squeue", "--json"), ("rcq", "show", str(job))):
        assert SECRET not in run(*words, user="user2").out
    script = ("scontrol", "write", "batch_script", number, "-")
    assert SECRET in run(*script, user="user1").out
    denied = run(*script, user="user2")
    assert (denied.out, "Invalid user id" in denied.err) == ("", True)
    assert run("rcq", "cancel", str(job), user="user2").code in (5, 6)
    assert "denied" in run("scancel", number, user="user2").err
    for path in (place, f"{place}/stdout.log"):
        assert "Permission denied" in run("cat", path, user="user2").err

    assert handing.job(job)["state"] == "running"
    handing.rcq("user1", "cancel", str(job))
    assert handing.ended(job)["state"] == "cancelled"


def test_a_job_outlives_the_engine(handing: Appliance) -> None:
    handing.machine.run("sh", "-c", "rm -f hold && mkfifo hold", user="user1").good()
    job = handing.script("user1", "read -r word <hold; echo $word")
    handing.wait(job, "running")
    handing.machine.run("systemctl", "kill", "-s", "KILL", "rcq-engine").good()
    handing.machine.run("sh", "-c", "echo on >hold", user="user1").good()
    until(handing.engine_answers, handing.patience_s)
    assert handing.ended(job)["state"] == "completed"
    assert handing.log(job) == "on\n"
    assert handing.job(job)["attempt"] == 1


def test_who_may_not_run_jobs_here_may_not_on_the_cluster(handing: Appliance) -> None:
    handing.machine.run("useradd", "-m", "guest").good()
    handing.rcq("boss", "account", "add", "guest", "--unix-user", "guest", "--no-password")
    handing.machine.run("usermod", "-aG", "rcq-users", "guest").good()
    first = handing.submit("guest", "--begin", "now+1h", "--", "true")
    job = handing.submit("guest", "--after", f"{first}:any", "--", "id")
    handing.machine.run("gpasswd", "-d", "guest", "rcq-users").good()
    handing.rcq("guest", "cancel", str(first))
    ended = handing.ended(job)
    assert ended["cause"] == "launch-error"
    assert "usermod -aG rcq-users guest" in ended["message"]


def test_jobs_that_slurm_begins_to_hide_are_not_taken_for_gone(handing: Appliance) -> None:
    box, run = handing, handing.machine.run
    run("sh", "-c", "rm -f hold && mkfifo hold", user="user1").good()
    job = box.script("user1", "read -r word <hold; echo $word")
    box.wait(job, "running")
    run("sh", "-c", "echo PrivateData=jobs >>/etc/slurm/slurm.conf && scontrol reconfigure").good()
    assert run("squeue", "-h", user="user2").good() == ""
    words = ("journalctl", "-q", "-u", "rcq-engine", "-o", "cat")
    until(lambda: "Slurm hides people's jobs from rcq (PrivateData in slurm.conf)" in run(*words).out)
    assert box.job(job)["state"] == "running"
    waits = box.submit("user1", "--", "true")
    run("sed", "-i", "/PrivateData/d", "/etc/slurm/slurm.conf").good()
    run("scontrol", "reconfigure").good()
    run("sh", "-c", "echo on >hold", user="user1").good()
    assert box.ended(job)["state"] == box.ended(waits)["state"] == "completed"
    assert box.log(job) == "on\n"
