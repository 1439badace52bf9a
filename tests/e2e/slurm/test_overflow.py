"""A box with two cards, and a cluster for jobs that may run anywhere: who goes, who stays, and that each says where."""

import json
from collections.abc import Callable

import pytest

from tests.e2e.slurm.lab import SETTINGS, Lab
from tests.slurm.cluster import Cluster, until

pytestmark = [pytest.mark.e2e, pytest.mark.slurm, pytest.mark.root]
BOX = (
    SETTINGS.replace('provider = "none"', 'provider = "simulated"\n[[gpu.simulated]]\ncount = 2')
    .replace('kind = "slurm"', 'kind = "process"\noverflow = "slurm"')
    .replace("[slurm]\n", "[slurm]\nafter_min = {after_min}\n")
    .replace("[executor]", "[scheduling]\ncpu_cores = 4\nmemory_mb = 4000\n[executor]")
)


@pytest.fixture
def box(slurm: Cluster, start_lab: Callable[..., Lab]) -> Lab:
    """Who may goes after three seconds."""
    return start_lab(slurm, settings=BOX.replace("{after_min}", "0.05"))


def submitted(lab: Lab, *options: str, seconds: float = 0.0) -> int:
    return int(lab.rcq("submit", *options, "--", "sh", "-c", lab.script(seconds=seconds)))


def place(lab: Lab, job: int) -> str:
    return str(lab.admin.job(job)["place"])


def test_who_may_run_anywhere_goes_when_the_box_is_full_and_others_wait(box: Lab) -> None:
    busy = submitted(box, "--gpus", "2", "--time", "2h", seconds=600)
    box.reaches(busy, "running")
    stays = submitted(box, "--gpus", "1")
    goes = submitted(box, "--gpus", "1", "--anywhere")
    assert box.ends(goes)["state"] == "completed"
    assert (place(box, busy), place(box, goes)) == ("", "slurm")
    assert box.admin.job(goes)["node"] in ("n1", "n2", "n3")
    assert box.admin.job(stays)["state"] == "pending"
    assert "n" in box.rcq("show", str(goes))
    box.rcq("cancel", str(busy))
    assert box.ends(stays)["state"] == "completed"
    assert place(box, stays) == ""
    assert [one.job for one in box.released()] == [goes]


def test_what_the_box_can_never_hold_is_taken_from_who_may_go_and_refused_to_others(box: Lab) -> None:
    goes = submitted(box, "--gpus", "1", "--gpu-type", "h100", "--anywhere")
    assert box.ends(goes)["state"] == "completed"
    refused = box.admin.refusal("POST", "/v1/jobs", json={"command": ["true"], "gpus": 1, "gpu_type": "h100"})
    assert refused
    big = box.admin.refusal("POST", "/v1/jobs", json={"command": ["true"], "gpus": 9, "anywhere": True})
    assert big == refused


def test_who_finds_room_here_stays_here(box: Lab) -> None:
    here = submitted(box, "--gpus", "1", "--anywhere")
    assert box.ends(here)["state"] == "completed"
    assert place(box, here) == ""
    assert box.released() == []


def test_both_places_are_listed_and_a_kill_loses_none(box: Lab) -> None:
    busy = submitted(box, "--gpus", "2", "--time", "2h", seconds=600)
    box.reaches(busy, "running")
    goes = submitted(box, "--gpus", "2", "--time", "2h", "--anywhere", seconds=600)
    box.reaches(goes, "running")
    box.engine.end(9)
    box.engine.start()
    rows = {row["id"]: row for row in json.loads(box.rcq("queue", "--json"))["items"]}
    assert {job: rows[job]["place"] for job in (busy, goes)} == {busy: "", goes: "slurm"}
    until(lambda: box.admin.job(goes)["state"] == "running", "it is found again")
    box.rcq("cancel", str(busy), str(goes))
    assert {box.ends(job)["cause"] for job in (busy, goes)} == {"cancelled"}
    box.ran_once()
