"""The host's power budget, whatever comes: at no moment of a plan may its cards draw more."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import NOW, card, crowded, key, lease, waiting, world

from engine.core.model import Shape
from engine.core.placement.possible import impossible
from engine.core.plan import plan
from engine.core.policy import Policy, Power
from engine.core.simulate import apply
from engine.core.snapshot import Host

MANY = settings(max_examples=150, deadline=None)


@st.composite
def powered(draw):
    """A busy box whose cards tell what they draw, some jobs with a cap, and a policy with a budget."""
    snapshot, policy = draw(crowded())
    gpus = tuple(replace(gpu, power_w=draw(st.sampled_from([None, 200.0, 350.0]))) for gpu in snapshot.gpus)
    caps = st.sampled_from([None, None, 150, 300])
    pending = {}
    for group in snapshot.pending:
        cap = None if group.key.shape.share or not group.key.shape.gpus else draw(caps)
        capped = replace(group.key, shape=replace(group.key.shape, gpu_power_w=cap))
        pending[capped] = replace(group, key=capped)
    idle_w = draw(st.sampled_from([0.0, 25.0]))
    budget_w = draw(st.sampled_from([300.0, 500.0, 800.0, 1500.0]))
    estimates = {
        capped: snapshot.estimates[old]
        for capped in pending
        if (old := replace(capped, shape=replace(capped.shape, gpu_power_w=None))) in snapshot.estimates
    }
    world = replace(snapshot, gpus=gpus, pending=tuple(pending.values()), leases=(), claims=(), estimates=estimates)
    policy = replace(policy, power=Power(budget_w=budget_w, idle_w=idle_w))
    first = apply(world, plan(world, policy), policy)
    return replace(first, now=first.now + draw(st.sampled_from([0.0, 700.0, 4000.0]))), policy


def drawn_w(snapshot, policy, taken, at):
    """Watts of all cards at a moment; taken: (cards, cap, start, end) of everything booked."""
    total = 0.0
    for gpu in snapshot.gpus:
        if gpu.power_w is None:
            continue
        caps = [cap for gpus, cap, start, end in taken if gpu.uuid in gpus and start <= at < end]
        working = max((gpu.power_w if cap is None else min(cap, gpu.power_w) for cap in caps), default=0.0)
        total += max(policy.power.idle_w, working)
    return total


@MANY
@given(powered())
def test_at_no_moment_do_leases_starts_and_promises_draw_more_than_the_budget(powered):
    snapshot, policy = powered
    decided = plan(snapshot, policy)
    leases = [*snapshot.leases, *(start.lease for start in decided.starts)]
    by_limits = [(of.gpus, of.key.shape.gpu_power_w, of.started_at, of.expected_end) for of in leases]
    promised = [(of.gpus, of.key.shape.gpu_power_w, of.start_at, of.end_at) for of in decided.reservations]
    stopped = {preempt.victim.job for preempt in decided.preemptions}
    if stopped:  # who makes way is told to stop after this plan: what it promises comes when they have gone
        return
    moments = {snapshot.now, *(start for _, _, start, _ in promised)}
    bound = max(policy.power.budget_w, drawn_w(snapshot, policy, [], snapshot.now))
    for at in moments:
        assert drawn_w(snapshot, policy, [*by_limits, *promised], at) <= bound + 1e-6


@MANY
@given(powered())
def test_planning_again_starts_nothing_new_and_who_waits_has_reasons(powered):
    snapshot, policy = powered
    decided = plan(snapshot, policy)
    assert all(hold.reasons for hold in decided.holds)
    assert all(reservation.reasons for reservation in decided.reservations)
    assert plan(apply(snapshot, decided, policy), policy).starts == ()


@MANY
@given(powered())
def test_a_budget_that_bears_every_card_changes_nothing(powered):
    snapshot, policy = powered
    ample = replace(policy, power=Power(budget_w=1e6))
    assert plan(snapshot, ample) == plan(snapshot, replace(policy, power=Power()))


@MANY
@given(powered())
def test_every_reason_of_power_tells_the_truth(powered):
    snapshot, policy = powered
    decided = plan(snapshot, policy)
    for outcome in (*decided.holds, *decided.reservations):
        for reason in outcome.reasons:
            if reason.code == "POWER_BUDGET":
                assert reason.wanted_w > reason.free_w >= 0.0
                assert reason.budget_w == policy.power.budget_w


def cards(count, power_w=350.0):
    return tuple(card(at, power_w=power_w) for at in range(count))


def test_cards_that_draw_less_are_taken_where_the_best_ones_draw_too_much():
    box = (card(0, power_w=350.0, temperature_c=30.0), card(1, power_w=200.0, temperature_c=60.0))
    policy = Policy(power=Power(budget_w=260.0, idle_w=25.0))
    (start,) = plan(world(box, [waiting(key(), ("job", 5))]), policy).starts
    assert start.lease.gpus == ("GPU-1",)


def test_a_card_counts_once_however_many_share_it():
    policy = Policy(power=Power(budget_w=400.0, idle_w=25.0))
    of = key(share=True, gpu_memory_mb=10_000)
    decided = plan(world(cards(2), [waiting(of, *((str(at), 5) for at in range(6)))]), policy)
    assert {start.lease.gpus for start in decided.starts} == {("GPU-0",)}
    assert len(decided.starts) == 4  # as many as its memory has room for; the other card may not be switched on


def test_a_card_that_does_not_tell_its_limit_does_not_count():
    policy = Policy(power=Power(budget_w=10.0, idle_w=25.0))
    assert len(plan(world(cards(3, None), [waiting(key(gpus=3), ("job", 5))]), policy).starts) == 1


def test_instances_of_a_card_share_what_it_draws_at_rest():
    slices = tuple(card(at, power_w=50.0, parent="GPU-p") for at in range(7))
    policy = Policy(power=Power(budget_w=75.0, idle_w=25.0))
    jobs = waiting(key(), *((str(at), 5) for at in range(7)))
    decided = plan(world(slices, [jobs]), policy)
    assert len(decided.starts) == 1  # 7 at rest draw 25 W; each that works 46.4 W more


def test_jobs_without_cards_start_whatever_the_cards_draw():
    policy = Policy(power=Power(budget_w=10.0, idle_w=25.0))
    assert len(plan(world(cards(4), [waiting(key(gpus=0), ("job", 5))]), policy).starts) == 1


def test_a_job_that_alone_is_too_much_is_impossible_and_with_a_cap_it_is_not():
    host, power = Host(cpu_cores=8, memory_mb=1000), Power(budget_w=800.0, idle_w=25.0)
    (found,) = impossible(Shape(gpus=3), cards(4), host, power)
    assert (found.resource, found.wanted, found.most) == ("gpu_power_w", 1075, 800)
    assert impossible(Shape(gpus=3, gpu_power_w=250), cards(4), host, power) == ()
    assert impossible(Shape(gpus=2), cards(4), host, power) == ()
    assert impossible(Shape(gpus=4), cards(4), host) == ()


def test_the_moment_power_comes_free_is_when_the_job_is_promised_its_start():
    policy = Policy(power=Power(budget_w=400.0, idle_w=25.0))
    box = world(cards(2), [waiting(key(time_limit_s=600), ("first", 9)), waiting(key("bob"), ("next", 5))])
    decided = plan(box, policy)
    assert [start.lease.job for start in decided.starts] == ["first"]
    (kept,) = decided.reservations
    assert (kept.job, kept.start_at) == ("next", NOW + 600)
    (reason,) = kept.reasons
    assert (reason.code, reason.wanted_w, reason.free_w, reason.budget_w) == ("POWER_BUDGET", 325.0, 25.0, 400.0)


def test_a_sharer_is_let_on_a_card_that_works_already_where_another_may_not_be_switched_on_yet():
    box = (card(0, power_w=350.0), card(1, power_w=200.0, memory_mb=24_000), card(2, power_w=350.0))
    of = key(share=True, gpu_memory_mb=10_000)
    leases = [lease("sharer", of, 0, left=100.0), lease("whole", key("cleo", "language"), 2, left=1000.0)]
    pending = [waiting(replace(of, owner=key("bob").owner), ("job", 5))]
    budget = Policy(power=Power(budget_w=825.0, idle_w=25.0))
    (start,) = plan(world(box, pending, leases), budget).starts  # 100 s from now the card of least power could start
    assert start.lease.gpus == ("GPU-0",)


def test_a_card_that_strangers_work_on_counts_as_one_in_use():
    box = (card(0, power_w=350.0), card(1, power_w=350.0, memory_used_mb=20_000, strangers=1))
    policy = Policy(power=Power(budget_w=400.0, idle_w=25.0))
    decided = plan(world(box, [waiting(key(), ("job", 5))]), policy)
    assert decided.starts == ()
    (reason,) = decided.holds[0].reasons
    assert (reason.code, reason.wanted_w, reason.free_w) == ("POWER_BUDGET", 325.0, 25.0)
    assert plan(world(box[:1], [waiting(key(), ("job", 5))]), policy).starts != ()
