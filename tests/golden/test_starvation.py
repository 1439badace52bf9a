"""Stories about long waits: a humble gang waits for the whole box while small urgent jobs keep coming.

After a day, and longer if the queue itself is days long, it is at the head and cards are kept clear for it.
"""

from worlds import HOUR, NOW, key, lease, waiting, world

from engine.core.model import GroupName
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import GroupTerms

POLICY = Policy()
DAY = 24 * HOUR
GROUPS = {GroupName("vision"): GroupTerms(priority=10), GroupName("language"): GroupTerms(priority=1)}


def after(waited, flood=4):
    """One of two cards is busy for an hour; urgent jobs of two hours each would all go before the gang."""
    urgent = waiting(key("ann", priority=10, time_limit_s=7200), *((f"{at:04}", 60) for at in range(flood)))
    gang = waiting(key("cleo", "language", gpus=2, priority=1, time_limit_s=7200), ("gang", waited))
    return plan(world(2, [urgent, gang], [lease("old", key("bob"), 0, left=3600)], groups=GROUPS), POLICY)


def test_who_has_not_waited_long_is_passed_by():
    decided = after(HOUR)
    assert [start.lease.job for start in decided.starts] == ["0000"]
    assert "gang" not in {kept.job for kept in decided.reservations}


def test_it_is_promised_cards_behind_the_others_once_that_is_no_more_than_its_due():
    """Three times the queue's 6.5 hours less twelve: after 7.5 hours it has a promise, behind another of them."""
    decided = after(7.5 * HOUR + 60)
    assert [start.lease.job for start in decided.starts] == ["0000"]
    assert {kept.job: kept.start_at for kept in decided.reservations}["gang"] >= NOW + 7200


def test_after_the_bound_it_is_at_the_head_and_the_cards_are_kept_for_it():
    """The queue is of 6.5 hours (4 x 2 h on one of two cards, itself, and what runs): after 24 + 3 x 6.5 hours."""
    decided = after(DAY + 19.5 * HOUR + 60)
    assert decided.starts == ()
    first = decided.reservations[0]
    assert (first.job, first.start_at, first.gpus) == ("gang", NOW + 3600, ("GPU-0", "GPU-1"))
    assert all(kept.start_at >= first.end_at for kept in decided.reservations[1:])


def test_where_days_are_queued_a_day_is_nobodys_bad_luck():
    """A hundred urgent jobs are four days of work: after two days the gang is passed by, without a promise."""
    decided = after(2 * DAY, flood=100)
    assert [start.lease.job for start in decided.starts] == ["0000"]
    assert "gang" not in {kept.job for kept in decided.reservations}


def test_but_no_wait_is_longer_than_the_stretch():
    """However long the queue: after a day and the stretch of six it is at the head, and promised by time limits."""
    decided = after(7 * DAY + 60, flood=5000)
    assert decided.starts == ()
    assert (decided.reservations[0].job, decided.reservations[0].start_at) == ("gang", NOW + 3600)
