"""What the end of an attempt means for its job: has it ended, or does it go on to the next attempt?

Pure. Must not know how anything is written down, queued or stopped.
"""

from dataclasses import dataclass

from engine.bookkeeping import Ended, Moved, NewJob
from engine.core.lifecycle import Cause, JobState, outcome
from engine.daemon.books import Live
from engine.ports import Ending
from engine.protocol.fields import runs_once

MOST_MESSAGE = 500
"""Characters of what an ending tells that are kept."""

RETRIED = frozenset(
    {
        Cause.EXIT,
        Cause.SIGNAL,
        Cause.OUT_OF_MEMORY,
        Cause.GPU_OUT_OF_MEMORY,
        Cause.GPU_FAULT,
        Cause.HOST_REBOOT,
        Cause.LAUNCH_ERROR,
    }
)
"""Failures after which a job with retries left is tried again. Its time limit is a setting's matter."""

STOPPED_FOR = frozenset({Cause.GPU_FAULT, Cause.GPU_OUT_OF_MEMORY})
"""Causes for which the engine stops a job by itself: what it said then is told of the end."""

GOES_ON = "; it goes on as its next attempt"
"""How everything begins that is said, behind why a job was stopped, of what becomes of it then."""

UNTOLD = frozenset({Cause.SIGNAL, Cause.HOST_REBOOT})
"""What is said of an attempt that nobody could see end: then the reason for which it was told to stop is nearer."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Aftermath:
    """How the attempt ended, and what moves its job on; `again` is `None` where the job has ended with it.

    rewritten: what it asks for from then on, if that is another request.
    """

    ended: Ended
    again: Moved | None = None
    rewritten: NewJob | None = None


def aftermath(live: Live, ending: Ending, *, retry_time_limit: bool = False) -> Aftermath:
    """What becomes of the job. retry_time_limit: what its time limit ended counts as a failure to try again."""
    cause = _cause(live, ending)
    ended = Ended(
        job=live.job,
        state=outcome(cause, ending.exit_code),
        cause=cause,
        exit_code=ending.exit_code,
        signal=ending.signal,
        started_at=ending.started_at,
        ended_at=ending.ended_at,
        message=_message(live, ending, cause),
        node=ending.node,
        gpus=ending.gpus,
    )
    return Aftermath(ended=ended, again=_again(live, ended, retry_time_limit))


def _cause(live: Live, ending: Ending) -> Cause:
    """The executor keeps the first cause it was told, and may have missed the end; the books know the last one."""
    told = ending.cause
    if live.stopping is not None and (told in UNTOLD or told is Cause.PREEMPTED):
        told = live.stopping
    if told is Cause.PREEMPTED and ending.exit_code == 0:
        return Cause.EXIT  # it says that all is done: there is nothing to go on with
    return told


def _message(live: Live, ending: Ending, cause: Cause) -> str | None:
    if cause is Cause.PREEMPTED or (live.stop_message and cause in STOPPED_FOR and cause is live.stopping):
        told = live.stop_message
        return told.partition(GOES_ON)[0] if told and runs_once(live.fields) else told
    return ending.message[:MOST_MESSAGE] if ending.message else None


def _again(live: Live, ended: Ended, retry_time_limit: bool) -> Moved | None:
    if runs_once(live.fields):
        return None
    if ended.state is JobState.PREEMPTED:
        place = max(live.submitted_at, ended.ended_at) if live.to_end else None
        return Moved(job=live.job, state=JobState.PENDING, submitted_at=place, message=ended.message)
    retries = live.fields.retries if live.fields else 0
    retried = ended.cause in RETRIED or (ended.cause is Cause.TIME_LIMIT and retry_time_limit)
    if ended.state is not JobState.FAILED or not retried or live.cancelled or live.failures >= retries:
        return None
    failures = live.failures + 1
    told = f"attempt {live.attempt} failed ({_how(ended)}); retry {failures} of {retries}"
    return Moved(job=live.job, state=JobState.PENDING, failures=failures, message=told)


def _how(ended: Ended) -> str:
    if ended.cause is Cause.EXIT:
        return f"exit {ended.exit_code}"
    if ended.cause is Cause.SIGNAL and ended.signal is not None:
        return f"signal {ended.signal}"
    return ended.cause.value
