"""What Slurm's own admin does to rcq's jobs and nodes, and what people then see of it in rcq."""

import time
from collections.abc import Callable

import pytest

from tests.e2e.slurm import wrappers
from tests.e2e.slurm.lab import Lab
from tests.slurm.cluster import Cluster, until

pytestmark = [pytest.mark.e2e, pytest.mark.slurm, pytest.mark.root]
CARDS = 6


def full(lab: Lab, seconds: float = 600) -> list[int]:
    """Every card is taken."""
    jobs = [lab.admin.script(lab.script(seconds=seconds), gpus=2) for _ in range(CARDS // 2)]
    for job in jobs:
        lab.reaches(job, "running")
    return jobs


def waiting(lab: Lab, **fields: object) -> int:
    """A job that was released and waits in Slurm's queue."""
    job = lab.admin.script(lab.script(), gpus=1, **fields)
    lab.in_slurm(job, "PENDING")
    return int(job)


def test_a_running_job_that_an_admin_requeues_goes_on_as_a_new_attempt(lab: Lab) -> None:
    job = lab.admin.script(lab.script(seconds=3))
    lab.reaches(job, "running")
    until(lambda: bool(lab.runs()), "it began")
    number = str(lab.in_slurm(job, "RUNNING").id)
    lab.cluster.scontrol("update", f"jobid={number}", "requeue=1")
    lab.cluster.scontrol("requeue", number)
    told = lab.ends(job)
    assert (told["state"], told["attempt"]) == ("completed", 2)
    assert told["attempts"][0]["cause"] == "preempted"
    assert set(lab.runs()) == {(job, 1), (job, 2)}
    lab.ran_once()


def test_a_running_job_that_an_admin_cancels_is_cancelled_and_says_by_whom(lab: Lab) -> None:
    job = lab.admin.script(lab.script(seconds=600))
    lab.reaches(job, "running")
    lab.cluster.run("scancel", str(lab.in_slurm(job, "RUNNING").id))
    told = lab.ends(job)
    assert (told["state"], told["cause"]) == ("cancelled", "cancelled")
    assert "Slurm" in told["message"]
    assert "Slurm" in lab.rcq("show", str(job))


def test_a_waiting_job_that_an_admin_cancels_is_cancelled(lab: Lab) -> None:
    full(lab)
    job = waiting(lab)
    lab.cluster.run("scancel", str(lab.in_slurm(job, "PENDING").id))
    told = lab.ends(job)
    assert (told["state"], told["cause"]) == ("cancelled", "cancelled")
    assert "Slurm" in told["message"]
    assert not [run for run in lab.runs() if run[0] == job]


def test_why_tells_that_an_admin_holds_a_job_and_it_runs_when_it_is_let_go(lab: Lab) -> None:
    running = full(lab)
    job = waiting(lab)
    number = str(lab.in_slurm(job, "PENDING").id)
    lab.cluster.scontrol("hold", number)
    lab.until(lambda: "JobHeldAdmin" in lab.rcq("why", str(job)), "why tells Slurm's reason")
    assert number in lab.rcq("why", str(job))
    lab.cluster.scontrol("release", number)
    lab.rcq("cancel", *map(str, running))
    assert lab.ends(job)["state"] == "completed"


def test_a_waiting_job_is_cancelled_and_taken_back_by_its_owner(lab: Lab) -> None:
    running = full(lab)
    gone, kept = waiting(lab), waiting(lab)
    lab.rcq("cancel", str(gone))
    assert lab.ends(gone)["cause"] == "cancelled"
    lab.rcq("hold", str(kept))
    lab.reaches(kept, "held")
    until(lambda: not lab.released("PENDING"), "Slurm has neither any more")
    lab.rcq("cancel", *map(str, running))
    lab.rcq("release", str(kept))
    assert lab.ends(kept)["state"] == "completed"
    assert {job for job, _ in lab.runs()} == {*running, kept}
    lab.ran_once()


def test_nothing_goes_to_nodes_that_are_drained_until_they_are_back(lab: Lab) -> None:
    lab.cluster.scontrol("update", "nodename=n3", "state=drain", "reason=fans")
    lab.until(lambda: "fans" in lab.rcq("gpus"), "the cards are out of use, and why")
    job = lab.admin.script(lab.script(), gpus=2, gpu_type="h100")
    lab.until(lambda: "nodes that take no jobs now (n3)" in lab.rcq("why", str(job)), "why tells it")
    assert "fans" in lab.rcq("nodes")
    assert lab.admin.job(job)["state"] in ("pending", "scheduled")
    lab.cluster.scontrol("update", "nodename=n3", "state=resume")
    assert lab.ends(job)["state"] == "completed"


def test_a_job_whose_node_fails_is_tried_again_elsewhere(
    fresh_slurm: Callable[..., Cluster], start_lab: Callable[..., Lab]
) -> None:
    lab = start_lab(fresh_slurm())
    job = lab.admin.script(lab.script(seconds=4), gpus=1, gpu_type="a100", retries=1)
    lab.reaches(job, "running")
    until(lambda: bool(lab.runs()), "it began")
    node = lab.cluster.run("squeue", "-h", "-o", "%N").strip()
    lab.cluster.scontrol("update", f"nodename={node}", "state=down", "reason=power")
    told = lab.ends(job)
    assert (told["state"], told["attempt"]) == ("completed", 2)
    assert node in told["attempts"][0]["message"]
    lab.ran_once()


@pytest.mark.parametrize("seconds", [300, -300])
def test_a_controller_with_another_clock_changes_no_time_that_people_see(lab: Lab, seconds: int) -> None:
    wrappers.late_clock(lab.cluster, lab.commands, seconds)
    before = time.time()
    job = lab.admin.script(lab.script(seconds=2))
    told = lab.ends(job)
    assert told["state"] == "completed"
    assert before - 1 <= told["submitted_at"] <= told["started_at"] <= told["ended_at"] <= time.time() + 1
    assert 1.5 <= told["ended_at"] - told["started_at"] <= 10
