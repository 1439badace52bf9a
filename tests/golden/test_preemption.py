"""Stories about priority: an urgent job may have preemptible runs of lower priority stopped, the cheapest that suffice.

A run has its minimum, its grace, and its place in the queue afterwards; the cards are kept for whom it made way.
"""

from dataclasses import replace

from worlds import NOW, acted, gone, key, lease, waiting, world

from engine.core.plan import plan
from engine.core.policy import Policy, Preemption

POLICY = Policy()
LOW = key("bob", priority=1, preemptible=True)
URGENT = key("cleo", "language", priority=4)


def told(leases, *pending, cards=2, policy=POLICY, **more):
    decided = plan(world(cards, pending, leases, **more), policy)
    return [preempt.victim.job for preempt in decided.preemptions]


def runs(*ran, of=LOW, **more):
    return [lease(f"run {at}", of, at, ran=seconds, **more) for at, seconds in enumerate(ran)]


def test_the_run_that_loses_the_least_work_is_stopped():
    assert told(runs(3000.0, 700.0), waiting(URGENT, ("urgent", 5))) == ["run 1"]


def test_of_equal_losses_the_one_that_would_end_last_is_stopped():
    leases = [lease("soon", LOW, 0, ran=700.0, left=500.0), lease("late", LOW, 1, ran=700.0, left=2900.0)]
    assert told(leases, waiting(URGENT, ("urgent", 5))) == ["late"]


def test_one_wide_run_is_stopped_rather_than_two_that_lost_more():
    """Three cards; the urgent gang needs two. The wide run lost 2 x 700 s, the others 800 and 900 s."""
    wide = lease("wide", replace(LOW, shape=replace(LOW.shape, gpus=2)), 0, 1, ran=700.0)
    narrow = [lease("narrow", LOW, 2, ran=800.0), lease("other", LOW, 3, ran=900.0)]
    gang = key("cleo", "language", priority=4, gpus=2)
    assert told([wide, *narrow], waiting(gang, ("gang", 5)), cards=4) == ["wide"]


def test_nobody_is_stopped_below_the_gap_or_without_having_agreed():
    near = key("cleo", "language", priority=3)
    firm = replace(LOW, preemptible=False)
    assert told(runs(3000.0, 3000.0), waiting(near, ("near", 5))) == []
    assert told(runs(3000.0, 3000.0, of=firm), waiting(URGENT, ("urgent", 5))) == []
    off = Policy(preemption=Preemption(enabled=False))
    assert told(runs(3000.0, 3000.0), waiting(URGENT, ("urgent", 5)), policy=off) == []


def test_a_run_has_its_minimum():
    assert told(runs(599.0, 599.0), waiting(URGENT, ("urgent", 5))) == []
    assert told(runs(599.0, 600.0), waiting(URGENT, ("urgent", 5))) == ["run 1"]


def test_nobody_is_stopped_where_it_would_not_be_enough():
    """The gang needs both cards and one of them is a firm run's."""
    leases = [lease("firm", replace(LOW, preemptible=False), 0), lease("soft", LOW, 1, ran=700.0)]
    assert told(leases, waiting(key("cleo", "language", priority=9, gpus=2), ("gang", 5))) == []


def test_nobody_is_stopped_for_what_a_quota_holds_back_or_what_is_free_in_a_moment():
    ending = [lease("ending", LOW, 0, ran=3000.0, left=20.0), lease("soft", LOW, 1, ran=700.0)]
    assert told(ending, waiting(URGENT, ("urgent", 5))) == []


def test_the_cards_are_kept_through_the_grace_and_the_victim_waits_again():
    """While the victim ends, a newcomer that would fit its card waits; then the urgent job starts, and the victim is
    pending, behind it and stopping nobody."""
    snapshot = world(1, [waiting(URGENT, ("urgent", 5))], [lease("soft", LOW, 0, ran=700.0)])
    decided = plan(snapshot, POLICY)
    (promise,) = decided.reservations
    assert (promise.job, promise.gpus, promise.start_at) == ("urgent", ("GPU-0",), NOW + POLICY.preemption.grace_s)
    during = acted(snapshot, decided, POLICY)
    newcomer = waiting(key("dan", "robots", priority=4, gpus=1, time_limit_s=10), ("new", 0))
    during = replace(during, pending=(*during.pending, newcomer), now=NOW + 10)
    again = plan(during, POLICY)
    assert (again.starts, again.preemptions) == ((), ())
    after = gone(replace(during, now=NOW + 30))
    final = plan(after, POLICY)
    assert [start.lease.job for start in final.starts] == ["urgent"]
    assert final.preemptions == ()
    assert {hold.jobs[0].job for hold in final.holds} | {kept.job for kept in final.reservations} == {"soft", "new"}
