"""Shares and guarantees over simulated days: who got how much of the box."""

import random
from collections import Counter

import pytest
from worlds import HOUR, card, key

from engine.core.model import GroupName, JobId
from engine.core.policy import Policy
from engine.core.simulate import simulate
from engine.core.snapshot import GroupTerms, Host
from engine.core.trace import Box, TraceJob

WEEK = 7 * 24 * HOUR
CARDS = 8
PLAIN = Policy(shortness=0.0, starvation_bound_s=10 * WEEK)
"""Shares decide: with a shortness, who has shorter jobs gets more."""


def box(groups, cards=CARDS):
    return Box(
        gpus=tuple(card(at) for at in range(cards)),
        host=Host(cpu_cores=256, memory_mb=1_000_000),
        groups={GroupName(name): terms for name, terms in groups.items()},
    )


def always(accounts, lengths_h, seed):
    """More jobs than a week can hold, of (account, group), in single file of lengths drawn for each account."""
    chance, trace = random.Random(seed), []
    each = int(1.5 * CARDS * WEEK / HOUR / (sum(lengths_h) / len(lengths_h)) / len(accounts))
    for account, group in accounts:
        for number in range(each):
            hours = chance.choice(lengths_h)
            of = key(account, group, time_limit_s=int(hours * HOUR))
            trace.append(TraceJob(job=JobId(f"{account}{number:04}"), key=of, submit_s=0.0, runtime_s=hours * HOUR))
    return trace


def used(trace, machine, policy, until, by):
    """The part of all GPU time up to `until` that each had."""
    total = Counter()
    for ran in simulate(trace, machine, policy):
        if ran.start_s >= until:
            break
        total[by(ran.job.key.owner)] += len(ran.gpus) * (min(ran.end_s, until) - ran.start_s)
    return {name: 100 * of / sum(total.values()) for name, of in total.items()}


SHARES = {"red": 50.0, "green": 30.0, "blue": 20.0}


def test_three_groups_that_always_want_more_get_their_shares_within_two_points():
    """Red has one account, green two, blue three; jobs take one to four hours."""
    accounts = [("r1", "red"), ("g1", "green"), ("g2", "green"), ("b1", "blue"), ("b2", "blue"), ("b3", "blue")]
    machine = box({name: GroupTerms(share=share) for name, share in SHARES.items()})
    trace = [of for group in SHARES for of in always([a for a in accounts if a[1] == group], (1, 2, 3, 4), group)]
    parts = used(trace, machine, PLAIN, WEEK, lambda owner: owner.group)
    assert parts == {name: pytest.approx(share, abs=2.0) for name, share in SHARES.items()}


def test_who_has_long_jobs_gets_no_more_than_who_has_short_ones():
    machine = box({"long": GroupTerms(share=1.0), "short": GroupTerms(share=1.0)})
    trace = [*always([("l1", "long")], (8,), 1), *always([("s1", "short")], (1,), 2)]
    parts = used(trace, machine, PLAIN, WEEK, lambda owner: owner.group)
    assert parts == {"long": pytest.approx(50, abs=2.0), "short": pytest.approx(50, abs=2.0)}


def back_at(*, borrowers):
    """Vision may have three of four cards and was away; it comes back at ten hours: when it has its cards again."""
    machine = box({"vision": GroupTerms(guarantee_gpus=3), "language": GroupTerms()}, cards=4)
    mine = key("ann", "vision", time_limit_s=int(HOUR))
    lent = key("cleo", "language", time_limit_s=int(48 * HOUR), preemptible=borrowers)
    # they are started anew shortly before vision is back
    trace = [
        TraceJob(job=JobId(f"lent{at}"), key=lent, submit_s=10 * HOUR - 60, runtime_s=40 * HOUR) for at in range(4)
    ]
    trace += [TraceJob(job=JobId(f"mine{at}"), key=mine, submit_s=10 * HOUR, runtime_s=HOUR) for at in range(3)]
    ran = {of.job.job: of for of in simulate(trace, machine, Policy())}
    return [ran[f"mine{at}"].start_s - 10 * HOUR for at in range(3)], ran


def test_a_group_that_was_away_has_its_cards_back_within_the_minimum_run_time():
    waits, ran = back_at(borrowers=True)
    terms = Policy().preemption
    assert min(waits) > 0
    assert max(waits) <= terms.min_run_s + terms.grace_s
    assert sorted(of.attempts for name, of in ran.items() if name.startswith("lent")) == [1, 2, 2, 2]


def test_borrowers_that_may_not_be_stopped_keep_their_cards():
    waits, _ = back_at(borrowers=False)
    assert min(waits) > HOUR
