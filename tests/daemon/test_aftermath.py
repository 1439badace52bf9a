"""What the end of an attempt means for its job: which causes are retried, which preempted, who has the last word."""

import pytest

from engine.core.lifecycle import Cause, JobState
from engine.core.model import JobId
from engine.core.snapshot import Lease
from engine.daemon.aftermath import aftermath
from engine.daemon.books import Live
from engine.protocol.fields import JobFields


@pytest.fixture
def live(key):
    def make(retries=0, **values):
        lease = Lease(job=JobId("1"), key=key(), gpus=(), started_at=1.0, expected_end=2.0)
        return Live(lease=lease, fields=JobFields(retries=retries), **{"attempt": 1, **values})

    return make


FAILURES = {
    Cause.EXIT: True,
    Cause.SIGNAL: True,
    Cause.OUT_OF_MEMORY: True,
    Cause.GPU_OUT_OF_MEMORY: True,
    Cause.GPU_FAULT: True,
    Cause.HOST_REBOOT: True,
    Cause.LAUNCH_ERROR: True,
    Cause.TIME_LIMIT: False,
    Cause.DEPENDENCY: False,
    Cause.CANCELLED: False,
}


def test_every_cause_is_one_that_was_thought_of():
    assert set(FAILURES) | {Cause.PREEMPTED} == set(Cause)


@pytest.mark.parametrize(("cause", "retried"), FAILURES.items())
def test_which_failures_are_tried_again(live, ending, cause, retried):
    found = aftermath(live(retries=1), ending(1, 3, cause=cause))
    assert (found.again is not None) == retried
    if retried:
        assert (found.again.state, found.again.failures) == (JobState.PENDING, 1)
        assert "retry 1 of 1" in found.again.message


def test_the_time_limit_is_a_settings_matter(live, ending):
    end = ending(1, None, cause=Cause.TIME_LIMIT, signal=15)
    assert aftermath(live(retries=1), end, retry_time_limit=True).again.failures == 1


def test_retries_run_out_and_a_good_end_needs_none(live, ending):
    assert aftermath(live(retries=2, failures=1), ending(1, 3)).again.failures == 2
    assert aftermath(live(retries=2, failures=2), ending(1, 3)).again is None
    assert aftermath(live(), ending(1, 3)).again is None
    assert aftermath(live(retries=2), ending(1, 0)).again is None


def test_who_was_preempted_goes_on_and_that_is_no_failure(live, ending):
    told = live(stopping=Cause.PREEMPTED, stop_message="for another", failures=1)
    found = aftermath(told, ending(1, None, cause=Cause.PREEMPTED, signal=15))
    assert (found.ended.state, found.ended.cause) == (JobState.PREEMPTED, Cause.PREEMPTED)
    assert (found.again.failures, found.again.submitted_at, found.again.message) == (None, None, "for another")


def test_who_says_in_its_grace_that_all_is_done_is_done(live, ending):
    found = aftermath(live(stopping=Cause.PREEMPTED), ending(1, 0, cause=Cause.PREEMPTED))
    assert (found.ended.state, found.ended.cause, found.again) == (JobState.COMPLETED, Cause.EXIT, None)
    found = aftermath(live(stopping=Cause.PREEMPTED), ending(1, 3, cause=Cause.PREEMPTED))
    assert found.ended.state is JobState.PREEMPTED


def test_a_cancel_during_the_grace_wins(live, ending):
    found = aftermath(live(stopping=Cause.CANCELLED, retries=3), ending(1, None, cause=Cause.PREEMPTED, signal=15))
    assert (found.ended.state, found.ended.cause, found.again) == (JobState.CANCELLED, Cause.CANCELLED, None)


def test_a_cancelled_job_that_fails_by_itself_first_is_not_tried_again(live, ending):
    found = aftermath(live(stopping=Cause.CANCELLED, retries=3), ending(1, 3))
    assert (found.ended.state, found.again) == (JobState.FAILED, None)


@pytest.mark.parametrize("cause", [Cause.SIGNAL, Cause.HOST_REBOOT])
@pytest.mark.parametrize(
    ("stopping", "state"), [(Cause.PREEMPTED, JobState.PREEMPTED), (Cause.CANCELLED, JobState.CANCELLED)]
)
def test_of_an_end_that_nobody_saw_the_books_know_the_reason(live, ending, cause, stopping, state):
    found = aftermath(live(stopping=stopping), ending(1, None, cause=cause, signal=9))
    assert found.ended.state is state
    assert (found.again is not None) == (state is JobState.PREEMPTED)


def test_a_job_that_could_not_be_looked_up_is_not_tried_again(live, ending):
    unknown = live()
    unknown.fields = None
    assert aftermath(unknown, ending(1, None, cause=Cause.LAUNCH_ERROR)).again is None


def test_a_job_in_the_foreground_has_one_attempt(live, ending):
    told = live(stopping=Cause.PREEMPTED, stop_message="attempt 1 was stopped; it goes on as its next attempt, later")
    told.fields = JobFields(foreground="/s")
    found = aftermath(told, ending(1, None, cause=Cause.PREEMPTED, signal=15))
    assert (found.ended.state, found.again) == (JobState.PREEMPTED, None)
    assert found.ended.message == "attempt 1 was stopped"
