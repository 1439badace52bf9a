"""Accuracy of estimates and promises, preemptions, and how alike groups fared: worked out by hand."""

import pytest
from worlds import key

from engine.core.measures import measure
from engine.core.trace import Ran, TraceJob

CARD_MB = 49_140


def ran(job, *, group="vision", submit=0.0, start=0.0, run=100.0, gpus=1, **more):
    of = key("ann", group, gpus=gpus)
    return Ran(
        job=TraceJob(job=job, key=of, submit_s=submit, runtime_s=run), start_s=start, end_s=start + run, gpus=(), **more
    )


def measured(*schedule):
    return measure(schedule, 4, CARD_MB)


def test_estimates_against_real_runs():
    found = measured(
        ran("1", expected_s=50.0), ran("2", expected_s=100.0), ran("3", expected_s=400.0), ran("4", expected_s=300.0)
    )
    assert found.estimate_ratio_mean == pytest.approx((0.5 + 1 + 4 + 3) / 4)
    assert found.estimate_ratio_median == pytest.approx(2.0)
    assert found.estimate_under == 0.25  # one that is just right did not outrun it


def test_an_estimate_for_a_run_of_no_length_is_told_against_a_second():
    assert measured(ran("1", run=0.0, expected_s=60.0)).estimate_ratio_mean == 60.0


def test_first_and_last_promises_against_real_starts():
    found = measured(
        ran("late", start=1000.0, first_promise_s=400.0, last_promise_s=900.0),
        ran("early", start=1000.0, first_promise_s=1200.0, last_promise_s=1000.0),
        ran("never promised", start=5000.0),
    )
    assert found.promised == 2
    assert (found.first_promise_error_mean_s, found.first_promise_error_median_s) == (400.0, 400.0)
    assert found.first_promise_error_p95_s == pytest.approx(200.0 + 0.95 * 400.0)
    assert (found.last_promise_error_mean_s, found.last_promise_error_p95_s) == (50.0, pytest.approx(95.0))
    assert (found.first_promise_late, found.last_promise_late) == (0.5, 0.5)


def test_nothing_promised_is_no_error():
    found = measured(ran("1"))
    assert (found.promised, found.first_promise_error_p95_s, found.last_promise_late) == (0, 0.0, 0.0)


def test_preemptions_are_the_starts_beyond_the_first():
    assert measured(ran("1", attempts=3), ran("2"), ran("3", attempts=2)).preemptions == 3


def test_jain_counts_gpu_time_of_groups_up_to_the_last_arrival():
    alike = measured(ran("1", group="a", gpus=2), ran("2", group="b", run=200.0), ran("3", submit=1000.0, gpus=0))
    assert alike.groups_jain == pytest.approx(400.0**2 / (3 * (200.0**2 + 200.0**2)))
    cut = measured(ran("1", group="a"), ran("2", group="b", start=50.0, submit=100.0))
    assert cut.groups_jain == pytest.approx(150.0**2 / (2 * (100.0**2 + 50.0**2)))
