"""The two orders, with the check values of the design."""

import pytest
from worlds import HOUR, NOW, key, waiting, world

from engine.core.fairshare import decayed, fair_factor, quotas_gpu_s, rate, wait_factor
from engine.core.ledger import Ledger
from engine.core.model import GroupName, Shape
from engine.core.ordering import score
from engine.core.places import places
from engine.core.policy import Order, Policy
from engine.core.snapshot import GroupTerms, Host

AGING, FAIR = Policy(order=Order.AGING), Policy()


def order(snapshot, policy):
    return [place.waiting.job for place in places(snapshot.pending, snapshot, policy)]


@pytest.mark.parametrize(
    ("used", "factor"), [(0.90, 1.11), (0.25, 2.0), (0.0, 2.0), (0.5, 2.0), (1.0, 1.0), (4.0, 0.25), (50.0, 0.1)]
)
def test_fair_factor(used, factor):
    assert fair_factor(100.0, 100.0 * used) == pytest.approx(factor, abs=0.005)


def test_ten_hours_of_waiting_give_a_tenth():
    assert wait_factor(10 * HOUR) == pytest.approx(1.10)
    assert wait_factor(-5.0) == 1.0


def test_score_is_the_product_of_base_fair_and_wait():
    groups = {GroupName("vision"): GroupTerms(priority=8)}
    snapshot = world(groups=groups)
    half_used = {GroupName("vision"): Ledger(snapshot, FAIR).share_gpu_s(GroupName("vision")) / 0.5}
    ledger = Ledger(world(groups=groups, usage_gpu_s=half_used), FAIR)
    of = score(key(priority=7), NOW - 10 * HOUR, NOW, ledger, FAIR)
    assert (of.base, of.fair, of.wait) == (15.0, pytest.approx(0.5), pytest.approx(1.1))
    assert of.value == pytest.approx(15 * 0.5 * 1.1)


@pytest.mark.parametrize(("waited", "value"), [(0, 5), (59.9, 5), (60, 6), (3600, 65), (-30, 5)])
def test_aging_adds_a_point_a_minute(waited, value):
    assert score(key(), NOW - waited, NOW, Ledger(world(), AGING), AGING).value == value


def test_ties_go_to_the_earlier_submission_then_to_the_smaller_id_in_text_order():
    snapshot = world(
        pending=[
            waiting(key("ann"), ("9", 10.0), ("10", 10.0)),
            waiting(key("bob"), ("2", 10.0), ("1", 5.0)),
        ]
    )
    assert order(snapshot, AGING) == ["10", "2", "9", "1"]


def test_who_has_waited_beyond_the_bound_goes_to_the_head():
    snapshot = world(
        pending=[
            waiting(key("ann", priority=10), ("fresh", 60.0)),
            waiting(key("bob", priority=1), ("old", 25 * HOUR), ("older", 26 * HOUR)),
        ]
    )
    assert order(snapshot, FAIR) == ["older", "old", "fresh"]


def test_a_group_that_used_little_comes_first():
    snapshot = world(
        pending=[waiting(key("ann", "vision"), ("a", 60.0)), waiting(key("cleo", "language"), ("c", 0.0))],
        usage_gpu_s={GroupName("vision"): 9e6, GroupName("language"): 1e3},
    )
    assert order(snapshot, FAIR) == ["c", "a"]


def test_usage_halves_with_each_half_life():
    assert decayed(100.0, 7.0, 7.0) == 50.0
    assert decayed(100.0, 21.0, 7.0) == 12.5
    assert decayed(100.0, -1.0, 7.0) == 100.0


def test_constant_use_of_the_share_decays_to_the_quota():
    groups = {GroupName("a"): GroupTerms(share=3.0), GroupName("b"): GroupTerms(share=1.0)}
    quotas = quotas_gpu_s(groups, 4, Host(cpu_cores=0, memory_mb=0), 1000.0, 0.01)
    used = 0.0
    for _ in range(200_000):
        used = decayed(used, 1.0, 1000.0) + 3.0
    assert quotas[GroupName("a")] == pytest.approx(used, rel=0.01)
    assert quotas[GroupName("a")] == pytest.approx(3 * quotas[GroupName("b")])


def test_a_sharer_is_billed_for_its_part_of_the_card():
    assert rate(Shape(gpus=2, cpu_cores=1), [80_000, 80_000], 0.01) == pytest.approx(2.01)
    assert rate(Shape(gpus=1, share=True, gpu_memory_mb=20_000, cpu_cores=4), [80_000], 0.01) == pytest.approx(0.29)
