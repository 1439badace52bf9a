"""Stories about power: four cards of 350 W behind a fuse for 1200 W. At rest each draws 25 W."""

from dataclasses import replace

from worlds import HOUR, NOW, card, key, lease, waiting, world

from engine.core.plan import plan
from engine.core.policy import Policy, Power, Preemption

FUSE = Policy(power=Power(budget_w=1200.0, idle_w=25.0))
BOX = tuple(card(at, power_w=350.0) for at in range(4))
RUNNING = [lease(f"r{at}", key("bob"), at, left=(at + 1) * HOUR) for at in range(3)]


def starts(decided):
    return {start.lease.job: start.lease.gpus for start in decided.starts}


def test_three_cards_work_and_the_fourth_job_is_promised_the_moment_one_is_free():
    decided = plan(world(BOX, [waiting(key("ann"), ("job", 5))], RUNNING), FUSE)
    assert starts(decided) == {}
    (kept,) = decided.reservations
    (reason,) = kept.reasons
    assert (reason.wanted_w, reason.free_w, reason.budget_w) == (325.0, 125.0, 1200.0)
    assert (kept.start_at, len(kept.gpus)) == (NOW + HOUR, 1)


def test_with_a_lower_limit_of_its_own_it_starts_at_once():
    decided = plan(world(BOX, [waiting(key("ann", gpu_power_w=150), ("job", 5))], RUNNING), FUSE)
    assert starts(decided) == {"job": ("GPU-3",)}


def test_a_job_without_gpus_pays_nothing_for_the_fuse():
    decided = plan(world(BOX, [waiting(key("ann", gpus=0), ("job", 5))], RUNNING), FUSE)
    assert starts(decided) == {"job": ()}


def test_a_short_job_goes_before_a_promise_only_if_the_power_is_back_by_then():
    """Bob's two cards are free in an hour. Then Ann has three, and the fourth may not work beside them."""
    held = [lease("r", key("bob", gpus=2), 0, 1, left=HOUR)]
    wide = waiting(key("ann", priority=10, gpus=3), ("wide", 9))
    short, long = key("cleo", time_limit_s=3600), key("cleo", time_limit_s=7200)
    assert starts(plan(world(BOX, [wide, waiting(short, ("short", 5))], held), FUSE)) == {"short": ("GPU-2",)}
    decided = plan(world(BOX, [wide, waiting(long, ("long", 5))], held), FUSE)
    assert starts(decided) == {}
    told = {of.job: of.reasons for of in decided.reservations} | {of.jobs[0].job: of.reasons for of in decided.holds}
    assert [(reason.code, reason.job) for reason in told["long"]] == [("WOULD_DELAY", "wide")]


def test_a_job_may_have_another_stopped_for_its_power_and_the_freed_watts_are_kept_for_it():
    """No card lacks: only the watts do. The victim is on another card than the one that the job gets."""
    policy = replace(FUSE, preemption=Preemption(min_run_s=0.0, priority_gap=3, grace_s=120.0))
    low = [
        lease(f"r{at}", key("bob", priority=1, preemptible=True), at, ran=700 + at, left=9 * HOUR) for at in range(3)
    ]
    warm = tuple(replace(gpu, temperature_c=30.0 if gpu.index == 3 else 60.0) for gpu in BOX)
    decided = plan(world(warm, [waiting(key("ann", priority=10), ("urgent", 5))], low), policy)
    (preempt,) = decided.preemptions
    assert (preempt.victim.job, preempt.by.job, preempt.by.gpus) == ("r0", "urgent", ("GPU-3",))
    (kept,) = decided.reservations
    assert (kept.job, kept.start_at) == ("urgent", NOW + 120.0)


def test_without_a_budget_the_fuse_is_nobodys_matter():
    decided = plan(world(BOX, [waiting(key("ann"), ("job", 5))], RUNNING), Policy())
    assert starts(decided) == {"job": ("GPU-3",)}
