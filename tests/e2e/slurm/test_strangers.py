"""What jobs that are not rcq's hold of the cluster, and machines out of use: seen, and planned around."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.slurm.lab import Lab
from tests.slurm.cluster import Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.slurm, pytest.mark.root]


@pytest.fixture
def lab(slurm: Cluster, start_lab: Callable[..., Lab]) -> Lab:
    """One job alone may wait in Slurm's queue."""
    return start_lab(slurm, ahead=1)


def strangers_job(lab: Lab, *options: str) -> str:
    return lab.cluster.run("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 600", *options).strip()


def cards(lab: Lab, node: str) -> list[dict[str, Any]]:
    return [card for card in lab.admin.get("/v1/gpus")["items"] if card["node"] == node]


def submitted(lab: Lab, *options: str, seconds: float = 0.0) -> int:
    return int(lab.rcq("submit", *options, "--", "sh", "-c", lab.script(seconds=seconds)))


def test_cards_of_strangers_are_not_counted_on_and_come_back(lab: Lab) -> None:
    stranger = strangers_job(lab, "--gres=gpu:h100:2")
    lab.until(lambda: all(card["taken_by"] for card in cards(lab, "n3")), "the stranger is seen on both cards")
    jobs = [submitted(lab, "--gpus", "1", "--gpu-type", "h100") for _ in range(3)]
    # there is room for another: when it has run, passes have looked at those that wait
    beside = submitted(lab, "--gpus", "1", "--gpu-type", "a100")
    assert lab.ends(beside)["state"] == "completed"
    assert len([one for one in lab.released() if one.job in jobs]) <= 1  # who waits in Slurm's queue, if anyone
    assert {lab.admin.job(job)["state"] for job in jobs[1:]} == {"pending"}
    lab.cluster.run("scancel", stranger)
    assert {job["state"] for job in lab.all_end(jobs).values()} == {"completed"}
    assert not any(card["taken_by"] for card in cards(lab, "n3"))


def test_a_drained_machine_is_told_with_its_words_and_comes_back(lab: Lab) -> None:
    lab.cluster.scontrol("update", "nodename=n2", "state=drain", "reason=fan is broken")
    told = lab.until(lambda: [card for card in cards(lab, "n2") if card["state"] == "drained"], "n2 is drained")
    assert [card["why"] for card in told] == ["n2 is drained in Slurm: fan is broken"] * 2
    assert [card["state"] for card in cards(lab, "n1")] == ["ok", "ok"]
    first = submitted(lab, "--gpus", "2", "--gpu-type", "a100", seconds=600)
    assert lab.reaches(first, "running")["node"] == "n1"
    waits = [submitted(lab, "--gpus", "2", "--gpu-type", "a100") for _ in range(2)]
    lab.in_slurm(waits[0], "PENDING")
    lab.cluster.scontrol("update", "nodename=n2", "state=resume")
    ended = lab.all_end(waits)
    assert {(job["state"], job["node"]) for job in ended.values()} == {("completed", "n2")}
    lab.rcq("cancel", str(first))
    lab.ends(first)


def test_its_machines_are_drained_in_slurm_and_not_here(lab: Lab) -> None:
    lab.until(lambda: cards(lab, "n1"), "the cluster has been read")
    index = cards(lab, "n1")[0]["index"]
    refused = lab.admin.ask("POST", f"/v1/gpus/{index}/drain", json={"why": "fan"}).json()["error"]
    assert refused["code"] == "INVALID_STATE"
    assert "scontrol update nodename=n1 state=drain" in refused["message"]
    assert [card["state"] for card in cards(lab, "n1")] == ["ok", "ok"]
