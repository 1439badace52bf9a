"""Stories about fair share: groups are measured by what all have used, and accounts by what their group has used.

Nobody's time limit, wait or priority differs here, so the share alone decides.
"""

from worlds import key, waiting, world

from engine.core.model import GroupName
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import GroupTerms

VISION, LANGUAGE = GroupName("vision"), GroupName("language")
ANN, BOB, CLEO = key("ann"), key("bob"), key("cleo", "language")


def first(usage, *, accounts=None, groups=None):
    """Who gets the only card; all three have waited as long, ann's job has the smallest id."""
    pending = [waiting(of, (of.owner.account, 60)) for of in (ANN, BOB, CLEO)]
    snapshot = world(
        1,
        pending,
        groups=groups or {VISION: GroupTerms(), LANGUAGE: GroupTerms()},
        usage_gpu_s=usage,
        usage_accounts_gpu_s={of.owner: used for of, used in (accounts or {}).items()},
    )
    (start,) = plan(snapshot, Policy()).starts
    return start.lease.job


def test_the_group_that_used_less_comes_first():
    assert first({VISION: 1e6, LANGUAGE: 9e5}) == "cleo"
    assert first({VISION: 9e5, LANGUAGE: 1e6}) == "ann"


def test_it_is_the_part_that_counts_not_the_amount():
    """Vision has three quarters of the box: it may use three times as much."""
    terms = {VISION: GroupTerms(share=3.0), LANGUAGE: GroupTerms(share=1.0)}
    assert first({VISION: 2.9e6, LANGUAGE: 1e6}, groups=terms) == "ann"
    assert first({VISION: 3.1e6, LANGUAGE: 1e6}, groups=terms) == "cleo"
    assert first({VISION: 3.1, LANGUAGE: 1.0}, groups=terms) == "cleo"


def test_in_a_group_the_account_that_used_less_comes_first():
    usage = {VISION: 1e6, LANGUAGE: 1e6}
    assert first(usage, accounts={ANN: 8e5, BOB: 2e5, CLEO: 1e6}) == "bob"
    assert first(usage, accounts={ANN: 2e5, BOB: 8e5, CLEO: 1e6}) == "ann"


def test_who_used_nothing_in_a_busy_group_comes_before_those_who_did():
    """Bob is new; ann did all of vision's work, which has just its share."""
    assert first({VISION: 1e6, LANGUAGE: 1e6}, accounts={ANN: 1e6, CLEO: 1e6}) == "bob"


def test_a_burst_cannot_outrun_its_own_bill():
    """Four cards and two groups that used the same: after each start its group is behind, so they take turns."""
    pending = [
        waiting(of, *((f"{of.owner.group} {at}", 60) for at in range(8)))
        for of in (key("ann"), key("cleo", "language"))
    ]
    usage = {VISION: 1e3, LANGUAGE: 1e3}
    starts = plan(world(4, pending, usage_gpu_s=usage), Policy()).starts
    assert sorted(start.lease.key.owner.group for start in starts) == ["language", "language", "vision", "vision"]
