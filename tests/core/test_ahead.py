"""On a cluster: one machine for each job, a bounded number that waits in its queue, in the plan's own order."""

from dataclasses import replace

from clusters import clusters, nodes, outcomes, waiting_in
from hypothesis import given, settings
from worlds import HOUR, NOW, key, lease, policies, waiting, world

from engine.core.model import AccountName, GpuUuid, GroupName, JobId
from engine.core.overflow import cluster_of
from engine.core.placement.possible import impossible
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.reasons import NotEnoughGpus
from engine.core.simulate import apply
from engine.core.snapshot import CLUSTER, Cluster, GroupTerms, Quotas
from engine.core.taken import queue_of

MANY = settings(max_examples=60, deadline=None)


def cluster(*counts, ahead=0, pending=(), leases=(), **more):
    gpus, host = nodes(*counts)
    return world(gpus, pending, leases, place=CLUSTER, host=host, ahead=ahead, **more)


def on(job, of, *uuids, waits=False, **more):
    return replace(lease(job, of, **more), gpus=tuple(GpuUuid(uuid) for uuid in uuids), place=CLUSTER, waits=waits)


def started(decided):
    return [str(start.lease.job) for start in decided.starts]


def test_a_gang_is_of_one_machine():
    wide = key(gpus=2)
    held = on("9", key(), "slurm/n0/gpu/0"), on("8", key(), "slurm/n1/gpu/1")
    decided = plan(cluster(2, 2, pending=[waiting(wide, ("1", 60))], leases=held), Policy())
    assert started(decided) == []
    (reason,) = (decided.reservations or decided.holds)[0].reasons
    assert reason == NotEnoughGpus(wanted=2, free=1, matching=2)
    decided = plan(cluster(2, 2, pending=[waiting(wide, ("1", 60))], leases=held[:1]), Policy())
    assert [start.lease.gpus for start in decided.starts] == [("slurm/n1/gpu/0", "slurm/n1/gpu/1")]


def test_no_job_is_larger_than_one_machine():
    gpus, host = nodes(2, 3)
    assert not impossible(key(gpus=3).shape, gpus, host)
    assert [one.resource for one in impossible(key(gpus=4).shape, gpus, host)] == ["gpus"]
    (cores,) = impossible(key(gpus=1, cpu_cores=9).shape, gpus, host)
    assert (cores.resource, cores.wanted, cores.most) == ("cpu_cores", 9, 8)


def test_the_next_in_the_order_wait_in_the_clusters_queue():
    queue = waiting(key(), *((f"{number}", 1000 - number) for number in range(1, 9)))
    urgent = waiting(key(priority=9), ("20", 1))
    decided = plan(cluster(2, ahead=3, pending=[queue, urgent]), Policy())
    assert started(decided) == ["20", "1", "2", "3", "4"], "two find room, three wait there"
    assert all(start.lease.place == CLUSTER and start.lease.waits for start in decided.starts)
    rest = {one.job for one in decided.reservations} | {one.job for of in decided.holds for one in of.jobs[of.skip :]}
    assert rest == {"5", "6", "7", "8"}


def taken(snapshot, *uuids):
    """Strangers' jobs hold these cards."""
    gpus = (
        replace(gpu, memory_used_mb=gpu.memory_mb, strangers=1) if gpu.uuid in uuids else gpu for gpu in snapshot.gpus
    )
    return replace(snapshot, gpus=tuple(gpus))


def test_who_wants_what_strangers_hold_waits_in_the_clusters_queue():
    """Else what becomes free there would always go to others, who do."""
    queue = waiting(key(gpu_memory_mb=1000), ("1", 60), ("2", 50), ("3", 40))
    snapshot = taken(cluster(2, ahead=2, pending=[queue]), "slurm/n0/gpu/0", "slurm/n0/gpu/1")
    decided = plan(snapshot, Policy())
    assert started(decided) == ["1", "2"]
    assert all(start.lease.waits for start in decided.starts)
    assert decided.reservations == (), "nobody knows when strangers leave"
    assert started(plan(replace(snapshot, ahead=0), Policy())) == []


def test_a_gang_waits_there_for_one_machine_and_only_for_one_that_is_large_enough():
    strangers = [f"slurm/n{node}/gpu/{at}" for node in (0, 1) for at in (0, 1)]
    wide = taken(cluster(2, 2, ahead=1, pending=[waiting(key(gpus=2), ("1", 60))]), *strangers)
    (start,) = plan(wide, Policy()).starts
    assert len({uuid.split("/")[1] for uuid in start.lease.gpus}) == 1
    wider = taken(cluster(2, 2, ahead=1, pending=[waiting(key(gpus=3), ("1", 60))]), *strangers)
    assert started(plan(wider, Policy())) == []
    many_cores = taken(cluster(2, 2, ahead=1, pending=[waiting(key(gpus=1, cpu_cores=9), ("1", 60))]), *strangers)
    assert started(plan(many_cores, Policy())) == []


def test_who_wants_cores_that_strangers_hold_waits_there_too():
    snapshot = cluster(0, 0, ahead=1, pending=[waiting(key(gpus=0, cpu_cores=4), ("1", 60), ("2", 50))])
    full = replace(snapshot, host=replace(snapshot.host, cpu_cores=3))
    (start,) = plan(full, Policy()).starts
    assert (start.lease.job, start.lease.waits) == ("1", True)
    assert started(plan(replace(full, host=replace(full.host, nodes=())), Policy())) == []
    drained = tuple(replace(room, open=False) for room in full.host.nodes)
    assert started(plan(replace(full, host=replace(full.host, nodes=drained)), Policy())) == []


def test_nobody_waits_there_for_a_machine_that_is_out_of_use():
    snapshot = cluster(1, ahead=1, pending=[waiting(key(), ("1", 60))])
    drained = replace(snapshot, gpus=tuple(replace(gpu, drained=True) for gpu in snapshot.gpus))
    assert started(plan(drained, Policy())) == []


def test_who_waits_there_already_counts():
    of = key()
    held = on("8", of, "slurm/n0/gpu/0"), on("9", of, "slurm/n0/gpu/0", waits=True)
    snapshot = cluster(1, ahead=2, pending=[waiting(of, ("1", 60), ("2", 50))], leases=held)
    assert started(plan(snapshot, Policy())) == ["1"]
    assert started(plan(replace(snapshot, ahead=1), Policy())) == []


def test_quotas_hold_for_who_waits_there():
    snapshot = cluster(
        1,
        ahead=4,
        pending=[
            waiting(key(), *((str(number), 100 - number) for number in range(1, 6))),
            waiting(key("bob"), ("9", 1)),
        ],
        quotas=Quotas(accounts={AccountName("ann"): Quota(jobs=2)}),
    )
    assert sorted(started(plan(snapshot, Policy()))) == ["1", "2", "9"]


def test_nobody_waits_there_for_what_can_not_come():
    of = key(gpus=2)
    assert started(plan(cluster(1, 1, ahead=4, pending=[waiting(of, ("1", 60))]), Policy())) == []


def test_whom_others_are_stopped_for_is_not_handed_over_before_they_have_gone():
    borrower = on("8", key("dan", "robots", preemptible=True), "slurm/n0/gpu/0", ran=HOUR, left=9 * HOUR)
    snapshot = cluster(1, ahead=2, pending=[waiting(key(priority=10), ("1", 60))], leases=[borrower])
    decided = plan(snapshot, Policy())
    assert [(preempt.victim.job, preempt.by.job) for preempt in decided.preemptions] == [("8", "1")]
    assert started(decided) == []
    after = replace(snapshot, leases=(), claims=tuple(preempt.by for preempt in decided.preemptions))
    assert started(plan(after, Policy())) == ["1"]


def test_nobody_goes_to_wait_there_for_the_cards_that_are_being_cleared_for_another():
    """It would be in the cluster's queue when they become free, and whom they were cleared for would not."""
    borrower = on("8", key("dan", "robots", preemptible=True), "slurm/n0/gpu/0", ran=HOUR, left=9 * HOUR)
    queue = [waiting(key(priority=10), ("1", 60)), waiting(key("bob", priority=1), ("2", 50))]
    snapshot = cluster(1, ahead=2, pending=queue, leases=[borrower])
    decided = plan(snapshot, Policy())
    assert [preempt.by.job for preempt in decided.preemptions] == ["1"]
    assert started(decided) == []
    leaving = replace(borrower, ending=True, expected_end=NOW + 30)
    claimed = replace(snapshot, leases=(leaving,), claims=tuple(preempt.by for preempt in decided.preemptions))
    assert started(plan(claimed, Policy())) == []
    assert started(plan(replace(claimed, leases=()), Policy())) == ["1", "2"]


def test_who_waits_there_is_not_stopped_for_others():
    waits = on("8", key("dan", "robots", preemptible=True), "slurm/n0/gpu/0", waits=True, ran=0)
    at_once = replace(Policy(), preemption=replace(Policy().preemption, min_run_s=0.0))
    snapshot = cluster(1, ahead=2, pending=[waiting(key(priority=10), ("1", 60))], leases=[waits])
    decided = plan(snapshot, at_once)
    assert (decided.preemptions, started(decided)) == ((), ["1"])


def test_who_was_promised_a_start_is_expected_to_run_then_when_it_is_handed_over():
    held = on("9", key("bob"), "slurm/n0/gpu/0", left=600)
    snapshot = cluster(1, ahead=3, pending=[waiting(key(), ("1", 60), ("2", 50), ("3", 40))], leases=[held])
    promised = [one.start_at for one in plan(replace(snapshot, ahead=0), Policy()).reservations]
    assert [start.later for start in plan(snapshot, Policy()).starts] == promised
    assert promised == [NOW + 600 + at * HOUR for at in range(3)]


def test_a_promise_beyond_a_cap_on_a_type_lets_nobody_go():
    held = [on(str(90 + at), key("bob"), f"slurm/n0/gpu/{at}", left=600) for at in (0, 1)]
    one = Quotas(accounts={AccountName("ann"): Quota(gpus_by_type={"a6000": 1})})
    snapshot = cluster(2, ahead=3, pending=[waiting(key(), ("1", 60), ("2", 50))], leases=held, quotas=one)
    assert started(plan(snapshot, Policy())) == ["1"]


def borrowed(ran_s):
    """Both cards are with a group that has no guarantee; somebody whose group has one waits, and another behind."""
    lent = key(account="bob", group="other", time_limit_s=20 * 3600, preemptible=True)
    leases = [
        replace(on(str(at), lent, f"slurm/n0/gpu/{at}"), started_at=NOW - ran_s, expected_end=NOW + 5 * HOUR)
        for at in (0, 1)
    ]
    queue = [waiting(key(), ("10", 60)), waiting(key(account="bob", group="other"), ("11", 50))]
    groups = {GroupName("vision"): GroupTerms(guarantee_gpus=1), GroupName("other"): GroupTerms()}
    return cluster(2, pending=queue, leases=leases, ahead=2, groups=groups)


def test_who_may_soon_take_back_what_it_is_guaranteed_is_not_handed_over_to_wait():
    assert started(plan(borrowed(60), Policy())) == [], "in the cluster's queue it would wait for hours"
    assert [one.by.job for one in plan(borrowed(700), Policy()).preemptions] == ["10"]
    without = Policy(preemption=replace(Policy().preemption, enabled=False))
    assert started(plan(borrowed(60), without)) == ["10", "11"]


def test_who_starts_as_soon_without_is_handed_over():
    snapshot = borrowed(60)
    leases = tuple(replace(lease, expected_end=NOW + 300) for lease in snapshot.leases)
    assert started(plan(replace(snapshot, leases=leases), Policy())) == ["10", "11"]


def test_a_lease_elsewhere_takes_no_room_and_counts_for_quotas():
    here = replace(lease("7", key(gpus=2), 0, 1), gpus=(GpuUuid("GPU-0"), GpuUuid("GPU-1")))
    snapshot = cluster(2, pending=[waiting(key(gpus=2), ("1", 60))], leases=[here])
    assert started(plan(snapshot, Policy())) == ["1"]
    capped = replace(snapshot, quotas=Quotas(accounts={AccountName("ann"): Quota(gpus=3)}))
    assert started(plan(capped, Policy())) == []


@MANY
@given(clusters(), policies)
def test_no_more_wait_there_than_may(snapshot, policy):
    decided = plan(snapshot, policy)
    fitting = plan(replace(snapshot, ahead=0), policy)
    assert len(decided.starts) <= len(fitting.starts) + snapshot.ahead
    assert [start.lease for start in decided.starts[: len(fitting.starts)]] == [start.lease for start in fitting.starts]
    after = apply(snapshot, decided, policy)
    waits = sum(one.waits for one in after.leases)
    again = plan(after, policy)
    assert not again.starts or waits < snapshot.ahead


@MANY
@given(clusters(), policies)
def test_every_job_has_one_outcome_and_every_gang_one_machine(snapshot, policy):
    decided = plan(snapshot, policy)
    where = {gpu.uuid: gpu.node for gpu in snapshot.gpus}
    assert all(len({where[uuid] for uuid in start.lease.gpus}) <= 1 for start in decided.starts)
    assert outcomes(decided) == waiting_in(snapshot)


@MANY
@given(clusters(), policies)
def test_who_waits_there_exceeds_no_quota(snapshot, policy):
    leases = [start.lease for start in plan(snapshot, policy).starts]
    for name, quota in snapshot.quotas.accounts.items():
        mine = [one for one in leases if one.key.owner.account == name]
        assert quota.jobs is None or len(mine) <= quota.jobs
        assert quota.gpus is None or sum(len(one.gpus) for one in mine) <= quota.gpus


def test_a_node_that_is_away_is_no_division_by_nothing():
    gpus, host = nodes(1)
    snapshot = world(
        gpus, [waiting(key(gpus=0), ("1", 60))], place=CLUSTER, host=replace(host, cpu_cores=0, memory_mb=0)
    )
    assert started(plan(snapshot, Policy())) == []
    assert JobId("1") in {one.job for hold in plan(snapshot, Policy()).holds for one in hold.jobs}


def test_a_promise_comes_after_who_waits_in_the_clusters_queue():
    of = key()
    held = on("8", of, "slurm/n0/gpu/0", left=600), on("9", of, "slurm/n0/gpu/0", waits=True, ran=0, left=3600)
    snapshot = cluster(1, ahead=1, pending=[waiting(of, ("1", 60))], leases=held)
    (promise,) = plan(snapshot, Policy()).reservations
    assert promise.start_at == NOW + 600 + 3600


def test_who_waits_there_for_cards_to_come_leaves_free_ones_to_others():
    wide, of = key(gpus=2), key()
    held = on("8", of, "slurm/n0/gpu/0", left=600), on("9", wide, "slurm/n0/gpu/0", "slurm/n0/gpu/1", waits=True, ran=0)
    short, long = waiting(key(time_limit_s=300), ("1", 60)), waiting(key("bob", time_limit_s=7200), ("2", 50))
    decided = plan(cluster(2, ahead=1, pending=[short, long], leases=held), Policy())
    assert started(decided) == ["1"], "the other one would stand in its way"


def test_each_in_the_clusters_queue_is_foreseen_on_cards_of_its_own_time():
    of = key()
    runs = on("8", of, "slurm/n0/gpu/0", left=600)
    queued = [on(job, of, "slurm/n0/gpu/0", waits=True, ran=0, left=100) for job in ("9", "10")]
    here = cluster(1, ahead=2, leases=(runs, *queued))
    found = [(lease.job, start - NOW, gpus) for lease, start, gpus in queue_of(here, Policy())]
    assert found == [("9", 600, ("slurm/n0/gpu/0",)), ("10", 700, ("slurm/n0/gpu/0",))]
    beside = Cluster(host=here.host, gpus=here.gpus, ahead=2, after_s=60.0)
    overflowing = replace(here, place="", gpus=(), host=world([]).host, ahead=0, cluster=beside)
    assert queue_of(cluster_of(overflowing), Policy()) == queue_of(here, Policy())
