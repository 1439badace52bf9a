"""The two orders, with the check values of the design."""

from dataclasses import replace

import pytest
from worlds import HOUR, NOW, key, waiting, world

from engine.core.fairshare import decayed, fair_factor, quotas_gpu_s, rate, wait_factor
from engine.core.ledger import Ledger
from engine.core.model import GroupName, Shape
from engine.core.ordering import score
from engine.core.places import places
from engine.core.policy import Order, Policy
from engine.core.snapshot import GroupTerms

AGING, FAIR = Policy(order=Order.AGING), Policy()
PLAIN = Policy(shortness=0.0)


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
    """Two groups of equal shares, and vision used all that was used: it has twice what is its own."""
    groups = {GroupName("vision"): GroupTerms(priority=8), GroupName("language"): GroupTerms()}
    ledger = Ledger(world(groups=groups, usage_gpu_s={GroupName("vision"): 1e5}), PLAIN)
    of = score(key(priority=7), NOW - 10 * HOUR, NOW, ledger, PLAIN)
    assert (of.base, of.fair, of.wait, of.short) == (15.0, pytest.approx(0.5), pytest.approx(1.1), 1.0)
    assert of.value == pytest.approx(15 * 0.5 * 1.1)


def test_shortness_makes_short_jobs_come_first():
    """At 1, an expected run of 50 minutes counts 1, of 110 minutes a half; each card counts. 0.5 is the root of it."""
    ledger = Ledger(world(), FAIR)
    asked = ((1, 3000), (1, 6600), (4, 6600), (0, 3000))
    for shortness, expected in ((1.0, (1.0, 0.5, 2.0, 1.0)), (0.5, (1.0, 0.5**0.5, 2.0**0.5, 1.0))):
        policy = replace(FAIR, shortness=shortness)
        found = [score(key(gpus=gpus, time_limit_s=seconds), NOW, NOW, ledger, policy).short for gpus, seconds in asked]
        assert found == [pytest.approx(value) for value in expected]


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
    """The jobs are of an hour, and each takes a quarter of the box: 3 x 3/4 h are added to the bound."""
    bound = 24 * HOUR
    snapshot = world(
        pending=[
            waiting(key("ann", priority=10), ("fresh", 60.0)),
            waiting(key("bob", priority=1), ("old", bound + 2 * HOUR), ("older", bound + 2.3 * HOUR)),
        ]
    )
    assert order(snapshot, FAIR) == ["older", "fresh", "old"]


def test_patience_grows_with_the_queue_and_no_further_than_the_stretch():
    """Each job of an hour on one of four cards adds a quarter of an hour of work; three times that is waited for."""

    def patience(jobs):
        pending = [waiting(key(), *((f"{at}", 60.0) for at in range(jobs)))]
        return score(key(), NOW, NOW, Ledger(world(pending=pending), FAIR), FAIR).patience_s

    assert patience(8) == pytest.approx(24 * HOUR + 3 * 2 * HOUR)
    assert patience(1000) == 24 * HOUR + FAIR.starvation_stretch_s


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


def test_the_quota_of_a_share_is_that_part_of_all_that_was_used():
    groups = {GroupName("a"): GroupTerms(share=3.0), GroupName("b"): GroupTerms(share=1.0)}
    assert quotas_gpu_s(groups, 4000.0) == {"a": 3000.0, "b": 1000.0}
    nobody = {GroupName("a"): GroupTerms(share=0.0)}
    assert quotas_gpu_s(nobody, 4000.0) == {"a": 0.0}


def test_who_uses_just_the_share_stands_at_one_however_much_was_used():
    groups = {GroupName("vision"): GroupTerms(share=3.0), GroupName("language"): GroupTerms(share=1.0)}
    for used in (1.0, 1e9):
        shares = {GroupName("vision"): 3 * used, GroupName("language"): used}
        ledger = Ledger(world(groups=groups, usage_gpu_s=shares), FAIR)
        assert ledger.fair(key("ann", "vision").owner) == pytest.approx(1.0)
        assert ledger.fair(key("cleo", "language").owner) == pytest.approx(1.0)


def test_a_sharer_is_billed_for_its_part_of_the_card():
    assert rate(Shape(gpus=2, cpu_cores=1), [80_000, 80_000], 0.01) == pytest.approx(2.01)
    assert rate(Shape(gpus=1, share=True, gpu_memory_mb=20_000, cpu_cores=4), [80_000], 0.01) == pytest.approx(0.29)
