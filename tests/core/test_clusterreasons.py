"""What those who wait are told of a cluster: that it is unknown, full or out of use, and when they may go there."""

from dataclasses import replace

import pytest
from clusters import clusters, nodes, overflowing
from hypothesis import given, settings
from worlds import NOW, key, lease, policies, waiting, world

from engine.core.changes import Anywhere
from engine.core.clusterreasons import of_job
from engine.core.explain import outcome_of
from engine.core.forecast import forecast, frozen
from engine.core.model import AccountName, Waiting
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.reasons import ClusterOutOfUse, ClusterQueueFull, ClusterUnknown, GoesToCluster, QuotaReached
from engine.core.snapshot import CLUSTER, Cluster, Host, NodeRoom, Quotas
from engine.core.whatif import what_if

MANY = settings(max_examples=60, deadline=None)
HOUR = 3600.0
TOLD = (ClusterUnknown, ClusterQueueFull, ClusterOutOfUse, GoesToCluster)
NOTHING_KNOWN = Host(cpu_cores=0, memory_mb=0)


def anywhere(*args, **more):
    return replace(key(*args, **more), anywhere=True)


def beside(pending, leases=(), *, there=(2,), ahead=1, after_s=HOUR, **more):
    """A box of one card with a cluster beside it."""
    gpus, host = nodes(*there)
    return world(1, pending, leases, cluster=Cluster(host=host, gpus=gpus, ahead=ahead, after_s=after_s), **more)


def there(of, *, number, waits, gpus=2):
    """A lease of all cards of machine `number`."""
    uuids = tuple(f"slurm/n{number}/gpu/{at}" for at in range(gpus))
    return replace(lease(f"7{number}", of), gpus=uuids, place=CLUSTER, waits=waits)


def reasons(snapshot, job="1"):
    """Of a job that nothing is promised to."""
    decided = plan(snapshot, replace(Policy(), reservation_depth=0))
    (group, one) = next((group, one) for group in snapshot.pending for one in group.jobs if one.job == job)
    return outcome_of(decided, group.key, one).reasons


def of_cluster(snapshot, job="1"):
    return [reason for reason in reasons(snapshot, job) if isinstance(reason, TOLD)]


SOON = lease("90", key("dan", "robots"), 0, ran=60, left=600)


def test_who_may_go_later_is_told_when():
    box = beside([waiting(anywhere(), ("1", 600))], [SOON], after_s=1800.0)
    assert of_cluster(box) == [GoesToCluster(at=NOW + 1200, after_s=1800.0)]


def test_each_job_of_a_group_has_its_own_time():
    shared = (GoesToCluster(at=NOW + 1200, after_s=1800.0), ClusterUnknown())
    assert of_job(shared, NOW - 60) == (GoesToCluster(at=NOW + 1740, after_s=1800.0), ClusterUnknown())


def test_who_is_promised_a_start_here_before_that_is_told_nothing_of_the_cluster():
    box = beside([waiting(anywhere(), ("1", 7200))], [SOON], after_s=3 * HOUR)
    policy = replace(Policy(), promise_window_s=HOUR)
    (promised,) = plan(box, policy).reservations
    assert promised.start_at < NOW + HOUR
    assert not any(isinstance(reason, TOLD) for reason in promised.reasons)


def test_who_did_not_say_so_is_told_nothing_of_it():
    assert of_cluster(beside([waiting(key(), ("1", 600))], [SOON])) == []


def test_who_may_go_and_finds_the_queue_full_is_told_how_many_wait_there():
    taken = there(key("eve", "lab"), number=0, waits=True)
    box = beside([waiting(anywhere(), ("1", 2 * HOUR))], [SOON, taken])
    assert of_cluster(box) == [ClusterQueueFull(waiting=1, most=1)]


def test_who_finds_all_machines_that_could_hold_it_out_of_use_is_told_so():
    box = beside([waiting(anywhere(), ("1", 2 * HOUR))], [SOON])
    gpus = tuple(replace(gpu, drained=True) for gpu in box.cluster.gpus)
    box = replace(box, cluster=replace(box.cluster, gpus=gpus))
    assert of_cluster(box) == [ClusterOutOfUse(nodes=1)]


@pytest.mark.parametrize("quota", [Quota(gpus_by_type={"a6000": 0}), Quota(gpu_memory_mb=1000)])
def test_who_may_not_have_the_cards_that_are_there_is_told_of_its_quota(quota):
    busy = there(key("eve", "lab"), number=0, waits=False)
    box = beside(
        [waiting(anywhere(gpu_type="a6000"), ("1", 2 * HOUR))],
        [SOON, busy],
        quotas=Quotas(accounts={AccountName("ann"): quota}),
    )
    assert of_cluster(box) == []
    assert any(isinstance(reason, QuotaReached) for reason in reasons(box))


def test_who_could_never_run_there_is_told_nothing_of_it():
    wide = anywhere(gpus=1, memory_mb=1_000_000)
    assert of_cluster(beside([waiting(wide, ("1", 2 * HOUR))], [SOON])) == []


def test_who_is_held_by_a_quota_is_not_told_to_wait_for_the_cluster():
    quotas = Quotas(accounts={AccountName("ann"): Quota(gpus=0)})
    found = reasons(beside([waiting(anywhere(), ("1", 600))], [SOON], quotas=quotas))
    assert any(isinstance(reason, QuotaReached) for reason in found)
    assert not any(isinstance(reason, TOLD) for reason in found)


def test_as_long_as_nothing_is_known_of_the_cluster_all_wait_for_it_and_are_told_so():
    box = beside([waiting(anywhere(gpus=3), ("1", 2 * HOUR))], [SOON])
    box = replace(box, cluster=replace(box.cluster, host=NOTHING_KNOWN, gpus=()))
    assert of_cluster(box) == [ClusterUnknown()]
    alone = world(0, [waiting(key(gpus=3), ("1", 60))], place=CLUSTER, ahead=2)
    alone = replace(alone, host=NOTHING_KNOWN)
    assert reasons(alone) == (ClusterUnknown(),)


def test_on_a_cluster_who_finds_no_room_is_told_how_many_wait_in_its_queue():
    gpus, host = nodes(2)
    full = replace(world(0), place=CLUSTER, gpus=gpus, host=host, ahead=1)
    full = replace(full, leases=(there(key("eve", "lab"), number=0, waits=True),))
    full = replace(full, pending=(waiting(key(), ("1", 60)),))
    assert of_cluster(full) == [ClusterQueueFull(waiting=1, most=1)]
    (start,) = plan(replace(full, ahead=2), Policy()).starts
    assert start.lease.waits


def test_who_is_handed_over_is_expected_to_run_when_there_is_room():
    gpus, host = nodes(2)
    taken = there(key("eve", "lab"), number=0, waits=False)
    full = replace(world(0), place=CLUSTER, gpus=gpus, host=host, ahead=1, leases=(taken,))
    full = replace(full, pending=(waiting(key(), ("1", 60)),))
    (start,) = plan(full, Policy()).starts
    assert start.runs_at == start.later == taken.expected_end
    foreseen = forecast(full, Policy()).starts["1"]
    assert (foreseen.start_at, foreseen.place) == (taken.expected_end, CLUSTER)


def test_what_helps_is_to_run_anywhere_where_a_plan_proves_it():
    long = lease("90", key("dan", "robots"), 0, ran=60, left=10 * HOUR)
    box = beside([waiting(key(), ("1", 600))], [long])
    helps = what_if(box, Policy(), key(), Waiting(NOW - 600, "1"))
    assert helps[0].changes == (Anywhere(),)
    assert helps[0].start_at == NOW
    full = beside([waiting(key(), ("1", 600))], [long, there(key("eve", "lab"), number=0, waits=True)])
    assert not any(Anywhere() in one.changes for one in what_if(full, Policy(), key(), Waiting(NOW - 600, "1")))


def test_a_node_that_is_drained_is_not_for_rcq_to_put_back_into_use():
    gpus, host = nodes(1)
    drained = tuple(replace(gpu, drained=True) for gpu in gpus)
    there = world(drained, [waiting(key(), ("1", 60))], place=CLUSTER, host=host, ahead=1)
    assert what_if(there, Policy(), key(), Waiting(NOW - 60, "1")) == ()


@pytest.mark.parametrize("shape", [{"share": True, "gpu_memory_mb": 1000}, {"gpu_power_w": 100}])
def test_what_a_cluster_does_not_take_stays_here(shape):
    long = lease("90", key("dan", "robots"), 0, ran=60, left=10 * HOUR)
    of = anywhere(**shape)
    box = beside([waiting(of, ("1", 2 * HOUR))], [long])
    assert plan(box, Policy()).starts == ()
    helps = what_if(beside([waiting(key(**shape), ("1", 60))], [long]), Policy(), key(**shape), Waiting(NOW - 60, "1"))
    assert not any(Anywhere() in one.changes for one in helps)


@MANY
@given(overflowing(), policies)
def test_only_who_may_go_is_told_of_the_cluster_beside_the_box(snapshot, policy):
    decided = plan(snapshot, policy)
    for one in (*decided.reservations, *decided.holds):
        told = [reason for reason in one.reasons if isinstance(reason, TOLD)]
        assert len(told) <= (1 if one.key.anywhere else 0)


@MANY
@given(clusters(), policies)
def test_on_a_cluster_nobody_is_told_to_go_there(snapshot, policy):
    decided = plan(snapshot, policy)
    for one in (*decided.reservations, *decided.holds):
        assert not any(isinstance(reason, GoesToCluster | ClusterOutOfUse | ClusterUnknown) for reason in one.reasons)


def test_it_is_foreseen_that_a_job_goes_to_the_cluster_once_it_has_waited():
    lasts = lease("90", key("dan", "robots"), 0, ran=60, left=3000)
    box = beside([waiting(anywhere(time_limit_s=600), ("1", 600))], [lasts], after_s=1800.0)
    policy = replace(Policy(), reservation_depth=0)
    assert plan(replace(box, cluster=replace(box.cluster, after_s=4000.0)), policy).starts == ()
    soon = replace(box, leases=(replace(lasts, expected_end=NOW + 1500),))
    assert plan(soon, policy).starts == ()
    foreseen = forecast(soon, policy).starts["1"]
    assert (foreseen.start_at, foreseen.place) == (NOW + 1200, CLUSTER)


@MANY
@given(overflowing() | clusters(), policies)
def test_the_heads_of_the_queues_are_enough_to_decide_the_same(snapshot, policy):
    whole, heads = plan(snapshot, policy), plan(frozen(snapshot, policy), policy)
    assert [start.lease for start in whole.starts] == [start.lease for start in heads.starts]
    assert whole.reservations == heads.reservations
    assert [(one.key, one.reasons) for one in whole.holds] == [(one.key, one.reasons) for one in heads.holds]


def test_of_a_long_queue_as_many_are_copied_as_can_go_to_the_cluster():
    rooms = tuple(NodeRoom(name=f"n{at}", cpu_cores=64, memory_mb=1000) for at in range(2))
    host = Host(cpu_cores=128, memory_mb=2000, nodes=rooms)
    many = waiting(anywhere(gpus=0), *((f"{at:03}", 7200) for at in range(200)))
    box = world(0, [many], cluster=Cluster(host=host, gpus=(), ahead=5, after_s=60.0))
    box = replace(box, host=Host(cpu_cores=4, memory_mb=1000))
    whole, heads = plan(box, Policy()), plan(frozen(box, Policy()), Policy())
    assert len(whole.starts) == 4 + 128 + 5
    assert [start.lease for start in whole.starts] == [start.lease for start in heads.starts]
