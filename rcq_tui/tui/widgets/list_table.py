"""A short list as a table: rows of words with their colours. Must not know what the rows are."""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from rcq_tui.tui.widgets.table import Heading, Pieces, Table
from rcq_tui.viewmodel.cards import Piece
from rcq_tui.viewmodel.text import pad

Fit = Callable[[int], Sequence[Heading]]
"""The columns of a table of so many cells."""


class ListRow(NamedTuple):
    """key: what the row is called. cells: a piece for each column, clean but not yet fitted."""

    key: Hashable
    cells: Sequence[Piece]


class ListTable(Table):
    """Rows as they are given; for some hundreds of them. gap: blanks between columns."""

    def __init__(self, fit: Fit, *, gap: int = 2, ascii_only: bool = False, id: str | None = None) -> None:
        super().__init__(ascii_only=ascii_only, id=id)
        self._fit = fit
        self._blanks = gap
        self._rows: Sequence[ListRow] = ()

    def show(self, rows: Sequence[ListRow]) -> None:
        """Show these rows."""
        self._rows = rows
        self.changed()

    @property
    def selected(self) -> Hashable:
        """The key of the row under the cursor; `None` where there is none."""
        return self._rows[self.cursor].key if self._rows else None

    def count(self) -> int:
        """Rows."""
        return len(self._rows)

    def key_at(self, at: int) -> Hashable:
        """The row's key."""
        return self._rows[at].key

    def pieces_at(self, at: int) -> Pieces:
        """The row's cells, fitted."""
        cells = zip(self._rows[at].cells, self._headings, strict=False)
        return tuple((pad(text, column.cells, right=column.right), role) for (text, role), column in cells)

    def fit(self, cells: int) -> tuple[Sequence[Heading], int]:
        """As it was made."""
        return self._fit(cells), self._blanks
