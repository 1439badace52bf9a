"""A day of 200 jobs on a cluster, under quotas and priorities: how each ends, what quotas and Slurm's queue ever held,
and that Slurm was given them in the plan's order."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.daemon.replay import read
from engine.store.decisions import logged
from tests.e2e.slurm import day as days
from tests.e2e.slurm.lab import Lab
from tests.slurm.cluster import Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.slurm, pytest.mark.root, pytest.mark.timeout(300)]
AHEAD, CORES = 4, 32


def submitted(lab: Lab, day: days.Day, folder: Path) -> dict[str, int]:
    """Everybody's file is taken in; the ids by the jobs' own keys."""
    for group, quota in days.QUOTAS.items():
        lab.rcq("group", "add", group, *quota)
    for name, group in days.PEOPLE.items():
        person = lab.engine.someone(lab.admin, name, group)
        file = folder / f"{name}.ndjson"
        file.write_text(day.files[name])
        taken = day.files[name].count("\n")
        assert lab.engine.rcq(person, "ingest", str(file)).startswith(f"{taken} accepted, 0 rejected")
    with closing(sqlite3.connect(f"file:{lab.engine.state / 'rcq.db'}?mode=ro", uri=True)) as database:
        return dict(database.execute("SELECT job_id, id FROM jobs WHERE job_id NOT NULL"))


def starts(lab: Lab) -> Iterator[tuple[Any, list[int]]]:
    """What the decision log has of each pass that started something: the snapshot's moment, the jobs in order."""
    for one in logged(lab.engine.state / "rcq.db"):
        record = read(one)
        yield record, [int(start.lease.job) for start in record.moment.outcome.plan.starts]


def test_all_of_it_ends_as_it_should_and_is_released_in_the_plans_order(
    slurm: Cluster, start_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = start_lab(slurm, ahead=AHEAD)
    day = days.made(lab)
    ids = submitted(lab, day, tmp_path)
    cores: list[int] = []
    slurm_ids: dict[int, int] = {}

    def over() -> bool:
        seen = lab.released()
        cores.append(sum(one.cores for one in seen if one.state in ("PENDING", "RUNNING")))
        slurm_ids.update((one.job, one.id) for one in seen)
        jobs = lab.admin.get("/v1/stats")["jobs"]
        return sum(jobs.get(state, 0) for state in ("completed", "failed", "cancelled")) == 4 * days.EACH

    lab.until(over, "all are over", 240.0)
    over()
    assert max(cores) <= CORES + 3 * AHEAD  # no more than what there is room for, and those ahead
    ended_right(lab, day, ids)
    assert len(lab.runs()) == 4 * days.EACH
    lab.ran_once()
    quotas_were_kept(lab)
    released_in_order(lab, slurm_ids)
    assert "no difference" in lab.rcq("replay", "--database", str(lab.engine.state / "rcq.db"))


def ended_right(lab: Lab, day: days.Day, ids: dict[str, int]) -> None:
    """State, cause, exit code and log of each."""
    assert set(ids) == set(day.wanted)
    for key, wanted in day.wanted.items():
        job = lab.admin.job(ids[key])
        state = "failed" if wanted.code else "completed"
        assert (job["state"], job["cause"], job["exit_code"]) == (state, "exit", wanted.code), job
        assert lab.admin.log(ids[key]) == wanted.says
        assert job["ended_at"] >= job["started_at"] >= job["submitted_at"] - 0.1


def quotas_were_kept(lab: Lab) -> None:
    """By what the jobs wrote themselves: who ran at once, from their first line to their last."""
    jobs = {number: lab.admin.job(number) for number in {job for _, job, _, _ in lab.moments()}}
    held: Counter[str] = Counter()
    for kind, number, _, _ in sorted(lab.moments(), key=lambda moment: moment[3]):
        sign = 1 if kind == "begin" else -1
        job = jobs[number]
        group = days.PEOPLE[job["account"]]
        held[f"{group} gpus"] += sign * job["gpus"]
        held[f"{group} cores"] += sign * job["cpu_cores"]
        held[f"{group} jobs"] += sign
        assert held["bio gpus"] <= 2
        assert held["chem jobs"] <= 4
        assert held["phys cores"] <= 6


def released_in_order(lab: Lab, slurm_ids: dict[int, int]) -> None:
    """Slurm numbers jobs as they come: a pass's in the order of its plan, and each pass's after the ones before."""
    planned = [job for _, jobs in starts(lab) for job in jobs]
    assert sorted(planned) == sorted(slurm_ids)
    assert sorted(planned, key=slurm_ids.__getitem__) == planned
