"""How a job ended, and the errors that handles of jobs raise. Must not know how anything is waited for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.protocol.errors import RcqError, Refused
from engine.protocol.responses import JobRow
from rcq_tui.viewmodel.formats import duration
from rcq_tui.viewmodel.states import FINISHED
from rcq_tui.viewmodel.text import clean


class JobFailed(RcqError):
    """A job that was to complete has ended in another way: `outcome` says how, `job` is its id.

    RcqError
    ├── Refused         the engine said no: `code`, `message`, `details`, `retry_after_s`
    ├── Unreachable     no engine answers
    ├── JobFailed       asked to check, and the job failed or was cancelled
    └── NotOver         a wait's time is up (a TimeoutError, too); the jobs go on
    """

    def __init__(self, outcome: "Outcome") -> None:
        see = f"See: rcq logs {outcome.id} --stderr"
        super().__init__(f"job {outcome.id} {outcome.state}: {outcome.how}. {see}")
        self.outcome = outcome
        self.job = outcome.id

    def __reduce__(self) -> tuple[type["JobFailed"], tuple["Outcome"]]:
        return type(self), (self.outcome,)


class NotOver(RcqError, TimeoutError):
    """A wait's time is up; jobs: the ids of those that go on."""

    def __init__(self, jobs: tuple[int, ...], timeout_s: float) -> None:
        who = f"job {jobs[0]} is" if len(jobs) == 1 else f"{len(jobs)} jobs are"
        super().__init__(f"after {timeout_s:g} s {who} not over; what waits or runs goes on")
        self.jobs = jobs
        self.timeout_s = timeout_s

    def __reduce__(self) -> tuple[type["NotOver"], tuple[tuple[int, ...], float]]:
        return type(self), (self.jobs, self.timeout_s)


@dataclass(slots=True, frozen=True, kw_only=True)
class Outcome:
    """How a job ended. Times are Unix seconds; started_at is `None` where it never ran, cause where it completed.

    exit_code, signal: of its last attempt, `None` where it had none. parameters: what a sweep gave it.
    """

    id: int
    name: str | None
    state: str
    cause: str | None
    exit_code: int | None
    signal: int | None
    submitted_at: float
    started_at: float | None
    ended_at: float | None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it completed."""
        return self.state == "completed"

    @property
    def run_s(self) -> float | None:
        """Seconds that its last attempt ran."""
        if self.started_at is None or self.ended_at is None:
            return None
        return max(0.0, self.ended_at - self.started_at)

    @property
    def how(self) -> str:
        """The end in a word or two: `exit 3`, `signal 9`, `time-limit`."""
        if self.exit_code is not None and self.cause in {"exit", None}:
            return f"exit {self.exit_code}"
        if self.cause == "signal" and self.signal is not None:
            return f"signal {self.signal}"
        return clean(self.cause or self.state)

    def check(self) -> "Outcome":
        """Itself. Raises JobFailed unless it completed."""
        if not self.ok:
            raise JobFailed(self)
        return self

    def __str__(self) -> str:
        ran = "" if self.run_s is None else f" after {duration(self.run_s)}"
        return f"job {self.id} {clean(self.state)}: {self.how}{ran}"


@dataclass(slots=True, frozen=True, kw_only=True)
class Refusal:
    """A job of a sweep that was not taken in. index: its place in what was asked for, from 0."""

    index: int
    parameters: Mapping[str, Any]
    code: str
    message: str
    details: tuple[Mapping[str, Any], ...] = ()

    def error(self) -> Refused:
        """The same as an error, to be raised."""
        return Refused(self.code, self.message, [dict(one) for one in self.details])


def outcome_of(row: JobRow, parameters: Mapping[str, Any]) -> Outcome | None:
    """How the job of this row ended; `None` before that."""
    if row.state not in FINISHED:
        return None
    return Outcome(
        id=row.id,
        name=row.name,
        state=row.state,
        cause=row.cause,
        exit_code=row.exit_code,
        signal=row.signal,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        parameters=parameters,
    )
