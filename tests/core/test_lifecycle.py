"""States and steps of a job."""

import pytest

from engine.core.lifecycle import LEASED, STEPS, TERMINAL, WAITING, Cause, JobState, may_step, outcome


def test_every_state_has_its_steps_and_its_class():
    assert set(STEPS) == set(JobState)
    assert set(JobState) == WAITING | LEASED | TERMINAL
    assert not (WAITING & LEASED or LEASED & TERMINAL or WAITING & TERMINAL)


def test_what_has_ended_can_only_be_requeued():
    for final in TERMINAL:
        assert [state for state in JobState if may_step(final, state)] == [JobState.PENDING]


def test_a_lease_may_end_in_every_way_even_before_it_ran():
    for leased in LEASED:
        assert all(may_step(leased, final) for final in TERMINAL)


def test_nothing_runs_without_having_been_scheduled():
    assert [before for before in JobState if may_step(before, JobState.RUNNING)] == [JobState.SCHEDULED]


@pytest.mark.parametrize(
    ("cause", "code", "state"),
    [
        (Cause.EXIT, 0, JobState.COMPLETED),
        (Cause.EXIT, 3, JobState.FAILED),
        (Cause.SIGNAL, None, JobState.FAILED),
        (Cause.TIME_LIMIT, None, JobState.FAILED),
        (Cause.TIME_LIMIT, 0, JobState.FAILED),
        (Cause.CANCELLED, 0, JobState.CANCELLED),
        (Cause.LAUNCH_ERROR, None, JobState.FAILED),
        (Cause.PREEMPTED, None, JobState.PREEMPTED),
        (Cause.PREEMPTED, 3, JobState.PREEMPTED),
    ],
)
def test_outcome(cause, code, state):
    assert outcome(cause, code) is state
