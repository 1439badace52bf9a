"""Limits that no start may break: booked slots, array caps, services, GPU-hours of a month."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import NOW, crowded, key, lease, policies, slots, snapshots, waiting, world

from engine.core.fairshare import charge
from engine.core.ledger import Ledger, least_cards
from engine.core.model import AccountName, ArrayCap, JobId
from engine.core.ordering import score
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.simulate import apply
from engine.core.snapshot import Month, Quotas

MANY = settings(max_examples=50, deadline=None)


def assert_keeps_off(snapshot, decided):
    """No start may, by its time limit, be on a card while that is booked for another account."""
    for started in (start.lease for start in decided.starts):
        for slot in snapshot.slots:
            if slot.account != started.key.owner.account and set(slot.gpus) & set(started.gpus):
                assert started.limit_end <= slot.start or slot.end <= snapshot.now


@MANY
@given(crowded())
def test_nothing_runs_into_a_booked_slot_of_another_account_by_its_time_limit(busy):
    snapshot, policy = busy
    assert_keeps_off(snapshot, plan(snapshot, policy))


@MANY
@given(slots(), policies)
def test_a_short_estimate_does_not_let_a_job_into_a_slot(booked, policy):
    """Jobs that are expected to take a minute, with limits up to a day, before any set of booked slots."""
    shapes = [key(account, time_limit_s=limit) for account in ("ann", "dan") for limit in (600, 3600, 86_400)]
    pending = [waiting(of, (f"{at}", 1), (f"{at} too", 1)) for at, of in enumerate(shapes)]
    snapshot = world(6, pending, slots=booked, estimates=dict.fromkeys(shapes, 60.0))
    decided = plan(snapshot, policy)
    assert_keeps_off(snapshot, decided)
    free = 6 - len({uuid for slot in booked if slot.end > NOW for uuid in slot.gpus})
    assert len(decided.starts) >= min(free, 12)  # cards that nobody booked are not kept empty


def running(snapshot, decided):
    return [*snapshot.leases, *(start.lease for start in decided.starts)]


@MANY
@given(
    st.integers(1, 4),
    st.integers(0, 4),
    st.lists(st.tuples(st.integers(1, 10), st.integers(1, 4)), max_size=3),
    policies,
)
def test_no_array_runs_more_than_its_cap(most, runs, queued, policy):
    """Elements of one array wait at different priorities beside other jobs, on more cards than all of them want."""
    array = ArrayCap(parent=JobId("array"), most=most)
    pending = [
        waiting(key(priority=priority, array=array, kind=f"{at}"), *((f"{at} {one}", 5) for one in range(count)))
        for at, (priority, count) in enumerate(queued)
    ]
    leases = [lease(f"old {at}", key(array=array), at) for at in range(runs)]
    decided = plan(world(20, [*pending, waiting(key("dan", "robots"), ("other", 5))], leases), policy)
    started = [start for start in decided.starts if start.lease.key.array == array]
    assert len(started) == max(0, min(most - runs, sum(count for _, count in queued)))
    assert len(decided.starts) == len(started) + 1


@MANY
@given(crowded())
def test_no_array_runs_more_than_its_cap_in_a_crowd(busy):
    snapshot, policy = busy
    arrays = [lease.key.array for lease in running(snapshot, plan(snapshot, policy)) if lease.key.array]
    for array, count in Counter(arrays).items():
        assert count <= array.most


@MANY
@given(crowded())
def test_no_service_holds_more_than_its_total(busy):
    snapshot, policy = busy
    memory = {gpu.uuid: gpu.memory_mb for gpu in snapshot.gpus}
    decided = plan(snapshot, policy)
    for service, quota in snapshot.quotas.service_totals.items():
        held = [lease for lease in running(snapshot, decided) if lease.key.service == service]
        shapes = [lease.key.shape for lease in held]
        cards = [(lease.key.shape, uuid) for lease in held for uuid in lease.gpus]
        used = {
            "gpus": len(cards),
            "gpu_memory_mb": sum(shape.gpu_memory_mb if shape.share else memory[uuid] for shape, uuid in cards),
            "cpu_cores": sum(shape.cpu_cores for shape in shapes),
            "memory_mb": sum(shape.memory_mb for shape in shapes),
            "jobs": len(held),
        }
        for resource, amount in used.items():
            limit = getattr(quota, resource)
            assert limit is None or amount <= limit


@MANY
@given(crowded())
def test_no_start_goes_beyond_the_gpu_hours_of_the_month(busy):
    """The last start of a bearer is judged by what it takes at least; those before it by the cards they got."""
    snapshot, policy = busy
    sizes = {gpu.uuid: gpu.memory_mb for gpu in snapshot.gpus}
    leases = [start.lease for start in plan(snapshot, policy).starts]
    quotas, month = snapshot.quotas, snapshot.month
    bearers = [("account", name, quota, month.accounts) for name, quota in quotas.accounts.items()]
    bearers += [("group", name, quota, month.groups) for name, quota in quotas.groups.items()]
    bearers += [("service", name, quota, month.services) for name, quota in quotas.service_totals.items()]
    for scope, name, quota, used in bearers:
        whose = [lease for lease in leases if name == _bearer(scope, lease)]
        if quota.gpu_hours is None or not whose:
            continue
        last = whose[-1].key
        seconds = [charge(lease, lease.started_at + snapshot.run_s(lease.key), sizes, 0.0) for lease in whose[:-1]]
        at_least = least_cards(last.shape, snapshot.gpus) * snapshot.run_s(last)
        assert at_least == 0 or used.get(name, 0.0) + sum(seconds) + at_least <= quota.gpu_hours * 3600 + 1e-6


def _bearer(scope, lease):
    owner = lease.key.owner
    return {"account": owner.account, "group": owner.group, "service": lease.key.service}[scope]


def test_a_month_that_a_plan_used_up_is_used_up_for_the_next():
    """Ten hours a month, five jobs of four hours: two start, and none when the plan is applied and made again."""
    of = key("ann", time_limit_s=4 * 3600)
    pending = [waiting(of, *((f"{at}", 10) for at in range(5)))]
    ann = AccountName("ann")
    quotas = Quotas(accounts={ann: Quota(gpu_hours=10)})
    snapshot = world(8, pending, quotas=quotas, month=Month(accounts={ann: 3600.0}))
    decided = plan(snapshot, Policy())
    assert len(decided.starts) == 2
    then = apply(snapshot, decided, Policy())
    assert then.month.accounts == {ann: 9 * 3600.0}
    assert plan(then, Policy()).starts == ()


@MANY
@given(snapshots(), policies)
def test_without_shortness_the_score_is_base_times_fair_times_wait(snapshot, policy):
    policy = replace(policy, shortness=0.0)
    ledger = Ledger(snapshot, policy)
    for group in snapshot.pending:
        for entry in group.jobs:
            of = score(group.key, entry.submitted_at, snapshot.now, ledger, policy)
            if of.base is not None:
                assert of.base == group.key.priority + snapshot.groups[group.key.owner.group].priority
                assert of.wait == 1 + 0.01 * (snapshot.now - entry.submitted_at) / 3600
                assert 0.1 <= of.fair <= 2.0
                assert of.value == of.base * of.fair * of.wait
