"""Stories about expected run times: jobs ask for three hours and mostly run for half an hour.

The plan believes what history says, in filling gaps and in promising; when somebody waited for too long, limits count.
"""

from dataclasses import replace

from worlds import HOUR, NOW, key, lease, waiting, world

from engine.core.plan import plan
from engine.core.policy import Basis, Policy

DAY = 24 * 3600
QUICK = key("bob", time_limit_s=10_800)
GANG = waiting(key("ann", gpus=2, priority=10), ("gang", 60))


POLICY = Policy()


def gap(policy=POLICY, estimates=None, gang=GANG):
    """Card 0 is busy for an hour, then the gang is promised both; a job that asks for three hours would like card 1."""
    told = {QUICK: 1800.0} if estimates is None else estimates
    old = replace(lease("old", key("bob"), 0, left=3600), key=key("bob", time_limit_s=3660))
    return plan(world(2, [gang, waiting(QUICK, ("quick", 0))], [old], estimates=told), policy)


def starts(decided):
    return [start.lease.job for start in decided.starts]


def test_who_is_expected_to_be_done_in_time_fills_the_gap():
    decided = gap()
    assert starts(decided) == ["quick"]
    assert decided.starts[0].lease.expected_end == NOW + 1800
    assert [kept.start_at for kept in decided.reservations] == [NOW + 3600]


def test_without_history_the_limit_counts():
    assert starts(gap(estimates={})) == []


def test_promises_by_limits_do_not_believe_it():
    assert starts(gap(Policy(promises=Basis.LIMITS))) == []


def test_when_somebody_waited_for_the_whole_stretch_no_promise_may_slip_again():
    waited = Policy().starvation_bound_s + Policy().starvation_stretch_s
    old = waiting(GANG.key, ("gang", waited + 1))
    assert starts(gap(gang=old)) == []
    assert starts(gap(Policy(promises=Basis.ESTIMATES), gang=old)) == ["quick"]


def test_a_run_that_outlasts_its_expectation_is_taken_to_run_as_long_again():
    """Expected to take an hour, it ran for two and more: four hours from its start, and never beyond its limit."""
    late = lease("late", key("bob", time_limit_s=DAY), 0, ran=2 * HOUR + 600, left=-HOUR - 600)
    (kept,) = plan(world(1, [waiting(key("ann"), ("next", 5))], [late]), Policy()).reservations
    assert kept.start_at == NOW - 2 * HOUR - 600 + 4 * HOUR
    short = replace(late, key=key("bob", time_limit_s=3 * 3600))
    (kept,) = plan(world(1, [waiting(key("ann"), ("next", 5))], [short]), Policy()).reservations
    assert kept.start_at == short.limit_end
