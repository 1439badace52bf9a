"""The baselines as planners: who starts on a given instant, what is promised, and that no plan is illegal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import NOW, card, key, lease, policies, snapshots, waiting, world

from engine.core.baselines import easy, easy_shortest, fcfs, greedy, shortest_first
from engine.core.conservative import conservative
from engine.core.policy import Policy

ALL = (fcfs, greedy, easy, easy_shortest, conservative, shortest_first)
BUSY = key("bob", gpus=3)
WIDE, LONG, SHORT = key(gpus=4), key("cleo", gpus=1, time_limit_s=7200), key("dan", gpus=1, time_limit_s=600)


def crowd():
    """Four cards, three busy for 3540 s. First a wide job waits, then a long narrow one, then two short ones."""
    return world(
        4,
        pending=(waiting(WIDE, ("w", 300)), waiting(LONG, ("l", 200)), waiting(SHORT, ("s1", 100), ("s2", 50))),
        leases=(lease("r", BUSY, 0, 1, 2),),
    )


def started(plan):
    return {start.lease.job: start.lease.gpus for start in plan.starts}


@pytest.mark.parametrize(
    ("planner", "starts"),
    [
        (fcfs, {}),
        (greedy, {"l": ("GPU-3",)}),
        (easy, {"s1": ("GPU-3",)}),
        (easy_shortest, {"s1": ("GPU-3",)}),
        (conservative, {"s1": ("GPU-3",)}),
        (shortest_first, {"s1": ("GPU-3",)}),
    ],
)
def test_who_gets_the_one_free_card(planner, starts):
    assert started(planner(crowd(), Policy())) == starts


def test_the_promise_is_when_the_busy_cards_come_back():
    for planner in (easy, conservative):
        [promise, *_] = planner(crowd(), Policy()).reservations
        assert (promise.job, promise.start_at, promise.end_at) == ("w", NOW + 3540, NOW + 3540 + 3600)
    assert not greedy(crowd(), Policy()).reservations


def test_a_long_job_may_start_on_a_card_that_the_promise_leaves_over():
    held = world(
        4,
        pending=(waiting(key(gpus=3), ("w", 300)), waiting(LONG, ("l1", 200), ("l2", 100))),
        leases=(lease("r", BUSY, 0, 1),),
    )
    assert started(easy(held, Policy())) == {"l1": ("GPU-3",)}


def test_short_jobs_use_promised_cards_so_that_long_ones_get_the_others():
    held = world(
        4,
        pending=(
            waiting(key(gpus=3), ("w", 300)),
            waiting(SHORT, ("s", 200)),
            waiting(LONG, ("l", 100)),
        ),
        leases=(lease("r", BUSY, 0, 1),),
    )
    assert set(started(easy(held, Policy()))) == {"s", "l"}


def test_easy_backfills_in_order_of_submission_or_the_shortest_first():
    medium = key("bob", gpus=1, time_limit_s=1200)
    held = world(
        2,
        pending=(waiting(key(gpus=2), ("w", 300)), waiting(medium, ("m", 200)), waiting(SHORT, ("s", 100))),
        leases=(lease("r", BUSY, 0),),
    )
    assert set(started(easy(held, Policy()))) == {"m"}
    assert set(started(easy_shortest(held, Policy()))) == {"s"}


def test_the_expected_run_counts_not_the_limit():
    held = crowd()
    told = world(4, pending=held.pending, leases=held.leases, estimates={LONG: 3000.0})
    assert set(started(easy(told, Policy()))) == {"l"}


def test_conservative_keeps_every_promise_easy_only_the_first():
    """`n` would delay the second who waits, not the first."""
    second, narrow = key("cleo", gpus=3, time_limit_s=3600), key("dan", gpus=1, time_limit_s=9000)
    pending = (waiting(key(gpus=2), ("w", 300)), waiting(second, ("v", 200)), waiting(narrow, ("n", 100)))
    held = world(3, pending=pending, leases=(lease("r", BUSY, 0, 1),))
    assert set(started(easy(held, Policy()))) == {"n"}
    assert set(started(conservative(held, Policy()))) == set()


def test_who_outran_a_prediction_is_not_expected_any_moment():
    """It ran 700 s of 100 predicted: doubled up to 800, so a job of 90 s may pass, one of 200 s may not."""
    overdue = lease("r", BUSY, 0, ran=700, left=-600)
    for run_s, starts in ((90.0, {"n"}), (200.0, set())):
        pending = (waiting(key(gpus=2), ("w", 300)), waiting(SHORT, ("n", 100)))
        held = world(2, pending=pending, leases=(overdue,), estimates={SHORT: run_s})
        assert set(started(easy(held, Policy()))) == starts


def test_a_card_out_of_use_is_nobodys():
    cards = (card(0, drained=True), card(1, temperature_c=90.0), card(2))
    pending = (waiting(key(gpus=1), ("a", 20), ("b", 10)),)
    for planner in ALL:
        plan = planner(world(cards, pending=pending), Policy())
        assert started(plan) == {"a": ("GPU-2",)}
        assert plan.hot == {"GPU-1"}


def test_sharers_go_together_until_the_card_is_full():
    part = key(gpus=1, share=True, gpu_memory_mb=20_000)
    held = world(1, pending=(waiting(part, ("a", 30), ("b", 20), ("c", 10)),))
    for planner in (fcfs, greedy, easy, shortest_first):
        assert set(started(planner(held, Policy()))) == {"a", "b"}


@given(snapshot=snapshots(), policy=policies, planner=st.sampled_from(ALL))
def test_no_plan_takes_more_than_there_is_or_names_a_job_twice(snapshot, policy, planner):
    plan = planner(snapshot, policy)
    cards = {gpu.uuid: gpu for gpu in snapshot.gpus}
    known = {entry.job: group.key for group in snapshot.pending for entry in group.jobs}
    outcomes = [start.lease.job for start in plan.starts] + [promise.job for promise in plan.reservations]
    assert len(set(outcomes)) == len(outcomes)
    free = {uuid: gpu.memory_mb - gpu.foreign_mb for uuid, gpu in cards.items()}
    for start in plan.starts:
        shape = start.lease.key.shape
        assert known[start.lease.job] == start.lease.key
        assert len(start.lease.gpus) == len(set(start.lease.gpus)) == shape.gpus
        for uuid in start.lease.gpus:
            gpu = cards[uuid]
            assert not (gpu.drained or gpu.quarantined or uuid in plan.hot)
            assert gpu.foreign_mb <= policy.tolerated_foreign_mb
            assert shape.gpu_type is None or shape.gpu_type in gpu.model.lower()
            free[uuid] -= shape.gpu_memory_mb if shape.share else free[uuid] or 1
            assert free[uuid] >= 0
    assert sum(start.lease.key.shape.cpu_cores for start in plan.starts) <= snapshot.host.cpu_cores
    assert sum(start.lease.key.shape.memory_mb for start in plan.starts) <= snapshot.host.memory_mb
    assert all(promise.start_at > snapshot.now for promise in plan.reservations)


@given(snapshot=snapshots(), policy=policies)
def test_first_come_first_served_starts_the_earliest_and_no_other(snapshot, policy):
    order = sorted((entry.submitted_at, entry.job) for group in snapshot.pending for entry in group.jobs)
    starts = [start.lease.job for start in fcfs(snapshot, policy).starts]
    assert starts == [job for _, job in order[: len(starts)]]
