"""Stories about short jobs: all else equal, who is expected to end sooner comes first; each card counts.

With shortness 0 only priority, share and wait are left.
"""

from worlds import key, lease, waiting, world

from engine.core.plan import plan
from engine.core.policy import Policy


def first(one, other, shortness=1.0, cards=1, **more):
    pending = [waiting(one, ("older", 60)), waiting(other, ("newer", 30))]
    return plan(world(cards, pending, **more), Policy(shortness=shortness)).starts[0].lease.job


def test_the_shorter_job_comes_first_and_without_shortness_the_older():
    long, short = key(time_limit_s=36_000), key(time_limit_s=1800)
    assert first(long, short) == "newer"
    assert first(long, short, shortness=0.0) == "older"


def test_what_is_expected_counts_not_what_was_asked_for():
    modest, generous = key(time_limit_s=7200), key(time_limit_s=86_400)
    assert first(modest, generous) == "older"
    assert first(modest, generous, estimates={generous: 300.0}) == "newer"


def test_a_wide_job_goes_when_its_cards_happen_to_be_free():
    """Four cards are free at once: a job of four that takes three times as long goes before a job of one."""
    wide, narrow = key(gpus=4, time_limit_s=10_800), key(time_limit_s=3600)
    assert first(narrow, wide, cards=4) == "newer"
    assert first(narrow, wide, cards=4, leases=[lease("old", key("bob"), 0, left=7200)]) == "older"


def test_priority_still_counts():
    assert first(key(priority=10, time_limit_s=3600), key(priority=1, time_limit_s=3000)) == "older"
