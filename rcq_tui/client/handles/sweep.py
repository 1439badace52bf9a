"""Many jobs as plain code holds them: `AsyncSweep`, each step waited for. Must not know how a sweep works."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

from engine.protocol.responses import JobRow
from rcq_tui.client.handles.asyncsweep import AsyncSweep
from rcq_tui.client.handles.job import Job
from rcq_tui.client.handles.outcome import Outcome, Refusal
from rcq_tui.client.handles.pictures import counted, sweep_text
from rcq_tui.client.handles.portal import Portal


class Sweep(Sequence[Job]):
    """Jobs in the order in which they were asked for. ^C in a wait leaves them running."""

    def __init__(self, portal: Portal, sweep: AsyncSweep) -> None:
        self._portal = portal
        self._sweep = sweep
        self.jobs = tuple(Job(portal, job) for job in sweep)
        self._by_id = {job.id: job for job in self.jobs}

    @property
    def name(self) -> str:
        """What they are called together: the key of a `map`."""
        return self._sweep.name

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What was asked for and not taken in."""
        return self._sweep.refusals

    def __len__(self) -> int:
        return len(self.jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self.jobs)

    @overload
    def __getitem__(self, at: int) -> Job: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Job]: ...
    def __getitem__(self, at: int | slice) -> Job | Sequence[Job]:
        return self.jobs[at]

    def check_taken(self) -> None:
        """Raises Refused for the first that was not taken in, if there is one."""
        self._sweep.check_taken()

    def wait(self, timeout: float | None = None, *, check: bool = False) -> list[Outcome]:
        """How each ended, in order, once all have. timeout: seconds.

        Raises NotOver when the time is up (jobs go on), and if check Refused for the first that was not taken in, or
        JobFailed for the first that has not completed.
        """
        return self._portal.run(self._sweep.wait(timeout, check=check))

    def as_completed(self, timeout: float | None = None) -> Iterator[Job]:
        """Each as it ends, however it does: `outcome` of it says how. Raises NotOver when the time is up."""
        for job in self._portal.each(lambda: self._sweep.as_completed(timeout)):
            yield self._by_id[job.id]

    def refresh(self) -> list[JobRow]:
        """The row of each as it is now, in order, with a request for each thousand; `state` of each is true then."""
        return self._portal.run(self._sweep.refresh())

    def states(self) -> dict[str, int]:
        """How many are in each state now."""
        return self._portal.run(self._sweep.states())

    def failed(self) -> list[Job]:
        """Those that have ended and not completed, as of now."""
        return [self._by_id[job.id] for job in self._portal.run(self._sweep.failed())]

    def cancel(self) -> int:
        """End all that have not ended; how many those were."""
        return self._portal.run(self._sweep.cancel())

    def to_dicts(self) -> list[dict[str, Any]]:
        """A row for each, as `pandas.DataFrame` takes them: its parameters, then what became of it so far.

        A parameter with the name of a field is `parameter_NAME`. Times are Unix seconds, run_s is seconds.
        """
        return self._portal.run(self._sweep.to_dicts())

    def __repr__(self) -> str:
        return sweep_text(type(self).__name__, self.name, counted(job.state for job in self.jobs), len(self.refusals))

    def _repr_html_(self) -> str:
        return self._sweep._repr_html_()
