"""Who is stopped for whom, whatever the box looks like: never in vain, never too many, never for ever."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import A100, A6000, acted, card, crowded, gone, key, lease, waiting, world

from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.preemption import base_priority

MANY = settings(max_examples=50, deadline=None)
STEPS = 60
"""More steps than any of these worlds takes to come to rest."""


def standing(snapshot):
    """Keys and cards of who is there once the victims have gone and the claimants have come."""
    held = [(of.key, len(of.gpus)) for of in snapshot.leases if not of.ending]
    return held + [(claim.key, len(claim.gpus)) for claim in snapshot.claims]


def entitled(snapshot):
    """E: the cards that groups hold of their guarantees, by group."""
    held = Counter()
    for of, gpus in standing(snapshot):
        held[of.owner.group] += gpus
    return {name: min(held[name], terms.guarantee_gpus) for name, terms in snapshot.groups.items()}


def measure(snapshot):
    """(E, V): cards held of guarantees; running jobs by base priority, highest first; then fewest claims open."""
    by_base = Counter(base_priority(of, snapshot) for of, _ in standing(snapshot))
    return sum(entitled(snapshot).values()), tuple(by_base[base] for base in range(20, 1, -1)), -len(snapshot.claims)


@MANY
@given(crowded())
def test_only_who_agreed_and_ran_the_minimum_is_stopped_and_only_by_a_rule(busy):
    snapshot, policy = busy
    decided = plan(snapshot, policy)
    victims = [preempt.victim for preempt in decided.preemptions]
    assert len({victim.job for victim in victims}) == len(victims)
    assert policy.preemption.enabled or not victims
    for preempt in decided.preemptions:
        victim, by = preempt.victim, preempt.by
        assert victim in snapshot.leases and victim.key.preemptible and not victim.ending
        assert snapshot.now - victim.started_at >= policy.preemption.min_run_s
        if preempt.rule == "priority":
            gap = base_priority(by.key, snapshot) - base_priority(victim.key, snapshot)
            assert gap >= policy.preemption.priority_gap
        else:
            assert preempt.rule == "reclaim" and victim.key.owner.group != by.key.owner.group


@MANY
@given(crowded())
def test_nobody_is_stopped_in_vain(busy):
    """Once the victims have gone, every job that they made way for starts at once on its cards."""
    snapshot, policy = busy
    decided = plan(snapshot, policy)
    then = gone(acted(snapshot, decided, policy))
    started = plan(then, policy).starts
    for claim in {preempt.by for preempt in decided.preemptions}:
        assert any(start.lease.key == claim.key and start.lease.gpus == claim.gpus for start in started)


@MANY
@given(crowded())
def test_guarantees_only_gain_and_only_borrowers_lose_of_theirs(busy):
    """Priority takes nothing of a guarantee; a reclaim gives more than it takes, and takes from borrowers."""
    snapshot, policy = busy
    decided = plan(snapshot, policy)
    before, after = entitled(snapshot), entitled(acted(snapshot, decided, policy))
    reclaims = [preempt for preempt in decided.preemptions if preempt.rule == "reclaim"]
    held = Counter()
    for of, gpus in standing(acted(snapshot, replace(decided, preemptions=()), policy)):
        held[of.owner.group] += gpus
    for group in (group for group, cards in before.items() if after[group] < cards):
        assert held[group] > snapshot.groups[group].guarantee_gpus
        assert any(preempt.victim.key.owner.group == group for preempt in reclaims)
    assert sum(after.values()) >= sum(before.values()) + bool(reclaims)


@MANY
@given(
    st.lists(st.tuples(st.sampled_from([1, 1, 2, 3]), st.integers(0, 4), st.booleans()), min_size=1, max_size=14),
    st.integers(1, 4),
    st.sampled_from([None, "a100"]),
)
def test_no_victim_is_superfluous(runs, gpus, gpu_type):
    """In a full box of two card types an urgent job takes some: with any one of its victims left it cannot start."""
    leases, at = [], 0
    for number, (width, hours, sharer) in enumerate(runs):
        of = key("ann", priority=1, preemptible=True, gpus=width)
        if sharer:
            of = key("ann", priority=1, preemptible=True, gpus=1, share=True, gpu_memory_mb=10_000)
        leases.append(lease(f"run {number}", of, *range(at, at + of.shape.gpus), ran=700.0 + 3600 * hours))
        at += of.shape.gpus
    cards = [card(index, A100 if index % 3 == 2 else A6000) for index in range(at)]
    policy = Policy()
    snapshot = world(
        cards, [waiting(key("cleo", "language", priority=10, gpus=gpus, gpu_type=gpu_type), ("urgent", 5))], leases
    )
    victims = [preempt.victim for preempt in plan(snapshot, policy).preemptions]
    fitting = len([gpu for gpu in cards if gpu_type is None or gpu.model == A100])
    assert bool(victims) == (fitting >= gpus)
    for spared in victims:
        left = [of for of in leases if of not in victims or of is spared]
        alone = replace(snapshot, leases=tuple(left))
        assert plan(alone, policy).starts == ()


@MANY
@given(crowded())
def test_planning_again_right_after_starts_and_stops_nothing_new(busy):
    snapshot, policy = busy
    again = plan(acted(snapshot, plan(snapshot, policy), policy), policy)
    assert again.starts == ()
    assert again.preemptions == ()


@MANY
@given(crowded(), st.integers(0, 2), st.sampled_from([0.0, 700.0]))
def test_it_comes_to_rest(busy, lag, tick):
    """No arrivals and no ends but those of victims, `lag` passes after they were told; they wait again.

    Each step that starts or stops anything makes (E, V) grow, so there is a last one. tick: seconds between passes.
    """
    snapshot, policy = busy
    grace = 0
    for _ in range(STEPS):
        decided = plan(snapshot, policy)
        before = measure(snapshot)
        then = acted(snapshot, decided, policy)
        if decided.starts or decided.preemptions:
            assert measure(then) > before
        elif not any(of.ending for of in then.leases):
            return
        if decided.preemptions:
            grace = lag
        elif grace:
            grace -= 1
        snapshot = replace(then if grace else gone(then), now=then.now + tick)
    raise AssertionError("it goes on and on")
