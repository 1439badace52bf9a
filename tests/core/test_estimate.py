"""Expected run times: which runs decide, how they are summed up, how long a run that outlasts them is taken to last."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.estimate import (
    LEAST_RUNS,
    LEAST_S,
    MOST_ALIKE,
    MOST_KINDS,
    OVERDUE_S,
    WINDOW,
    History,
    foreseen_end,
    latest_end,
    quantile,
)
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape, kind_of
from engine.core.snapshot import Lease

LIMIT_S = 36_000


def key(kind="train", account="ann", **shape):
    owner = Owner(account=AccountName(account), group=GroupName("bio"))
    of = Shape(**{"gpus": 1, "time_limit_s": LIMIT_S, **shape})
    return GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=of, kind=kind)


def taught(of, *runs, part=0.5):
    history = History(part)
    for ran_s in runs:
        history.add(of, ran_s)
    return history


def lease(run_s, started_at=1000.0, ending=False):
    end = started_at + run_s
    return Lease(job=JobId("1"), key=key(), gpus=(), started_at=started_at, expected_end=end, ending=ending)


@pytest.mark.parametrize(("part", "expected"), [(0, 1), (0.5, 3), (0.25, 2), (0.9, 4.6), (1, 5)])
def test_quantiles_lie_between_the_closest_ranks(part, expected):
    assert quantile([5, 1, 4, 2, 3], part) == pytest.approx(expected)


def test_too_few_runs_conclude_nothing():
    assert taught(key(), *[100.0] * (LEAST_RUNS - 1)).estimate(key()) is None
    assert taught(key(), *[100.0] * LEAST_RUNS).estimate(key()).run_s == 100.0


@pytest.mark.parametrize(("part", "expected"), [(0.0, 100.0), (0.5, 300.0), (1.0, 800.0)])
def test_the_quantile_asked_for_is_expected(part, expected):
    found = taught(key(), 800.0, 100.0, 300.0, part=part).estimate(key())
    assert (found.run_s, found.runs, found.alike) == (expected, 3, True)


def test_a_learnt_run_changes_what_was_told_before():
    history = taught(key(), 100.0, 100.0, 100.0)
    assert history.estimate(key()).run_s == 100.0
    history.add(key(), 500.0)
    history.add(key(), 500.0)
    history.add(key(), 500.0)
    assert history.estimate(key()).run_s == 300.0


def test_the_same_kind_and_shape_decide_then_parts_of_the_limit_by_gpus_then_of_all():
    history = taught(key(), *[3600.0] * 5)
    history.add(key(kind="other", gpus=4, time_limit_s=1000), 1000.0)
    assert history.estimate(key()).alike
    narrow = history.estimate(key(kind="new", time_limit_s=1000))
    assert (narrow.run_s, narrow.runs, narrow.alike) == (100.0, 5, False)
    wide = history.estimate(key(gpus=2, time_limit_s=1000))
    assert (wide.run_s, wide.runs, wide.alike) == (100.0, 6, False)
    assert history.estimate(key(account="bob")) is None


def test_jobs_without_a_known_kind_go_by_all_kinds_of_their_shape():
    history = taught(key(kind="a"), 100.0, 100.0)
    history.add(key(kind="b"), 400.0)
    assert history.estimate(key(kind="")).run_s == 100.0
    assert history.estimate(key(kind="")).alike


def test_priority_group_and_array_make_no_difference():
    history = taught(key(), *[100.0] * 3)
    owner = Owner(account=AccountName("ann"), group=GroupName("chem"))
    assert history.estimate(replace(key(), priority=9, preemptible=True, owner=owner)).alike


def test_only_the_last_runs_count():
    history = taught(key(), *[30_000.0] * WINDOW, *[200.0] * WINDOW)
    found = history.estimate(key())
    assert (found.run_s, found.runs) == (200.0, WINDOW)


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=8), st.integers(60, 100_000), st.floats(0, 1))
def test_never_above_the_limit_nor_under_the_least(runs, limit_s, part):
    history = taught(key(), *runs, part=part)
    for asked in (key(), key(kind="", time_limit_s=limit_s), key(gpus=3, time_limit_s=limit_s)):
        assert min(LEAST_S, asked.shape.time_limit_s) <= history.estimate(asked).run_s <= asked.shape.time_limit_s


def test_a_limit_under_the_least_is_kept():
    assert taught(key(), *[1.0] * 3).estimate(key(time_limit_s=10)).run_s == 10.0


def test_a_kind_is_known_while_it_is_among_the_last_of_its_account():
    history = taught(key(kind="old"), 100.0)
    history.add(key(kind="bobs", account="bob"), 100.0)
    assert history.knows("ann", "old")
    assert not history.knows("bob", "old")
    assert not history.knows("ann", "")
    for number in range(MOST_KINDS):
        history.add(key(kind=f"kind {chr(1000 + number)}"), 100.0)
    assert not history.knows("ann", "old")
    assert history.knows("bob", "bobs")


def test_what_was_not_seen_for_long_is_forgotten_what_ran_again_is_not():
    history = taught(key(kind="kept"), *[100.0] * 3)
    for number in range(MOST_ALIKE):
        history.add(key(kind="", time_limit_s=100_000 + number), 1000.0)
        if number == MOST_ALIKE // 2:
            history.add(key(kind="kept"), 100.0)
    assert history.estimate(key(kind="kept")).alike
    for number in range(MOST_ALIKE):
        history.add(key(kind="", time_limit_s=300_000 + number), 1000.0)
    assert not history.estimate(key(kind="kept")).alike


def test_names_that_differ_in_numbers_are_of_one_kind():
    assert kind_of("train-017") == kind_of("train-8") != kind_of("test-8")
    assert kind_of(None) == kind_of("") == ""


def test_an_outlasted_run_is_expected_to_take_twice_as_long_and_again():
    of = lease(1000.0)
    assert foreseen_end(of, 1500.0) == 2000.0
    assert foreseen_end(of, 2000.0) == 3000.0
    assert foreseen_end(of, 3000.0) == 5000.0
    assert foreseen_end(of, 8999.0) == 9000.0


def test_its_limit_is_never_passed_and_then_it_is_about_to_end():
    of = lease(LIMIT_S - 10.0)
    assert foreseen_end(of, 1000.0 + LIMIT_S - 5) == of.limit_end
    assert foreseen_end(of, of.limit_end + 7) == of.limit_end + 7 + OVERDUE_S


@given(st.floats(1, LIMIT_S), st.floats(0, 2 * LIMIT_S), st.floats(0, 1000))
def test_a_foreseen_end_lies_ahead_within_the_limit_and_never_comes_nearer(run_s, elapsed_s, later_s):
    of = lease(run_s)
    now = of.started_at + elapsed_s
    end = foreseen_end(of, now)
    assert end > now
    assert end <= max(of.limit_end, now + OVERDUE_S)
    assert end <= latest_end(of, now)
    assert foreseen_end(of, now + later_s) >= end


def test_a_run_that_was_told_to_stop_ends_with_its_grace():
    of = lease(30.0, ending=True)
    assert foreseen_end(of, 1010.0) == latest_end(of, 1010.0) == 1030.0
    assert foreseen_end(of, 1031.0) == 1031.0 + OVERDUE_S
