"""Stories about arrays with a cap: of a sweep of a hundred elements two may run at once.

The others wait with the cap as the reason, hold nobody up, and go on as elements end.
"""

from worlds import key, lease, waiting, world

from engine.core.model import ArrayCap, JobId
from engine.core.plan import plan
from engine.core.policy import Policy

POLICY = Policy()
SWEEP = key("ann", priority=10, array=ArrayCap(parent=JobId("100"), most=2))
ELEMENTS = waiting(SWEEP, *((f"{at:03}", 1000 - at) for at in range(101, 201)))


def test_two_start_and_the_rest_is_one_outcome_with_the_cap():
    decided = plan(world(8, [ELEMENTS]), POLICY)
    assert [start.lease.job for start in decided.starts] == ["101", "102"]
    (hold,) = decided.holds
    assert (hold.skip, hold.count) == (2, 98)
    (reason,) = hold.reasons
    assert (reason.code, reason.parent, reason.limit, reason.running) == ("ARRAY_LIMIT", "100", 2, 2)
    assert decided.reservations == ()


def test_as_one_ends_the_next_one_starts():
    decided = plan(world(8, [ELEMENTS], [lease("099", SWEEP, 0)]), POLICY)
    assert [start.lease.job for start in decided.starts] == ["101"]


def test_it_holds_nobody_up():
    """Two elements run; behind the other ninety-eight, humble jobs of others start."""
    humble = waiting(key("bob", priority=1), ("humble", 0))
    decided = plan(world(4, [ELEMENTS, humble], [lease("098", SWEEP, 0), lease("099", SWEEP, 1)]), POLICY)
    assert [start.lease.job for start in decided.starts] == ["humble"]


def test_each_array_has_its_own_cap():
    other = key("ann", priority=10, array=ArrayCap(parent=JobId("300"), most=1))
    decided = plan(world(8, [ELEMENTS, waiting(other, ("301", 5), ("302", 5))]), POLICY)
    assert sorted(start.lease.job for start in decided.starts) == ["101", "102", "301"]
