"""Stories about guarantees: vision is guaranteed two of four cards. While it is away others borrow them.

When it comes back, preemptible borrowers make way, as many as needed and no more.
"""

from worlds import NOW, acted, gone, key, lease, waiting, world

from engine.core.model import GroupName, JobId
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import Claim, GroupTerms

POLICY = Policy()
GROUPS = {GroupName("vision"): GroupTerms(guarantee_gpus=2), GroupName("language"): GroupTerms(priority=10)}
LENT = key("cleo", "language", priority=10, preemptible=True)
MINE = key("ann", "vision", priority=1)


def borrowed(of=LENT, **more):
    """Language has all four cards; the longer ago a run began the lower its card."""
    return [lease(f"lent {at}", of, at, ran=4000.0 - 800 * at, left=9000.0, **more) for at in range(4)]


def vision_wants(count, leases, **shape):
    jobs = waiting(key("ann", "vision", priority=1, **shape), *((f"mine {at}", 10 - at) for at in range(count)))
    return world(4, [jobs], leases, groups=GROUPS)


def test_idle_guarantees_are_lent():
    """Nobody of vision wants anything: language may have the whole box."""
    starts = plan(world(4, [waiting(LENT, *((f"{at}", 5) for at in range(4)))], groups=GROUPS), POLICY).starts
    assert len(starts) == 4


def test_what_is_guaranteed_comes_first_while_it_is_wanted():
    """Two free cards: vision's humble jobs go before language's important ones."""
    pending = [
        waiting(MINE, ("mine 0", 5), ("mine 1", 5), ("mine 2", 5)),
        waiting(LENT, *((f"{at}", 9) for at in range(9))),
    ]
    starts = plan(world(4, pending, borrowed()[:2], groups=GROUPS), POLICY).starts
    assert [start.lease.job for start in starts] == ["mine 0", "mine 1"]


def test_the_owner_takes_back_its_cards_and_no_more():
    """Three of vision's jobs wait. Two borrowers are stopped, those that lose the least work; the third job waits."""
    snapshot = vision_wants(3, borrowed())
    decided = plan(snapshot, POLICY)
    assert [(preempt.victim.job, preempt.by.job, preempt.rule) for preempt in decided.preemptions] == [
        ("lent 3", "mine 0", "reclaim"),
        ("lent 2", "mine 1", "reclaim"),
    ]
    then = gone(acted(snapshot, decided, POLICY))
    assert [(start.lease.job, start.lease.gpus) for start in plan(then, POLICY).starts] == [
        ("mine 0", ("GPU-3",)),
        ("mine 1", ("GPU-2",)),
    ]


def test_a_gang_takes_back_all_that_it_needs_at_once():
    (one, two) = plan(vision_wants(1, borrowed(), gpus=2), POLICY).preemptions
    assert {one.victim.job, two.victim.job} == {"lent 2", "lent 3"}
    assert one.by == two.by and one.by.gpus == ("GPU-2", "GPU-3")


def test_beyond_the_guarantee_nothing_is_taken_back():
    assert plan(vision_wants(1, borrowed(), gpus=3), POLICY).preemptions == ()


def test_borrowers_that_did_not_agree_to_be_stopped_run_to_their_end():
    firm = key("cleo", "language", priority=10)
    decided = plan(vision_wants(1, borrowed(firm)), POLICY)
    assert decided.preemptions == ()
    assert decided.reservations[0].job == "mine 0"


def test_who_holds_no_more_than_its_own_guarantee_is_left_alone():
    """Language is guaranteed three cards and holds three of them, robots borrowed the fourth: robots makes way."""
    groups = GROUPS | {GroupName("language"): GroupTerms(guarantee_gpus=3)}
    robots = lease("robots", key("dan", "robots", priority=10, preemptible=True), 0, ran=90_000.0)
    snapshot = world(4, [waiting(MINE, ("mine", 5))], [robots, *borrowed()[1:]], groups=groups)
    (preempt,) = plan(snapshot, POLICY).preemptions
    assert preempt.victim.job == "robots"


def test_a_wide_borrower_goes_although_one_of_its_cards_was_its_own():
    """Language is guaranteed one card and runs one job on three. Vision gets its two: one card less kept, two more."""
    groups = GROUPS | {GroupName("language"): GroupTerms(guarantee_gpus=1)}
    wide = lease("wide", key("cleo", "language", preemptible=True, gpus=3), 0, 1, 2, ran=4000.0, left=90_000.0)
    firm = lease("firm", key("dan", "robots"), 3, ran=4000.0, left=90_000.0)
    wanted = waiting(key("ann", "vision", gpus=2), ("mine", 5))
    (preempt,) = plan(world(4, [wanted], [wide, firm], groups=groups), POLICY).preemptions
    assert (preempt.victim.job, preempt.rule) == ("wide", "reclaim")
    humble = waiting(key("ann", "vision", gpus=1), ("mine", 5))
    assert plan(world(4, [humble], [wide, firm], groups=groups), POLICY).preemptions == ()


def test_a_claim_that_an_equal_job_took_counts_no_more():
    """Cards were cleared for one job of vision and an older one like it took them: the next one still gets its own."""
    taken = lease("older", MINE, 0, ran=60.0)
    claim = Claim(job=JobId("mine 0"), key=MINE, submitted_at=NOW - 10, gpus=taken.gpus)
    snapshot = world(4, [waiting(MINE, ("mine 0", 10))], [taken, *borrowed()[1:]], groups=GROUPS, claims=(claim,))
    (preempt,) = plan(snapshot, POLICY).preemptions
    assert (preempt.by.job, preempt.rule) == ("mine 0", "reclaim")
