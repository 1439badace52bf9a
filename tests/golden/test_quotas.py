"""Stories about quotas: who is stopped by which limit, with which numbers."""

import pytest
from worlds import A100, card, key, lease, waiting, world

from engine.core.model import AccountName, GroupName, ServiceName
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.reasons import QuotaReached
from engine.core.snapshot import Quotas

POLICY = Policy()
ANN, VISION = AccountName("ann"), GroupName("vision")


def run(quotas, *shapes, leases=(), cards=4):
    pending = [waiting(key(**shape), (f"job{at}", 10 - at)) for at, shape in enumerate(shapes)]
    decided = plan(world(cards, pending, leases, quotas=quotas), POLICY)
    told = {
        hold.jobs[hold.skip].job: [
            (r.scope, r.name, r.resource, r.limit, r.used, r.wanted)
            for r in hold.reasons
            if isinstance(r, QuotaReached)
        ]
        for hold in decided.holds
    }
    return [start.lease.job for start in decided.starts], told


@pytest.mark.parametrize(
    ("quota", "shape", "told"),
    [
        (Quota(gpus=3), {"gpus": 2}, ("gpus", 3, 2, 2)),
        (Quota(gpu_memory_mb=120_000), {"gpus": 1}, ("gpu_memory_mb", 120_000, 98_280, 49_140)),
        (Quota(cpu_cores=10), {"gpus": 0, "cpu_cores": 9}, ("cpu_cores", 10, 2, 9)),
        (Quota(memory_mb=1000), {"memory_mb": 600}, ("memory_mb", 1000, 500, 600)),
        (Quota(jobs=1), {"gpus": 0}, ("jobs", 1, 1, 1)),
        (Quota(gpus_by_type={"a6000": 2}), {"gpu_type": "rtx a6000"}, ("gpus:a6000", 2, 2, 1)),
        (Quota(gpus_by_type={"a6000": 2}), {}, ("gpus:a6000", 2, 2, 1)),
    ],
)
@pytest.mark.parametrize("scope", ["account", "group"])
def test_each_limit_stops_the_job_and_says_by_how_much(quota, shape, told, scope):
    """Ann runs one job on two cards with two cores and 500 MiB; the next one would break the limit."""
    running = lease("old", key(gpus=2, cpu_cores=2, memory_mb=500), 0, 1)
    quotas = Quotas(accounts={ANN: quota}) if scope == "account" else Quotas(groups={VISION: quota})
    name = ANN if scope == "account" else VISION
    assert run(quotas, shape, leases=[running]) == ([], {"job0": [(scope, name, *told)]})


def test_a_group_is_stopped_whoever_of_it_asks_and_others_are_not():
    quotas = Quotas(groups={VISION: Quota(gpus=2)})
    started, told = run(
        quotas, {"account": "ann", "gpus": 2}, {"account": "bob"}, {"account": "cleo", "group": "language"}
    )
    assert started == ["job0", "job2"]
    assert told == {"job1": [("group", "vision", "gpus", 2, 2, 1)]}


def test_who_is_stopped_by_a_quota_holds_nobody_up():
    """The head of the queue is over its quota: no card is kept for it."""
    started, told = run(
        Quotas(accounts={ANN: Quota(gpus=1)}), {"gpus": 4, "priority": 10}, {"account": "bob", "gpus": 4}
    )
    assert started == ["job1"]
    assert ("account", "ann", "gpus", 1, 0, 4) in told["job0"]


def test_every_limit_in_the_way_is_told():
    quotas = Quotas(accounts={ANN: Quota(gpus=1, jobs=0)}, groups={VISION: Quota(cpu_cores=1)})
    _, told = run(quotas, {"gpus": 2, "cpu_cores": 2})
    assert {entry[2] for entry in told["job0"]} == {"gpus", "jobs", "cpu_cores"}


def test_a_cap_on_one_type_sends_the_job_to_another():
    """Vision may hold one A100. Its second job takes the A6000, though the other A100 is idle."""
    cards = [card(0, A100), card(1, A100), card(2)]
    quotas = Quotas(groups={VISION: Quota(gpus_by_type={"a100": 1})})
    pending = [waiting(key(gpus=2), ("gang", 5))]
    (start,) = plan(world(cards, pending, quotas=quotas), POLICY).starts
    assert start.lease.gpus == ("GPU-0", "GPU-2")


def test_a_service_counts_each_account_apart():
    quotas = Quotas(services={ServiceName("alphafold"): 1})
    alphafold = {"service": "alphafold", "gpus": 0}
    started, told = run(quotas, alphafold, {**alphafold, "priority": 4}, {**alphafold, "account": "bob"})
    assert started == ["job0", "job2"]
    assert told == {"job1": [("service", "alphafold", "jobs", 1, 1, 1)]}
