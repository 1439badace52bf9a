"""Leave to run anywhere from rcq's commands: what is foretold, explained, refused and never lost, on a real Slurm."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.e2e.slurm.lab import SETTINGS, Lab
from tests.slurm.cluster import Cluster, until

pytestmark = [pytest.mark.e2e, pytest.mark.slurm, pytest.mark.root]
BOX = (
    SETTINGS.replace('provider = "none"', 'provider = "simulated"\n[[gpu.simulated]]\ncount = 2')
    .replace('kind = "slurm"', 'kind = "process"\noverflow = "slurm"')
    .replace("[executor]", "[scheduling]\ncpu_cores = 4\nmemory_mb = 4000\n[executor]")
)


def submitted(lab: Lab, *options: str, seconds: float = 0.0) -> int:
    return int(lab.rcq("submit", *options, "--", "sh", "-c", lab.script(seconds=seconds)))


def refused(lab: Lab, *words: str) -> str:
    """What a command that is refused says."""
    token = lab.admin.http.headers["Authorization"].removeprefix("Bearer ")
    environment = {**os.environ, "RCQ_SOCKET": str(lab.engine.socket), "RCQ_TOKEN": token}
    command = [sys.executable, "-P", "-m", "rcq_tui.cli.main", *words]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode != 0
    return ran.stderr


def codes(lab: Lab, job: int) -> set[str]:
    return {reason["code"] for reason in lab.admin.get(f"/v1/jobs/{job}/why")["reasons"]}


def test_it_is_told_when_a_job_goes_and_what_would_happen(slurm: Cluster, start_lab: Callable[..., Lab]) -> None:
    box = start_lab(slurm, settings=BOX)
    until(lambda: box.admin.get("/v1/nodes")["items"], "the nodes are read")
    long = submitted(box, "--gpus", "2", "--time", "20m", seconds=600)
    box.reaches(long, "running")
    waits = submitted(box, "--gpus", "2", "--time", "1m")
    goes = submitted(box, "--gpus", "2", "--anywhere")
    box.until(lambda: "GOES_TO_CLUSTER" in codes(box, goes) or box.admin.job(goes)["place"], "it is told")
    assert "Goes to Slurm from" in box.rcq("why", str(goes))
    assert "With --anywhere, on Slurm, it starts now" not in box.rcq("why", str(waits))  # it starts here in time
    assert "It would go to Slurm now" in box.rcq(
        "submit", "--dry-run", "--gpus", "1", "--gpu-type", "h100", "--anywhere", "true"
    )
    box.rcq("edit", str(waits), "--anywhere", "--time", "2h")
    assert "anywhere" in box.rcq("show", str(waits))
    assert "--anywhere" in refused(box, "submit", "--gpus", "1", "--gpu-type", "h100", "true")


def test_nothing_is_refused_before_slurm_was_ever_heard_of(
    fresh_slurm: Callable[..., Cluster], start_lab: Callable[..., Lab]
) -> None:
    cluster = fresh_slurm()
    cluster.kill_controller()
    box = start_lab(cluster, settings=BOX)
    goes = submitted(box, "--gpus", "1", "--gpu-type", "h100", "--anywhere")
    box.until(lambda: "CLUSTER_UNKNOWN" in codes(box, goes), "it is told")
    assert "Nothing is known of Slurm's nodes yet" in box.rcq("why", str(goes))
    cluster.start_controller()
    assert box.ends(goes)["state"] == "completed"
    assert box.admin.job(goes)["place"] == "slurm"
    box.ran_once()


def test_what_is_not_possible_on_slurm_is_refused_with_what_to_do_instead(lab: Lab) -> None:
    assert "srun --pty" in refused(lab, "run", "--", "true")
    assert "leave gpu_share out" in refused(lab, "submit", "--gpus", "1", "--gpu-memory", "1G", "--share", "true")
    assert "scontrol create reservation" in refused(lab, "reserve", "--for", "1h", "1")
    assert "runs on Slurm here" in refused(lab, "adopt", "1")
