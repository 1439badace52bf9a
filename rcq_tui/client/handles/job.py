"""A job as plain code holds it: `AsyncJob`, each step waited for. Must not know how a job works."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.protocol.responses import JobDetail
from rcq_tui.client.handles.asyncjob import AsyncJob
from rcq_tui.client.handles.joblog import LAST_BYTES, Stream
from rcq_tui.client.handles.outcome import Outcome
from rcq_tui.client.handles.pictures import job_text
from rcq_tui.client.handles.portal import Portal


class Job:
    """One job of the engine. Every method that asks raises Refused or Unreachable. ^C in a wait leaves it running."""

    def __init__(self, portal: Portal, job: AsyncJob) -> None:
        self._portal = portal
        self._job = job

    @property
    def id(self) -> int:
        """The engine's id."""
        return self._job.id

    @property
    def name(self) -> str | None:
        """As of the last answer about it."""
        return self._job.name

    @property
    def state(self) -> str:
        """As of the last answer about it; `refresh` asks."""
        return self._job.state

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, as far as that was told."""
        return self._job.outcome

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What a sweep gave it."""
        return self._job.parameters

    def refresh(self) -> JobDetail:
        """Everything that one may see of it now."""
        return self._portal.run(self._job.refresh())

    def done(self) -> bool:
        """Whether it has ended."""
        return self._portal.run(self._job.done())

    def wait(self, timeout: float | None = None, *, check: bool = False) -> Outcome:
        """How it ended, once it has; it outlasts a restart of the engine. timeout: seconds; 0: one look.

        What is known of its end is not asked for again. Raises NotOver when the time is up (the job goes on), and if
        check JobFailed where it has not completed.
        """
        return self._portal.run(self._job.wait(timeout, check=check))

    def result(self, timeout: float | None = None) -> Outcome:
        """As `wait`, and a job that has not completed raises JobFailed."""
        return self._portal.run(self._job.result(timeout))

    def why(self) -> str:
        """Why it is where it is, in sentences, as `rcq why` says it."""
        return self._portal.run(self._job.why())

    def log(self, stream: Stream = "stdout", *, last_bytes: int = LAST_BYTES) -> str:
        """What it wrote so far; of a longer log its end. It is as the job wrote it: control characters, too."""
        return self._portal.run(self._job.log(stream, last_bytes=last_bytes))

    def follow(self, stream: Stream = "stdout") -> Iterator[str]:
        """Its lines without their ends, from the first on, as they come, until it has ended."""
        return self._portal.each(lambda: self._job.follow(stream))

    def results(self, to: str | Path) -> Path:
        """Fetch what it left as a ZIP: the file's path. to: its name, or the folder where it becomes `job-ID.zip`.

        Raises FileExistsError where there is one, and other OSErrors; then nothing is left there.
        """
        return self._portal.run(self._job.results(to))

    def unpack(self, to: str | Path) -> Path:
        """Fetch what it left as a new folder: its path. Raises FileExistsError where there is one, other OSErrors."""
        return self._portal.run(self._job.unpack(to))

    def cancel(self) -> bool:
        """End it; whether there was anything to end."""
        return self._portal.run(self._job.cancel())

    def hold(self) -> None:
        """Keep it from starting."""
        self._portal.run(self._job.hold())

    def release(self) -> None:
        """Let it go on."""
        self._portal.run(self._job.release())

    def requeue(self) -> None:
        """Run it again as its next attempt, under the same id."""
        self._portal.run(self._job.requeue())

    def __repr__(self) -> str:
        return job_text(type(self).__name__, self.id, self.name, self.state)

    def _repr_html_(self) -> str:
        return self._job._repr_html_()
