"""The states of a job, why it ended, and which step may follow which.

Pure. This module must not know who asks for a step or how it is recorded.
"""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands. The last four are terminal, until the job is requeued."""

    HELD = "held"
    PENDING = "pending"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"


class Cause(StrEnum):
    """Why a job reached its terminal state."""

    EXIT = "exit"
    SIGNAL = "signal"
    TIME_LIMIT = "time-limit"
    OUT_OF_MEMORY = "out-of-memory"
    GPU_OUT_OF_MEMORY = "gpu-out-of-memory"
    GPU_FAULT = "gpu-fault"
    DEPENDENCY = "dependency"
    HOST_REBOOT = "host-reboot"
    LAUNCH_ERROR = "launch-error"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"


WAITING = frozenset({JobState.HELD, JobState.PENDING})
LEASED = frozenset({JobState.SCHEDULED, JobState.RUNNING})
TERMINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.PREEMPTED})

STEPS: dict[JobState, frozenset[JobState]] = {
    JobState.HELD: frozenset({JobState.PENDING, JobState.CANCELLED, JobState.FAILED}),
    JobState.PENDING: frozenset({JobState.HELD, JobState.SCHEDULED, JobState.CANCELLED, JobState.FAILED}),
    JobState.SCHEDULED: frozenset({JobState.RUNNING, JobState.PENDING}) | TERMINAL,
    JobState.RUNNING: frozenset({JobState.PENDING}) | TERMINAL,
    JobState.PREEMPTED: frozenset({JobState.PENDING}),
    JobState.COMPLETED: frozenset({JobState.PENDING}),
    JobState.FAILED: frozenset({JobState.PENDING}),
    JobState.CANCELLED: frozenset({JobState.PENDING}),
}
"""Every step that may happen. What has ended goes back to pending for a retry, or because somebody requeues it."""


def may_step(before: JobState, after: JobState) -> bool:
    """Whether a job in `before` may be put into `after`."""
    return after in STEPS[before]


def outcome(cause: Cause, exit_code: int | None) -> JobState:
    """The terminal state that follows from how a run ended: exit 0 is `completed`, all else has failed.

    So is an exit whose code nobody could see, of a process that rcq did not start.
    """
    if cause is Cause.CANCELLED:
        return JobState.CANCELLED
    if cause is Cause.PREEMPTED:
        return JobState.PREEMPTED
    if cause is Cause.EXIT and not exit_code:
        return JobState.COMPLETED
    return JobState.FAILED
