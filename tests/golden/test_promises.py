"""Stories about backfill: who may go first, and who was promised what."""

from worlds import A100, HOUR, NOW, card, key, lease, waiting, world

from engine.core.model import GroupName
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.simulate import apply
from engine.core.snapshot import GroupTerms

POLICY = Policy()


def gang_before(*others):
    """Two cards, one busy for an hour. Ann's gang of two is promised both from then on; others come behind it."""
    gang = waiting(key("ann", gpus=2, priority=10), ("gang", 60))
    return plan(world(2, [gang, *others], [lease("old", key("bob"), 0, left=3600)]), POLICY)


def test_a_short_job_slips_in_before_a_gang():
    decided = gang_before(waiting(key("bob", time_limit_s=3600), ("short", 0)))
    assert [start.lease.job for start in decided.starts] == ["short"]
    (promised,) = decided.reservations
    assert (promised.job, promised.start_at, len(promised.gpus)) == ("gang", NOW + 3600, 2)


def test_a_job_that_would_delay_the_gang_waits_behind_it_and_is_told():
    decided = gang_before(waiting(key("bob", time_limit_s=3601), ("long", 0)))
    assert decided.starts == ()
    gang, long = decided.reservations
    (reason,) = long.reasons
    assert (reason.code, reason.job, reason.start_at, reason.until) == ("WOULD_DELAY", "gang", NOW + 3600, NOW + 3601)
    assert long.start_at == gang.end_at


def test_cores_are_promised_too():
    """The gang's promise needs 60 of 64 cores; a core-hungry job without GPUs must not eat into them."""
    gang = waiting(key("ann", gpus=2, cpu_cores=60, priority=10), ("gang", 60))
    hungry = waiting(key("bob", gpus=0, cpu_cores=10, time_limit_s=7200), ("hungry", 0))
    modest = waiting(key("bob", gpus=0, cpu_cores=4, time_limit_s=7200), ("modest", 0))
    decided = plan(world(2, [gang, hungry, modest], [lease("old", key("bob"), 0, left=3600)]), POLICY)
    assert [start.lease.job for start in decided.starts] == ["modest"]
    assert [reason.code for reason in decided.reservations[1].reasons] == ["WOULD_DELAY"]


def test_a_start_behind_a_promise_bills_its_owner_and_promises_are_made_anew():
    """Three cards, the A100 busy for an hour. Vision's gang of three leads until vision's short job is billed.

    The box has six and a half hours of work; all have waited for long enough (3 x 6.5 h - 12 h) to be promised cards.
    """
    cards = [card(0, A100), card(1), card(2)]
    gang = key("ann", "vision", gpus=3, priority=5, time_limit_s=3600)
    short = key("ann", "vision", gpus=1, priority=4, time_limit_s=1800)
    lone = key("cleo", "language", gpus=1, gpu_type="a100", priority=5, time_limit_s=36_000)
    other = key("dan", "robots", gpus=1, priority=1, time_limit_s=18_000)
    groups = {GroupName(name): GroupTerms(priority=1) for name in ("vision", "language", "robots")}
    policy = Policy(shortness=0.0)
    snapshot = world(
        cards,
        [
            waiting(of, (name, 8 * HOUR + more))
            for of, name, more in ((gang, "gang", 1), (short, "short", 0), (lone, "lone", 0), (other, "other", 0))
        ],
        [lease("old", key("bob", "robots"), 0, left=3600)],
        groups=groups,
        usage_gpu_s=dict.fromkeys(groups, 1e5),
    )
    decided = plan(snapshot, policy)
    assert [start.lease.job for start in decided.starts] == ["short", "other"]
    assert {reservation.job: reservation.start_at - NOW for reservation in decided.reservations} == {
        "lone": 3600,
        "gang": 39_600,
    }
    assert plan(apply(snapshot, decided, policy), policy).starts == ()


def test_equal_jobs_beyond_the_depth_share_one_outcome():
    """A hundred equal jobs before one busy card: some are promised, the rest is one hold that says why."""
    flood = key("bob", time_limit_s=60)
    snapshot = world(
        1, [waiting(flood, *((f"{at:03}", 1000 - at) for at in range(100)))], [lease("old", key("ann"), 0, left=100)]
    )
    decided = plan(snapshot, Policy(reservation_depth=3))
    assert [reservation.start_at - NOW for reservation in decided.reservations] == [100, 160, 220]
    (hold,) = decided.holds
    assert (hold.skip, hold.count) == (3, 97)
    (reason,) = hold.reasons
    assert (reason.code, reason.wanted, reason.free, reason.matching) == ("GPUS_BUSY", 1, 0, 1)


def test_an_overdue_lease_is_expected_to_end_a_little_later_than_now():
    """A lease past its time limit is not taken for a free card."""
    snapshot = world(1, [waiting(key("bob"), ("next", 1))], [lease("late", key("ann"), 0, ran=4000, left=-10)])
    decided = plan(snapshot, POLICY)
    assert decided.starts == ()
    assert decided.reservations[0].start_at > NOW
