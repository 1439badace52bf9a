"""Stories about booked cards: Ann has card 0 from ten to twelve. Others may use it until then, if they surely end.

She alone is on it while it is hers, and what others are told is whose time they would run into.
"""

from worlds import HOUR, NOW, key, lease, waiting, world

from engine.core.model import AccountName, GpuUuid
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import Slot

POLICY = Policy()
TEN, TWELVE = NOW + HOUR, NOW + 3 * HOUR
ANNS = Slot(slot="7", account=AccountName("ann"), gpus=(GpuUuid("GPU-0"),), start=TEN, end=TWELVE)


def at(now, of, cards=1, leases=(), **more):
    return plan(world(cards, [waiting(of, ("job", 5))], leases, slots=(ANNS,), now=now, **more), POLICY)


def test_others_use_the_card_until_then_if_their_time_limit_ends_by_then():
    assert [start.lease.job for start in at(NOW, key("bob", time_limit_s=3600)).starts] == ["job"]


def test_a_limit_that_reaches_into_the_slot_waits_for_its_end_and_is_told_so():
    (kept,) = at(NOW, key("bob", time_limit_s=3601)).reservations
    assert kept.start_at == TWELVE
    (reason,) = kept.reasons
    assert (reason.code, reason.slot, reason.start_at, reason.end_at, reason.until) == (
        "BOOKED",
        "7",
        TEN,
        TWELVE,
        NOW + 3601,
    )


def test_however_short_it_is_expected_to_be():
    of = key("bob", time_limit_s=4000)
    assert at(NOW, of, estimates={of: 60.0}).starts == ()


def test_it_goes_to_a_card_that_is_not_booked():
    (start,) = at(NOW, key("bob", time_limit_s=86_400), cards=2).starts
    assert start.lease.gpus == ("GPU-1",)


def test_during_the_slot_only_its_owner_starts_there():
    assert at(TEN + 60, key("bob", time_limit_s=60)).starts == ()
    assert len(at(TEN + 60, key("ann", time_limit_s=60)).starts) == 1


def test_its_owner_may_run_beyond_it_and_when_it_is_over_everybody_may():
    assert len(at(TEN + 60, key("ann", time_limit_s=86_400)).starts) == 1
    assert len(at(TWELVE, key("bob")).starts) == 1


def test_a_promise_keeps_off_the_slot_too():
    """The other card is busy for longer: the job is promised the booked card once the slot is over."""
    busy = lease("busy", key("cleo", "language"), 1, left=4 * HOUR)
    (kept,) = at(NOW, key("bob", time_limit_s=7200), cards=2, leases=[busy]).reservations
    assert (kept.gpus, kept.start_at) == (("GPU-0",), TWELVE)
