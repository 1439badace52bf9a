"""Slurm away, back, and back without its memory, seen from rcq's commands: nothing is lost, nothing runs twice."""

import re
import signal
from collections.abc import Callable

import pytest

from tests.e2e.slurm import wrappers
from tests.e2e.slurm.lab import Lab
from tests.slurm.cluster import Cluster, until

pytestmark = [pytest.mark.e2e, pytest.mark.slurm, pytest.mark.root]
Fresh = Callable[..., Cluster]
Start = Callable[..., Lab]


def test_a_submission_is_taken_while_slurm_is_away_and_runs_later(fresh_slurm: Fresh, start_lab: Start) -> None:
    lab = start_lab(fresh_slurm())
    lab.cluster.kill_controller()
    job = int(lab.rcq("submit", "--gpus", "1", "--", "sh", "-c", lab.script()))
    assert lab.admin.job(job)["state"] in ("pending", "scheduled")
    lab.cluster.start_controller()
    assert lab.ends(job)["state"] == "completed"
    lab.ran_once()


def test_an_engine_starts_without_slurm_and_goes_on_when_it_comes(fresh_slurm: Fresh, start_lab: Start) -> None:
    lab = start_lab(fresh_slurm())
    job = lab.admin.script(lab.script(seconds=3, code=4))
    lab.reaches(job, "running")
    lab.cluster.stop_controller()
    lab.engine.end(signal.SIGKILL)
    lab.engine.start()
    later = lab.admin.script(lab.script())
    assert lab.admin.job(job)["state"] == "running"
    lab.cluster.start_controller()
    assert lab.ends(job)["exit_code"] == 4
    assert lab.ends(later)["state"] == "completed"
    lab.ran_once()


def test_jobs_run_on_while_the_controller_is_killed_and_comes_back(fresh_slurm: Fresh, start_lab: Start) -> None:
    lab = start_lab(fresh_slurm())
    jobs = [lab.admin.script(lab.script(seconds=6), gpus=2) for _ in range(5)]
    lab.reaches(jobs[0], "running")
    until(lambda: len(lab.released("PENDING")) == 2, "two wait in Slurm")
    lab.cluster.kill_controller()
    lab.cluster.start_controller()
    assert lab.fates(jobs) == {"completed": ""}
    assert set(lab.runs()) == {(job, 1) for job in jobs}
    lab.ran_once()


@pytest.mark.slow
def test_nothing_hangs_or_runs_twice_when_slurm_lost_its_memory(fresh_slurm: Fresh, start_lab: Start) -> None:
    lab = start_lab(fresh_slurm())
    jobs = [lab.admin.script(lab.script(seconds=5), gpus=2, retries=2) for _ in range(6)]
    lab.reaches(jobs[0], "running")
    until(lambda: len(lab.released("PENDING")) >= 2, "some wait in Slurm")
    lab.cluster.kill_controller()
    lab.cluster.forget_jobs()
    conf = lab.cluster.conf.read_text()  # as the page tells admins: an id that a node still runs is nobody else's
    lab.cluster.conf.write_text(re.sub(r"(?m)^FirstJobId=.*\n", "", conf) + "FirstJobId=66000000\n")
    lab.cluster.start_controller()
    assert lab.fates(jobs, 100.0) == {"completed": ""}
    assert set(lab.runs("end")) >= {(job, lab.admin.job(job)["attempt"]) for job in jobs}
    lab.ran_once()


@pytest.mark.slow
def test_an_end_that_slurm_has_forgotten_is_known_all_the_same(fresh_slurm: Fresh, start_lab: Start) -> None:
    lab = start_lab(fresh_slurm(min_job_age_s=2))
    jobs = [lab.admin.script(lab.script(seconds=1, code=code, say=f"bye {code}")) for code in (0, 7)]
    for job in jobs:
        lab.reaches(job, "running")
    lab.engine.end(signal.SIGKILL)
    until(lambda: len(lab.runs("end")) == 2 and not lab.released(), "Slurm has forgotten both", within_s=90)
    lab.engine.start()
    ended = lab.all_end(jobs)
    assert [ended[job]["exit_code"] for job in jobs] == [0, 7]
    assert [lab.admin.log(job) for job in jobs] == ["bye 0\n", "bye 7\n"]
    lab.ran_once()


def test_jobs_wait_and_run_on_without_munge(fresh_slurm: Fresh, start_lab: Start) -> None:
    lab = start_lab(fresh_slurm())
    running = lab.admin.script(lab.script(seconds=4, code=3))
    lab.reaches(running, "running")
    lab.cluster.kill_munge()
    later = int(lab.rcq("submit", "--", "sh", "-c", lab.script()))
    lab.until(lambda: "end" in lab.ledger.read_text(), "the first runs to its end")
    lab.cluster.start_munge()
    assert lab.ends(running)["exit_code"] == 3
    assert lab.ends(later)["state"] == "completed"
    lab.ran_once()


def test_a_submission_whose_answer_is_lost_is_found_again(lab: Lab) -> None:
    wrappers.slow_sbatch(lab.cluster, lab.commands)
    job = lab.admin.script(lab.script(seconds=1, code=5))
    lab.in_slurm(job)
    wrappers.real(lab.cluster, lab.commands, "sbatch")
    assert lab.ends(job)["exit_code"] == 5
    assert [(one.job, one.attempt) for one in lab.released()] == [(job, 1)]
    lab.ran_once()


def test_an_engine_that_is_killed_before_sbatch_answers_finds_it_again(lab: Lab) -> None:
    wrappers.slow_sbatch(lab.cluster, lab.commands)
    jobs = [lab.admin.script(lab.script(code=6)) for _ in range(3)]
    lab.in_slurm(jobs[0])
    lab.engine.end(signal.SIGKILL)
    wrappers.real(lab.cluster, lab.commands, "sbatch")
    lab.engine.start()
    assert {job["exit_code"] for job in lab.all_end(jobs).values()} == {6}
    assert sorted((one.job, one.attempt) for one in lab.released()) == [(job, 1) for job in jobs]
    lab.ran_once()
