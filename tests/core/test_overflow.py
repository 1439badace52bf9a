"""Who goes from the box to the cluster: who may, and whom the box cannot hold or not start soon."""

from collections import Counter
from dataclasses import replace

from clusters import nodes, outcomes, overflowing, waiting_in
from hypothesis import given, settings
from worlds import key, lease, policies, waiting, world

from engine.core.model import AccountName
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.record import watched
from engine.core.simulate import apply
from engine.core.snapshot import CLUSTER, Cluster, Quotas

MANY = settings(max_examples=60, deadline=None)
MINUTES = 60.0


def box(cards=1, pending=(), leases=(), *, there=(4,), ahead=2, after_min=30, **more):
    gpus, host = nodes(*there)
    cluster = Cluster(host=host, gpus=gpus, ahead=ahead, after_s=after_min * MINUTES)
    return world(cards, pending, leases, cluster=cluster, **more)


def where(decided):
    return {str(start.lease.job): start.lease.place for start in decided.starts}


def anywhere(*args, **more):
    return replace(key(*args, **more), anywhere=True)


LONG = lease("90", key("dan", "robots"), 0, ran=60, left=10 * 3600)
SHORT = lease("90", key("dan", "robots"), 0, ran=60, left=10 * MINUTES)


def test_what_the_box_has_room_for_starts_here():
    assert where(plan(box(pending=[waiting(anywhere(), ("1", 9999))]), Policy())) == {"1": ""}


def test_whom_the_box_can_never_hold_goes_at_once():
    queue = [waiting(anywhere(gpus=3), ("1", 0)), waiting(key("bob", gpus=3), ("2", 0))]
    assert where(plan(box(pending=queue), Policy())) == {"1": CLUSTER}


def test_whom_the_box_starts_soon_stays_until_it_has_waited():
    fresh = box(pending=[waiting(anywhere(), ("1", 60))], leases=[SHORT])
    assert where(plan(fresh, Policy())) == {}
    waited = box(pending=[waiting(anywhere(), ("1", 31 * MINUTES))], leases=[SHORT])
    assert where(plan(waited, Policy())) == {"1": CLUSTER}


def test_whom_the_box_starts_late_goes_at_once():
    assert where(plan(box(pending=[waiting(anywhere(), ("1", 0))], leases=[LONG]), Policy())) == {"1": CLUSTER}


def test_who_did_not_say_so_stays():
    assert where(plan(box(pending=[waiting(key(), ("1", 99 * MINUTES))], leases=[LONG]), Policy())) == {}


def test_quotas_count_both_places():
    queue = [waiting(anywhere(), *((str(number), 100 - number) for number in range(1, 6)))]
    snapshot = box(pending=queue, leases=[LONG], quotas=Quotas(accounts={AccountName("ann"): Quota(gpus=3)}))
    assert where(plan(snapshot, Policy())) == {"1": CLUSTER, "2": CLUSTER, "3": CLUSTER}


def test_what_starts_here_in_the_same_pass_counts_there():
    queue = [waiting(anywhere(), ("1", 90), ("2", 80)), waiting(anywhere(gpus=3), ("3", 1))]
    quotas = Quotas(accounts={AccountName("ann"): Quota(jobs=2)})
    found = where(plan(box(pending=queue, quotas=quotas), Policy()))
    assert len(found) == 2
    assert found["1"] == ""


def test_hours_of_what_starts_here_in_the_same_pass_count_there():
    queue = [waiting(anywhere(), ("1", 9999), ("2", 9998))]
    hours = Quotas(accounts={AccountName("ann"): Quota(gpu_hours=1.5)})
    assert where(plan(box(pending=queue), Policy())) == {"1": "", "2": CLUSTER}
    assert where(plan(box(pending=queue, quotas=hours), Policy())) == {"1": ""}


def test_who_had_cards_cleared_on_the_cluster_gets_them():
    borrower = replace(
        lease("80", key("dan", "robots", preemptible=True, time_limit_s=36_000), ran=3600, left=9 * 3600),
        gpus=("slurm/n0/gpu/0",),
        place=CLUSTER,
    )
    mine, other = waiting(anywhere(priority=10), ("1", 7200)), waiting(anywhere("bob", priority=1), ("2", 7100))
    here = lease("90", key("eve", "robots", priority=10), 0, ran=60, left=9 * 3600)
    snapshot = box(pending=[mine, other], leases=[borrower, here], there=(1,), ahead=1)
    decided = plan(snapshot, Policy())
    assert [(preempt.by.job, preempt.by.place) for preempt in decided.preemptions] == [("1", CLUSTER)]
    assert where(decided) == {}
    cleared = replace(snapshot, leases=(here,), claims=tuple(preempt.by for preempt in decided.preemptions))
    (start, *_) = plan(cleared, Policy()).starts
    assert (start.lease.job, start.lease.gpus, start.later) == ("1", ("slurm/n0/gpu/0",), None)


def test_who_waits_in_its_queue_is_bounded():
    queue = [waiting(anywhere(), *((str(number), 100 - number) for number in range(1, 10)))]
    snapshot = box(pending=queue, leases=[LONG], there=(1,), ahead=2)
    assert where(plan(snapshot, Policy())) == dict.fromkeys("123", CLUSTER), "one finds room, two wait there"


def test_of_a_long_queue_no_more_is_looked_at_than_could_go():
    """A pass that looks at all of many queues would leave no record."""
    queue = [waiting(anywhere(), *((f"{number:03}", 1000 - number) for number in range(500)))]
    snapshot = watched(box(pending=queue, leases=[LONG], there=(4,), ahead=2))
    assert len(where(plan(snapshot, Policy()))) == 4 + 2
    (group,) = snapshot.pending
    assert group.jobs.seen == 4 + 2 + Policy().reservation_depth + 1


def test_no_promise_is_kept_here_for_who_went():
    snapshot = box(pending=[waiting(anywhere(), ("1", 0))], leases=[LONG])
    decided = plan(snapshot, Policy())
    assert decided.reservations == ()
    assert decided.holds == ()


@MANY
@given(overflowing(), policies)
def test_every_job_has_one_outcome(snapshot, policy):
    decided = plan(snapshot, policy)
    assert outcomes(decided) == waiting_in(snapshot)


@MANY
@given(overflowing(), policies)
def test_what_starts_here_is_what_would_start_without_the_cluster(snapshot, policy):
    decided, alone = plan(snapshot, policy), plan(replace(snapshot, cluster=None), policy)
    assert tuple(start for start in decided.starts if not start.lease.place) == alone.starts
    assert all(start.lease.key.anywhere for start in decided.starts if start.lease.place)
    assert set(alone.preemptions) <= set(decided.preemptions)


@MANY
@given(overflowing(), policies)
def test_no_quota_of_jobs_or_cards_is_exceeded_by_both(snapshot, policy):
    after = apply(snapshot, plan(snapshot, policy), policy)
    leases = [*after.leases, *(start.lease for start in plan(after, policy).starts)]
    for scope, quotas in (("account", snapshot.quotas.accounts), ("group", snapshot.quotas.groups)):
        for name, quota in quotas.items():
            held = [one for one in leases if getattr(one.key.owner, scope) == name]
            assert quota.jobs is None or len(held) <= quota.jobs
            assert quota.gpus is None or sum(len(one.gpus) for one in held) <= quota.gpus


@MANY
@given(overflowing(), policies)
def test_cards_there_are_given_once_or_wait(snapshot, policy):
    decided = plan(replace(snapshot, cluster=replace(snapshot.cluster, ahead=0)), policy)
    given_there = Counter(uuid for start in decided.starts if start.lease.place for uuid in start.lease.gpus)
    shared = {uuid for start in decided.starts if start.lease.key.shape.share for uuid in start.lease.gpus}
    assert all(count == 1 for uuid, count in given_there.items() if uuid not in shared)
