"""The tests' own Slurm: what it promises to tests, and that it leaves nothing behind."""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.slurm.cluster import COMMANDS, Cluster, until
from tests.slurm.guard import processes_of

pytestmark = [pytest.mark.slurm, pytest.mark.root]
REPOSITORY = Path(__file__).parents[2]
HOLDER = """
from tests.slurm.cluster import Cluster
with Cluster() as cluster:
    cluster.run("sbatch", "--wrap=setsid sleep 600 & sleep 600", "--output=/dev/null")
    while " R " not in cluster.run("squeue"):
        pass
    print(cluster.folder, flush=True)
    input()
"""


def job(cluster: Cluster, *options: str) -> str:
    return cluster.run("sbatch", "--parsable", "--output=/dev/null", *options).strip()


def state_of(cluster: Cluster, job_id: str) -> str:
    return cluster.run("squeue", "-h", "-t", "all", "-j", job_id, "-o", "%T", check=False).strip()


def test_any_user_writes_output_into_the_shared_folder(slurm: Cluster) -> None:
    output = slurm.folder / "shared" / "out"
    nobody = pwd.getpwnam("nobody").pw_uid
    as_nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    submit = ("sbatch", "--parsable", f"--output={output}", "--wrap=id -u", "--chdir=/")
    job_id = slurm.run(*as_nobody, *submit).strip()
    until(lambda: state_of(slurm, job_id) == "COMPLETED", "the job ends")
    assert output.read_text() == f"{nobody}\n"
    assert output.stat().st_uid == nobody


def test_a_cleared_cluster_has_no_jobs_and_all_nodes(slurm: Cluster) -> None:
    job(slurm, "--wrap=sleep 600")
    slurm.scontrol("update", "nodename=n2", "state=drain", "reason=test")
    slurm.clear()
    assert slurm.run("squeue", "-h") == ""
    assert slurm.states() == {"n1": "idle", "n2": "idle", "n3": "idle"}


def test_two_run_side_by_side_and_know_nothing_of_each_other(
    slurm: Cluster, fresh_slurm: Callable[..., Cluster]
) -> None:
    other = fresh_slurm()
    job(slurm, "--wrap=sleep 600")
    assert other.run("squeue", "-h") == ""


@pytest.mark.slow
def test_daemons_die_and_come_back(fresh_slurm: Callable[..., Cluster]) -> None:
    cluster = fresh_slurm()
    held = job(cluster, "--hold", "--wrap=true")
    cluster.stop_controller()
    assert "Unable to contact" in complaint(cluster)
    cluster.start_controller()
    assert state_of(cluster, held) == "PENDING"
    cluster.kill_munge()
    assert "munge" in complaint(cluster).lower()
    cluster.start_munge()
    assert complaint(cluster) == ""
    cluster.kill_node("n1")
    cluster.start_node("n1")
    cluster.wait_idle()


def complaint(cluster: Cluster) -> str:
    done = subprocess.run(["squeue"], env=dict(cluster.env), capture_output=True, text=True, check=False)
    return done.stderr


def test_a_controller_that_lost_its_state_knows_no_jobs(fresh_slurm: Callable[..., Cluster]) -> None:
    cluster = fresh_slurm()
    held = job(cluster, "--hold", "--wrap=true")
    cluster.kill_controller()
    cluster.forget_jobs()
    cluster.start_controller()
    cluster.wait_idle()
    assert cluster.run("squeue", "-h") == ""
    assert job(cluster, "--hold", "--wrap=true") == held


@pytest.mark.slow
def test_a_forgetful_one_forgets_soon(fresh_slurm: Callable[..., Cluster]) -> None:
    cluster = fresh_slurm(min_job_age_s=2)
    job_id = job(cluster, "--wrap=true")
    until(lambda: state_of(cluster, job_id) == "", "the job is purged", within_s=90)


def test_links_to_its_commands_may_be_replaced(slurm: Cluster, tmp_path: Path) -> None:
    folder = slurm.commands(tmp_path / "bin")
    assert sorted(path.name for path in folder.iterdir()) == sorted(COMMANDS)
    assert "n[1-3]" in slurm.run(str(folder / "sinfo"))


def test_nothing_is_left_when_its_holder_is_killed() -> None:
    held = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
    )
    assert held.stdout is not None
    folder = Path(held.stdout.readline().strip())
    assert len(processes_of(folder)) > 5  # daemons, the job and its child
    os.kill(held.pid, signal.SIGKILL)
    held.wait()
    until(lambda: not folder.exists() and not processes_of(folder), "all is gone")
