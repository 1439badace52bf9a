"""The queue as a table. Must not know where jobs come from or what opening one means."""

from collections.abc import Hashable, Sequence

from engine.protocol.responses import JobRow
from rcq_tui.tui.widgets.table import Heading, Pieces, Table
from rcq_tui.viewmodel.queue import Column, columns, fitted, gap
from rcq_tui.viewmodel.states import FINISHED, colour, shown


class QueueTable(Table):
    """Jobs, one a line. account: whose own jobs stand out."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__(ascii_only=ascii_only)
        self.account: str | None = None
        self._jobs: Sequence[JobRow] = ()
        self._now = 0.0
        self._layout: tuple[Column, ...] = columns(78)

    def show(self, jobs: Sequence[JobRow], now: float) -> None:
        """Show these jobs as of `now`."""
        self._jobs, self._now = jobs, now
        self.changed()

    def tick(self, now: float) -> None:
        """Time has passed."""
        self._now = now
        self.draw_changes()

    @property
    def selected(self) -> JobRow | None:
        """The job under the cursor."""
        return self._jobs[self.cursor] if self._jobs else None

    def count(self) -> int:
        """Jobs."""
        return len(self._jobs)

    def key_at(self, at: int) -> Hashable:
        """The job's id."""
        return self._jobs[at].id

    def fit(self, cells: int) -> tuple[Sequence[Heading], int]:
        """The columns that fit."""
        self._layout = columns(cells)
        return [Heading(column.title, column.cells, column.right) for column in self._layout], gap(cells)

    def pieces_at(self, at: int) -> Pieces:
        """The job's cells: its state and its owner stand out."""
        job = self._jobs[at]
        state = shown(job.state, job.paused_since)
        rest = "quiet" if state in FINISHED or state == "held" else "text"
        roles = {"state": colour(state), "why": colour(state) if state == "failed" else "quiet"}
        if self.account and job.account == self.account:
            roles["who"] = "mine"
        cells = fitted(job, self._now, self._layout, ascii_only=self._ascii)
        return tuple((cell, roles.get(column.key, rest)) for cell, column in zip(cells, self._layout, strict=True))
