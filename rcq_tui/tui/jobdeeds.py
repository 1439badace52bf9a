"""What is done to jobs from any screen: asked about where it destroys something, then carried out and told.

Must not know which screen wishes it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from engine.protocol.errors import RcqError
from engine.protocol.responses import JobRow
from rcq_tui.tui.screens.confirm import ConfirmScreen, Question
from rcq_tui.viewmodel.details import cancel_question, place_lines
from rcq_tui.viewmodel.states import FINISHED
from rcq_tui.viewmodel.text import clean

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp

_QUESTION_CELLS = 52


class JobDeeds:
    """Acts on the jobs that it is given."""

    def __init__(self, desk: "RcqApp") -> None:
        self._desk = desk

    def cancel(self, jobs: Sequence[JobRow]) -> None:
        """Ask whether to cancel the job, and do it on yes."""
        (job,) = jobs
        if job.state in FINISHED:
            self._desk.notify(f"Job {job.id} has ended already ({clean(job.state)}).", markup=False)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._do(lambda: self._desk.api.cancel(job.id), f"Job {job.id} is cancelled.")

        if self._desk.is_free_for(ConfirmScreen):
            self._desk.push_screen(ConfirmScreen(self._cancel_question(job)), answered)

    def _cancel_question(self, job: JobRow) -> Question:
        runs = job.state in {"running", "scheduled"}
        return Question(
            title=f"Cancel job {job.id}?",
            lines=place_lines(cancel_question(job, self._desk.clock()), _QUESTION_CELLS),
            warning="It is running: all of its processes are ended." if runs else "It leaves the queue.",
            yes=f"Cancel job {job.id}",
            keep="Keep it",
        )

    def toggle_hold(self, jobs: Sequence[JobRow]) -> None:
        """Hold a pending job, release a held one."""
        (job,) = jobs
        api = self._desk.api
        if job.state == "held":
            self._do(lambda: api.release(job.id), f"Job {job.id} is released.")
        elif job.state == "pending":
            self._do(lambda: api.hold(job.id), f"Job {job.id} is on hold.")
        else:
            said = f"Only a pending job can be held; job {job.id} is {clean(job.state)}."
            self._desk.notify(said, markup=False)

    def _do(self, call: Callable[[], Awaitable[Any]], done: str) -> None:
        async def work() -> None:
            try:
                await call()
            except RcqError as error:
                self._desk.complain(error)
            else:
                self._desk.notify(done, markup=False)
                self._desk.on_refresh()

        self._desk.run_worker(work(), name="deed", group="deeds")
