"""The plan run forward: who starts when if everything ends as expected."""

from dataclasses import replace

from clusters import nodes
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import A100, HOUR, NOW, card, key, lease, policies, snapshots, waiting, world

from engine.core.forecast import Bounds, cut_short, forecast, frozen
from engine.core.model import AccountName, GpuUuid
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.simulate import apply
from engine.core.snapshot import CLUSTER, Host, Quotas, Slot

POLICY = Policy()
SOME = settings(max_examples=15, deadline=None)


def starts_of(told):
    return {job: seen.start_at - NOW for job, seen in told.starts.items()}


def test_jobs_far_behind_the_promises_have_a_foreseen_start():
    """One card, a run that ends in 100 s, and twenty jobs of 600 s behind it; the plan promises to eight only."""
    queue = waiting(key("bob", time_limit_s=600), *((f"{at:02}", 100 - at) for at in range(20)))
    snapshot = world(1, [queue], [lease("old", key("ann"), 0, left=100)])
    told = forecast(snapshot, POLICY)
    assert starts_of(told) == {f"{at:02}": 100 + 600 * at for at in range(20)}
    assert told.until == NOW + 72 * HOUR
    assert told.starts["07"].end_at == told.starts["08"].start_at
    promised = {reserve.job: reserve.start_at - NOW for reserve in plan(snapshot, POLICY).reservations}
    assert promised == {job: start for job, start in starts_of(told).items() if job in promised}


def test_a_quota_that_frees_up_is_foreseen_where_the_plan_promises_nothing():
    mine = key("ann", time_limit_s=600)
    snapshot = world(4, [waiting(mine, ("next", 10))], [lease("old", mine, 0, left=900)])
    snapshot = replace(snapshot, quotas=quota_of("ann", gpus=1))
    assert plan(snapshot, POLICY).reservations == ()
    assert starts_of(forecast(snapshot, POLICY)) == {"next": 900}


def quota_of(account, **limits):
    return Quotas(accounts={AccountName(account): Quota(**limits)})


def test_what_never_starts_is_later_than_the_horizon():
    drained = [card(0, drained=True)]
    told = forecast(world(drained, [waiting(key(), ("stuck", 10))]), POLICY, Bounds(horizon_s=3600))
    assert (starts_of(told), told.until) == ({}, NOW + 3600)


def test_what_lies_beyond_the_horizon_or_the_passes_is_later_than_what_was_looked_at():
    queue = waiting(key("bob", time_limit_s=600), *((f"{at:02}", 100 - at) for at in range(20)))
    snapshot = world(1, [queue], [lease("old", key("ann"), 0, left=100)])
    short = forecast(snapshot, POLICY, Bounds(horizon_s=1000))
    assert (set(short.starts), short.until) == ({"00", "01"}, NOW + 1000)
    few = forecast(snapshot, POLICY, Bounds(passes=3))
    assert (set(few.starts), few.until) == ({"00", "01"}, NOW + 1300)


def test_where_the_copied_part_of_a_queue_ends_the_forecast_ends():
    """Two cores and eight promises: eleven heads are copied. What comes behind the eleventh is not known."""
    queue = waiting(key("bob", gpus=0, time_limit_s=600), *((f"{at:03}", 1000 - at) for at in range(500)))
    snapshot = world(0, [queue], host=Host(cpu_cores=2, memory_mb=1000))
    told = forecast(snapshot, POLICY)
    assert sorted(told.starts) == [f"{at:03}" for at in range(10)]
    assert told.until == NOW + 5 * 600
    assert all(seen.start_at < told.until for seen in told.starts.values())
    copied = frozen(snapshot, POLICY)
    assert forecast(copied, POLICY, cut=cut_short(snapshot, copied)) == told


def test_a_run_over_its_time_ends_soon_and_a_hot_card_cools():
    late = forecast(world(1, [waiting(key(), ("next", 5))], [lease("old", key("bob"), 0, left=-5)]), POLICY)
    assert starts_of(late) == {"next": 60}
    hot = [card(0, temperature_c=90.0)]
    assert starts_of(forecast(world(hot, [waiting(key(), ("next", 5))]), POLICY)) == {"next": 60}


def test_gaps_of_unlike_cards_are_filled_as_the_plan_fills_them():
    """The A100 is free in an hour; the wide job waits for it, the small one goes first on the other card."""
    wide = waiting(key("ann", gpus=2, time_limit_s=7200, priority=10), ("wide", 60))
    small = waiting(key("bob", time_limit_s=1800), ("small", 0), ("late", 0))
    snapshot = world([card(0, A100), card(1)], [wide, small], [lease("old", key("cleo"), 0, left=3600)])
    assert starts_of(forecast(snapshot, POLICY)) == {"late": 0, "small": 1800, "wide": 3600}


def on_cluster(cards, ahead, pending, leases):
    gpus, host = nodes(cards)
    there = [replace(one, gpus=(gpus[0].uuid,), place=CLUSTER) for one in leases]
    return world(gpus, pending, there, place=CLUSTER, host=host, ahead=ahead)


def test_who_waits_in_the_clusters_queue_runs_there_before_whoever_comes_after_it():
    """One card, a run that ends in 600 s; the forecast is the same however many wait in the cluster's own queue."""
    queue = waiting(key(), *((str(at), 100 - at) for at in range(6)))
    runs = lease("old", key("bob"), 0, left=600)
    for ahead in (0, 1, 2, 9):
        told = forecast(on_cluster(1, ahead, [queue], [runs]), POLICY)
        assert starts_of(told) == {str(at): 600 + HOUR * at for at in range(6)}, ahead
    waits = replace(lease("next", key("bob"), 0, ran=0, left=HOUR), waits=True)
    told = forecast(on_cluster(1, 1, [queue], [runs, waits]), POLICY)
    assert starts_of(told) == {str(at): 600 + HOUR * (at + 1) for at in range(6)}


def test_of_who_waits_for_strangers_on_the_cluster_no_start_is_foreseen_but_at_the_end_of_all():
    snapshot = on_cluster(1, 1, [waiting(key(gpu_memory_mb=1000), ("1", 60), ("2", 50))], [])
    taken = tuple(replace(gpu, memory_used_mb=gpu.memory_mb, strangers=1) for gpu in snapshot.gpus)
    (start,) = plan(replace(snapshot, gpus=taken), POLICY).starts
    assert starts_of(forecast(replace(snapshot, gpus=taken), POLICY)) == {"1": start.later - NOW}


def test_slots_are_kept_out_of_the_way_until_they_are_over():
    slot = Slot(slot="1", account="cleo", gpus=(GpuUuid("GPU-0"),), start=NOW + 600, end=NOW + 1200)
    snapshot = world(1, [waiting(key(time_limit_s=3600), ("long", 0))], slots=(slot,))
    assert starts_of(forecast(snapshot, POLICY)) == {"long": 1200}


@SOME
@given(snapshots(), policies)
def test_a_frozen_copy_is_decided_alike(snapshot, policy):
    one, two = plan(snapshot, policy), plan(frozen(snapshot, policy), policy)
    assert (one.starts, one.reservations, one.hot) == (two.starts, two.reservations, two.hot)
    assert [(hold.key, hold.skip, hold.reasons) for hold in one.holds] == [
        (hold.key, hold.skip, hold.reasons) for hold in two.holds
    ]


@SOME
@given(snapshots(), policies)
def test_a_forecast_begins_with_the_plan_and_never_overbooks(snapshot, policy):
    first = plan(snapshot, policy)
    running = replace(apply(snapshot, first, policy), now=snapshot.now + 30.0)
    told = forecast(running, policy, Bounds(passes=25))
    now = {start.lease.job for start in plan(running, policy).starts}
    assert {job for job, seen in told.starts.items() if seen.start_at == running.now} == now
    spans = [(seen.key, seen.gpus, seen.start_at, seen.end_at) for seen in told.starts.values()]
    for of in running.leases:
        end = of.expected_end if of.expected_end > running.now else running.now + 60
        spans.append((of.key, of.gpus, of.started_at, end))
    for at in {start for _, _, start, _ in spans}:
        live = [(of, gpus) for of, gpus, start, end in spans if start <= at < end]
        assert sum(of.shape.cpu_cores for of, _ in live) <= snapshot.host.cpu_cores
        whole = [uuid for of, gpus in live if not of.shape.share for uuid in gpus]
        shared = {uuid for of, gpus in live if of.shape.share for uuid in gpus}
        assert len(whole) == len(set(whole)) and not shared & set(whole)


@SOME
@given(snapshots(), policies, st.integers(1, 12))
def test_more_passes_only_add_what_is_later(snapshot, policy, passes):
    short, long = forecast(snapshot, policy, Bounds(passes=passes)), forecast(snapshot, policy, Bounds(passes=40))
    assert short.until <= long.until
    assert dict(short.starts).items() <= dict(long.starts).items()
    assert all(seen.start_at >= short.until for job, seen in long.starts.items() if job not in short.starts)


def test_a_frozen_copy_of_a_long_queue_knows_how_long_it_is():
    """Two thousand jobs wait: a gang is promised nothing yet, neither by the plan nor by the plan of the copy."""
    flood = waiting(key("ann", time_limit_s=300), *((f"{at:04}", 600) for at in range(2000)))
    gang = waiting(key("cleo", "language", gpus=2), ("gang", 40 * HOUR))
    snapshot = world(2, [flood, gang], [lease("old", key("bob"), 0)])
    whole, copied = plan(snapshot, POLICY), plan(frozen(frozen(snapshot, POLICY), POLICY), POLICY)
    assert whole.reservations == copied.reservations == ()
    assert whole.starts == copied.starts
