"""kill -9 of the engine and of slurmctld at random moments of a run: nothing is lost, nothing runs twice."""

import random
import signal
import time
from collections.abc import Callable

import pytest

from tests.e2e.slurm.lab import Lab
from tests.slurm.cluster import Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.slurm, pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(300)]
SEED, JOBS, KILLS = 7, 40, 3


def test_every_job_ends_as_it_should_and_no_attempt_began_twice(
    fresh_slurm: Callable[..., Cluster], start_lab: Callable[..., Lab]
) -> None:
    lab, dice = start_lab(fresh_slurm()), random.Random(SEED)
    codes = {}
    for _ in range(JOBS):
        code, seconds = dice.choice((0, 0, 0, 0, 0, 0, 0, 9)), dice.choice((0.2, 1.0, 2.0))
        job = lab.admin.script(
            lab.script(seconds=seconds, code=code),
            gpus=dice.choice((0, 0, 1, 2)),
            cpu_cores=dice.randint(1, 4),
            retries=4,
        )
        codes[job] = code
    for _ in range(KILLS):
        for kill in dice.sample((kill_engine, kill_controller), 2):
            begun = len(lab.runs())
            goes_on(lab, begun + dice.randint(1, 6))
            time.sleep(dice.random())  # any moment: this is what is tried
            kill(lab)
    lab.until(lambda: over(lab), "all are over", 150.0)
    lab.ran_once()
    told = {job: lab.admin.job(job) for job in codes}
    assert {job: (one["cause"], one["exit_code"]) for job, one in told.items()} == {
        job: ("exit", code) for job, code in codes.items()
    }
    assert set(lab.runs("end")) >= {(job, one["attempt"]) for job, one in told.items()}


def over(lab: Lab) -> bool:
    """Whether all jobs are; a node that Slurm drained is put back, as it does after a loss of jobs that run there."""
    for node, state in lab.cluster.states().items():
        if state.startswith("drain"):
            lab.cluster.run("scontrol", "update", f"nodename={node}", "state=resume", check=False)
    jobs = lab.admin.get("/v1/stats")["jobs"]
    return sum(jobs.get(state, 0) for state in ("completed", "failed", "cancelled")) == JOBS


def goes_on(lab: Lab, count: int) -> None:
    """Until so many attempts began, or all jobs are over."""
    lab.until(lambda: over(lab) or len(lab.runs()) >= count, f"{count} attempts began", 90.0)


def kill_engine(lab: Lab) -> None:
    """kill -9, and another one on the same directory."""
    lab.engine.end(signal.SIGKILL)
    lab.engine.start()


def kill_controller(lab: Lab) -> None:
    """kill -9, and another one that finds what was saved."""
    lab.cluster.kill_controller()
    lab.cluster.start_controller()
