"""The queue as a table. Must not know where jobs come from or what opening one means."""

from collections.abc import Hashable, Sequence

from engine.protocol.responses import JobRow
from rcq_tui.tui.pages import key_of
from rcq_tui.tui.widgets.table import Heading, Pieces, Table
from rcq_tui.viewmodel.looks import SORTED_COLUMN, Look
from rcq_tui.viewmodel.queue import fitted
from rcq_tui.viewmodel.queuecolumns import USUAL, Column, columns, gap, is_narrow
from rcq_tui.viewmodel.states import FINISHED, colour, shown
from rcq_tui.viewmodel.text import pad

_SORT_OF = {column: sort for sort, column in SORTED_COLUMN.items()} | {"position": "queue"}


class QueueTable(Table):
    """Jobs, one a line. account: whose own jobs stand out."""

    def __init__(self, keys: Sequence[str] = USUAL, *, ascii_only: bool = False) -> None:
        super().__init__(ascii_only=ascii_only)
        self.account: str | None = None
        self.keys = tuple(keys)
        self._jobs: Sequence[JobRow] = ()
        self._places: dict[Hashable, int] = {}
        self._marked: dict[Hashable, JobRow] = {}
        self._now = 0.0
        self._look = Look()
        self._layout: tuple[Column, ...] = columns(78)

    def show(self, jobs: Sequence[JobRow], now: float, *, anew: bool = False) -> None:
        """Show these jobs as of `now`. anew: they are others altogether."""
        self._jobs, self._now = jobs, now
        self._places = {key_of(job): at for at, job in enumerate(jobs)}
        self._remember_marked()
        if anew:
            self.start_over()
        else:
            self.changed()

    def tick(self, now: float) -> None:
        """Time has passed."""
        self._now = now
        self.draw_changes()

    def sorted_by(self, look: Look) -> None:
        """The title of the column that the jobs are sorted by says so."""
        if (look.sort, look.descending) != (self._look.sort, self._look.descending):
            self._look = look
            self.lay_out()
        self._look = look

    def choose(self, keys: Sequence[str]) -> None:
        """Show these columns."""
        self.keys = tuple(keys)
        self.lay_out()

    def sort_of(self, column: int) -> str | None:
        """What a click on this column's title sorts by, if that is possible."""
        return _SORT_OF.get(self._layout[column].key)

    # ------------------------------------------------------------ which jobs are meant

    @property
    def selected(self) -> JobRow | None:
        """The job under the cursor."""
        return self._jobs[self.cursor] if self._jobs else None

    @property
    def chosen(self) -> list[JobRow]:
        """The jobs that are marked, in the order of the list; else the one under the cursor."""
        if not self.marks:
            return [] if self.selected is None else [self.selected]
        self._remember_marked()
        end = len(self._places)
        return [self._marked[key] for key in sorted(self._marked, key=lambda key: self._places.get(key, end))]

    def _remember_marked(self) -> None:
        """Jobs that are marked are known even when a filter hides them."""
        for key in self._marked.keys() - self.marks:
            del self._marked[key]
        for key in self.marks & self._places.keys():
            self._marked[key] = self._jobs[self._places[key]]

    # ------------------------------------------------------------ a table of them

    def toggle_mark(self) -> None:
        """Mark the job under the cursor, or take its mark away."""
        super().toggle_mark()
        self._remember_marked()

    def toggle_all(self) -> None:
        """Mark every job that is here, or none."""
        super().toggle_all()
        self._remember_marked()

    def count(self) -> int:
        """Jobs."""
        return len(self._jobs)

    def key_at(self, at: int) -> Hashable:
        """The job's id, or of several elements their array and state."""
        return key_of(self._jobs[at])

    def place_of(self, key: Hashable) -> int | None:
        """Where a job is now."""
        return self._places.get(key)

    def fit(self, cells: int) -> tuple[Sequence[Heading], int]:
        """The columns that fit."""
        self._layout = columns(cells, self.keys)
        return [Heading(self._title(column), column.cells, column.right) for column in self._layout], gap(cells)

    def _title(self, column: Column) -> str:
        if SORTED_COLUMN.get(self._look.sort) != column.key:
            return column.title
        signs = "v^" if self._ascii else "▼▲"
        sign = signs[0] if self._look.descending else signs[1]
        return f"{pad(column.title, min(len(column.title), column.cells - 1))}{sign}"

    def pieces_at(self, at: int) -> Pieces:
        """The job's cells: its state and its owner stand out."""
        job = self._jobs[at]
        state = shown(job.state, job.paused_since)
        rest = "quiet" if state in FINISHED or state == "held" else "text"
        roles = {"state": colour(state), "why": colour(state) if state == "failed" else "quiet"}
        if self.account and job.account == self.account:
            roles["who"] = "mine"
        cells = fitted(job, self._now, self._layout, narrow=is_narrow(self._cells), ascii_only=self._ascii)
        return tuple((cell, roles.get(column.key, rest)) for cell, column in zip(cells, self._layout, strict=True))
