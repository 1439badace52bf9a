"""What makes a job from a job, changes its request or fetches what it left, from whatever screen.

Must not know which screen wishes it, nor what the form looks like.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.protocol.errors import RcqError
from engine.protocol.responses import JobDetail, JobRow
from rcq_tui.tui.screens.confirm import ConfirmScreen, Question
from rcq_tui.viewmodel.details import place_lines, redo_question
from rcq_tui.viewmodel.formats import size
from rcq_tui.viewmodel.states import WAITING
from rcq_tui.viewmodel.text import clean

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp

_QUESTION_CELLS = 52


class JobForms:
    """Acts on the job that it is given; where several are marked, on none."""

    def __init__(self, desk: "RcqApp") -> None:
        self._desk = desk

    def _only(self, jobs: Sequence[JobRow], what: str) -> JobRow | None:
        if len(jobs) == 1 and not jobs[0].redacted:
            return jobs[0]
        if jobs:
            why = "is somebody else's" if len(jobs) == 1 else "is one at a time: unmark the others"
            self._desk.notify(f"{what} {why}.", markup=False)
        return None

    # ------------------------------------------------------------ the form

    def edit(self, jobs: Sequence[JobRow]) -> None:
        """Change the request of a job that has not started."""
        job = self._only(jobs, "What is edited")
        if job is None:
            return
        if job.state not in WAITING:
            said = f"Only a job that has not started can be edited; job {job.id} is {clean(job.state)}."
            self._desk.notify(f"{said} D makes one like it.", markup=False)
            return
        self._desk.run_worker(self._open_form(job.id, editing=True), name="edit", group="jobforms", exclusive=True)

    def clone(self, jobs: Sequence[JobRow]) -> None:
        """The submit form, filled in like the job."""
        job = self._only(jobs, "What is cloned")
        if job is not None:
            work = self._open_form(job.id, editing=False)
            self._desk.run_worker(work, name="clone", group="jobforms", exclusive=True)

    async def _open_form(self, number: int, *, editing: bool) -> None:
        below = self._desk.screen
        try:
            job = await self._desk.api.job(number)
        except RcqError as error:
            self._desk.complain(error)
            return
        if self._desk.screen is not below:  # somebody has gone elsewhere meanwhile
            return
        if job.withheld:
            said = f"Only its owner may do that: of job {number} its {', '.join(job.withheld)} are kept from you."
            self._desk.notify(said, markup=False)
        elif editing:
            self._desk.forms.edit(job)
        else:
            self._desk.forms.clone(job)

    # ------------------------------------------------------------ once more

    def redo(self, jobs: Sequence[JobRow]) -> None:
        """Ask, submit it once more as it was, and open the new one."""
        job = self._only(jobs, "What is submitted once more")
        if job is None or not self._desk.is_free_for(ConfirmScreen):
            return
        question = Question(
            title=f"Submit job {job.id} once more?",
            lines=place_lines(redo_question(job), _QUESTION_CELLS),
            warning="The same request, files and code, as a new job.",
            yes="Submit it",
            keep="Leave it",
        )

        def answered(yes: bool | None) -> None:
            if yes:
                self._desk.run_worker(self._redo(job.id), name="redo", group="deeds")

        self._desk.push_screen(ConfirmScreen(question), answered)

    async def _redo(self, number: int) -> None:
        below = self._desk.screen
        try:
            new = await self._desk.api.redo(number)
        except RcqError as error:
            self._desk.complain(error)
            return
        self._desk.notify(f"Job {number} is submitted once more, as job {new}.", markup=False)
        self._desk.on_refresh()
        if self._desk.screen is below:
            self._desk.show_job(new)

    # ------------------------------------------------------------ results

    def fetch(self, job: JobDetail, folder: str) -> None:
        """Fetch what it left into a folder (where rcq runs, if none is said), as `job-7.zip`."""
        if not self._desk.at_home:
            said = f"Nothing is saved from here. In a shell of yours: rcq results {job.id}"
            self._desk.notify(said, markup=False)
            return
        place = os.path.expanduser(folder or self._desk.workdir)  # noqa: PTH111  a home that nobody has stays as it is
        target = Path(place) / f"job-{job.id}.zip"
        if not os.path.isdir(place):  # noqa: PTH112  also where it may not be looked at, or cannot be a name
            named = f"There is no folder {clean(place)}." if place else "The folder that this runs in is gone."
            self._desk.notify(f"{named} Name one: :fetch FOLDER", markup=False)
        elif os.path.lexists(target):
            self._ask_to_replace(job.id, target)
        else:
            self._fetch(job.id, target, None)

    def _ask_to_replace(self, number: int, target: Path) -> None:
        question = Question(
            title=f"Replace {clean(target.name)}?",
            lines=place_lines([("folder", clean(target.parent)), ("job", str(number))], _QUESTION_CELLS),
            warning="A file of that name is there already.",
            yes="Replace it",
            keep="Keep it",
        )

        def answered(yes: bool | None) -> None:
            if yes:
                self._fetch(number, target.with_name(f".{target.name}.new"), target)

        if self._desk.is_free_for(ConfirmScreen):
            self._desk.push_screen(ConfirmScreen(question), answered)

    def _fetch(self, number: int, to: Path, instead_of: Path | None) -> None:
        work = self._fetched(number, to, instead_of)
        self._desk.run_worker(work, name=f"results-{number}", group=f"results-{number}", exclusive=True)

    async def _fetched(self, number: int, to: Path, instead_of: Path | None) -> None:
        target = instead_of or to
        self._desk.notify(f"Fetching the results of job {number}.", markup=False)
        try:
            if instead_of is not None:
                await asyncio.to_thread(to.unlink, missing_ok=True)
            got = await self._desk.api.results(number, to)
            if instead_of is not None:
                await asyncio.to_thread(to.replace, instead_of)
        except RcqError as error:
            self._desk.complain(error)
        except FileExistsError:
            self._desk.notify(f"{clean(target)} is there by now; nothing was written.", severity="error", markup=False)
        except OSError as error:
            said = f"{clean(target)} cannot be written: {clean(error.strerror)}. Nothing was kept."
            self._desk.notify(said, severity="error", markup=False)
        else:
            self._desk.notify(f"{clean(target)}: {size(got)}", markup=False)
