"""The submit form as screens open it: empty, with a command, as a clone of a job, or to edit one.

Must not know what the form looks like.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.protocol.fields import JobFields
from engine.protocol.responses import JobDetail
from rcq_tui.tui.form.kept import Kept
from rcq_tui.tui.form.reading import Here
from rcq_tui.tui.form.writing import fields_of
from rcq_tui.tui.formscreen import Taken
from rcq_tui.tui.screens.submit import SubmitScreen

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp


class Forms:
    """Opens the form and tells what came of it. last: the id of the job that was submitted last, here."""

    def __init__(self, desk: "RcqApp") -> None:
        self._desk = desk
        self.kept = Kept(desk.remembered)
        self.last: int | None = None

    def open(self, command: str = "") -> None:
        """A new job; command: what stands there at first."""
        self._push(SubmitScreen(JobFields(script=command) if command else None))

    def clone(self, job: JobDetail) -> None:
        """A new job that begins as a copy of this one's request."""
        self._push(SubmitScreen(fields_of(job, self._desk.clock())))

    def edit(self, job: JobDetail) -> None:
        """Change the request of a job that has not started."""
        self._push(SubmitScreen(editing=job))

    def here(self) -> Here:
        """What the texts of a form mean: of somebody who is not at home only themselves."""
        now = self._desk.clock()
        if not self._desk.at_home:
            return Here(now)
        return Here(now, os.environ, str(Path.home()), self._desk.workdir)

    def _push(self, screen: SubmitScreen) -> None:
        if self._desk.is_free_for(SubmitScreen):
            self._desk.push_screen(screen, self._done)

    def _done(self, taken: Taken | None) -> None:
        if taken is not None:
            self.last = taken.job
            self._desk.notify(taken.says, markup=False)
            self._desk.on_refresh()
