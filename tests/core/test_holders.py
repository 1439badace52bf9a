"""Who holds what a waiting job lacks."""

from dataclasses import replace

from worlds import A100, card, key, lease, world

from engine.core.holders import holders
from engine.core.model import AccountName, ArrayCap, GpuUuid, JobId, ServiceName
from engine.core.quota import Quota
from engine.core.reasons import ArrayFull, CoresBusy, GpuDrained, MemoryBusy, NotEnoughGpus, PowerShort, QuotaReached
from engine.core.snapshot import Quotas

GPUS = NotEnoughGpus(wanted=1, free=0, matching=1)


def found(snapshot, of, *reasons):
    return [(str(one.lease.job), one.codes, [str(uuid) for uuid in one.gpus]) for one in holders(snapshot, of, reasons)]


def test_cards_that_match_and_cores_the_first_end_first():
    leases = [
        lease("b", key("bob"), 0, left=100),
        lease("a", key("ann", gpus=2), 1, 2, left=50),
        lease("cpu", key("cleo", gpus=0), left=10),
    ]
    snapshot = world([card(0, A100), card(1), card(2, A100)], leases=leases)
    wanted = key("dan", gpu_type="a100")
    assert found(snapshot, wanted, GPUS) == [("a", ("GPUS_BUSY",), ["GPU-2"]), ("b", ("GPUS_BUSY",), ["GPU-0"])]
    cores = CoresBusy(wanted=9, free=1, total=9)
    assert [job for job, codes, _ in found(snapshot, wanted, cores, GPUS) if codes[0] == "CORES_BUSY"] == [
        "cpu",
        "a",
        "b",
    ]
    assert found(snapshot, wanted, MemoryBusy(wanted=9, free=1, total=9)) == []
    assert found(snapshot, wanted, GpuDrained(gpu=GpuUuid("GPU-0"), index=0)) == []


def test_of_power_all_cards_count_be_they_of_another_type():
    snapshot = world(
        [card(0, A100), card(1)], leases=[lease("a", key("ann"), 1, left=50), lease("b", key("bob", gpus=0))]
    )
    short = PowerShort(wanted_w=300.0, free_w=100.0, budget_w=700.0)
    assert found(snapshot, key("dan", gpu_type="a100"), short, GPUS) == [("a", ("POWER_BUDGET",), ["GPU-1"])]


def quota(scope, name, resource, limit=1):
    return QuotaReached(scope=scope, name=name, resource=resource, limit=limit, used=1, wanted=1)


def test_of_a_quota_those_whose_it_is_and_who_hold_some_of_it():
    leases = [
        lease("ann-gpu", key("ann", service="fold"), 0, left=1),
        lease("ann-cpu", key("ann", gpus=0, memory_mb=5), left=2),
        lease("bob-gpu", key("bob", service="fold"), 1, left=3),
        lease("cleo", key("cleo", "language", service="fold"), 2, left=4),
    ]
    snapshot = world([card(0), card(1, A100), card(2)], leases=leases)
    of = key("ann", service="fold")

    def who(*reasons, by=snapshot):
        return [job for job, _, _ in found(by, of, *reasons)]

    assert who(quota("account", "ann", "gpus")) == ["ann-gpu"]
    assert who(quota("account", "ann", "jobs")) == ["ann-gpu", "ann-cpu"]
    assert who(quota("account", "ann", "memory_mb")) == ["ann-cpu"]
    assert who(quota("group", "vision", "gpus")) == ["ann-gpu", "bob-gpu"]
    assert who(quota("group", "vision", "gpus:a100")) == ["bob-gpu"]
    assert who(quota("group", "vision", "gpu_hours")) == []
    assert who(quota("service", "fold", "gpus")) == ["ann-gpu", "bob-gpu", "cleo"]
    capped = world(
        3, leases=leases, quotas=Quotas(services={ServiceName("fold"): 1}, accounts={AccountName("ann"): Quota()})
    )
    assert who(quota("service", "fold", "jobs"), by=capped) == ["ann-gpu"]


def test_elements_of_the_same_array():
    cap = ArrayCap(parent=JobId("7"), most=1)
    of = replace(key("ann"), array=cap)
    snapshot = world(2, leases=[lease("7", of, 0), lease("8", key("ann"), 1)])
    (one,) = found(snapshot, of, ArrayFull(parent=JobId("7"), limit=1, running=1))
    assert one[:2] == ("7", ("ARRAY_LIMIT",))


def test_who_waits_in_a_clusters_queue_has_no_card_but_counts_for_quotas():
    runs = lease("a", key("ann"), 0, left=50)
    waits = replace(lease("b", key("ann"), 0, left=90), waits=True)
    snapshot = world([card(0)], leases=[runs, waits])
    cores = CoresBusy(wanted=9, free=1, total=9)
    assert found(snapshot, key("ann"), GPUS, cores) == [("a", ("GPUS_BUSY", "CORES_BUSY"), ["GPU-0"])]
    assert found(snapshot, key("ann"), quota("account", "ann", "jobs")) == [
        ("a", ("QUOTA_REACHED",), ["GPU-0"]),
        ("b", ("QUOTA_REACHED",), []),
    ]
