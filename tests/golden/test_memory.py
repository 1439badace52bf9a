"""Stories about the memory that is really there: Ann shares card 0 and has more of it than she asked for."""

import pytest
from worlds import card, key, lease, waiting, world

from engine.core.changes import LessGpuMemory
from engine.core.model import JobId
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.whatif import what_if

POLICY = Policy()
ANN, BOB = key("ann", share=True, gpu_memory_mb=20_000), key("bob", share=True, gpu_memory_mb=20_000)
GREEDY = card(0, memory_used_mb=35_000, held_mb=35_000, over=((JobId("anns"), 15_000),))
MODEST = card(0, memory_used_mb=3_000, held_mb=3_000)


def at(cards, of, leases=(), policy=POLICY):
    return plan(world(cards, [waiting(of, ("job", 5))], leases), policy)


def test_what_a_sharer_really_has_counts_at_once():
    """In the books 29,140 MiB are left; in fact 14,140."""
    decided = at([GREEDY], BOB, [lease("anns", ANN, 0)])
    assert decided.starts == ()
    (kept,) = decided.reservations
    taken, busy = kept.reasons
    assert (taken.code, taken.index, taken.wanted_mb, taken.free_mb) == ("GPU_MEMORY_TAKEN", 0, 20_000, 14_140)
    assert (busy.code, busy.free) == ("GPUS_BUSY", 0)


def test_it_counts_until_her_lease_ends_and_a_smaller_job_starts_beside_her():
    anns = lease("anns", ANN, 0)
    (kept,) = at([GREEDY], BOB, [anns]).reservations
    assert kept.start_at == anns.expected_end
    small = key("bob", share=True, gpu_memory_mb=14_140)
    assert len(at([GREEDY], small, [anns]).starts) == 1


def test_who_uses_less_than_was_asked_for_lends_nothing():
    wide = key("bob", share=True, gpu_memory_mb=29_141)
    assert at([MODEST], wide, [lease("anns", ANN, 0)]).starts == ()
    assert len(at([MODEST], BOB, [lease("anns", ANN, 0)]).starts) == 1


def test_a_newcomer_counts_with_what_it_asked_for_and_the_next_with_both():
    three = [key(name, share=True, gpu_memory_mb=7_000) for name in ("bob", "cleo", "dan")]
    pending = [waiting(of, (of.owner.account, 5)) for of in three]
    decided = plan(world([GREEDY], pending, [lease("anns", ANN, 0)]), POLICY)
    assert len(decided.starts) == 2


@pytest.mark.parametrize(("foreign_mb", "starts"), [(140, 1), (141, 0)])
def test_a_whole_card_needs_its_memory_free_of_tolerated_strangers_too(foreign_mb, starts):
    of = key("bob", gpu_memory_mb=49_000)
    decided = at([card(0, memory_used_mb=foreign_mb)], of)
    assert len(decided.starts) == starts


def test_no_card_is_kept_clear_for_a_job_that_strangers_keep_off_it():
    """They may stay for ever; meanwhile others use the card."""
    of = key("bob", gpu_memory_mb=49_000)
    pending = [waiting(of, ("bobs", 90_000)), waiting(key("cleo", gpu_memory_mb=10_000), ("cleos", 5))]
    decided = plan(world([card(0, memory_used_mb=400)], pending), POLICY)
    assert [start.lease.job for start in decided.starts] == ["cleos"]
    assert decided.reservations == ()


def test_a_whole_card_job_is_told_what_is_really_free_and_which_size_would_start():
    of = key("bob", gpu_memory_mb=49_000)
    group = waiting(of, ("bobs", 5))
    snapshot = world([card(0, memory_used_mb=400)], [group])
    decided = plan(snapshot, POLICY)
    (hold,) = decided.holds
    taken, busy = hold.reasons
    assert (taken.code, taken.wanted_mb, taken.free_mb) == ("GPU_MEMORY_TAKEN", 49_000, 48_740)
    assert (busy.code, busy.free, busy.matching) == ("GPUS_BUSY", 0, 1)
    found = what_if(snapshot, POLICY, of, group.jobs[0])
    assert (LessGpuMemory(gpu_memory_mb=48_740, wanted=49_000),) in [one.changes for one in found]


def test_any_amount_of_strangers_memory_may_be_tolerated_and_still_counts():
    any_amount = Policy(tolerated_foreign_mb=None)
    crowded = card(0, memory_used_mb=30_000)
    assert len(at([crowded], key("bob", gpu_memory_mb=19_000), policy=any_amount).starts) == 1
    assert at([crowded], key("bob", gpu_memory_mb=19_141), policy=any_amount).starts == ()
