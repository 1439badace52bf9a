"""The choice of columns: which are shown, and in which order. Must not know what stands in them."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from rcq_tui.tui import messages
from rcq_tui.tui import queuemessages as wishes
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.tui.widgets.list_table import ListRow, ListTable
from rcq_tui.tui.widgets.table import Heading, Table
from rcq_tui.viewmodel.queuecolumns import KINDS


def _fit(cells: int) -> list[Heading]:
    return [Heading("", 3), Heading("column", 10), Heading("what it tells", max(10, cells - 17))]


class ColumnsScreen(CommandModal[tuple[str, ...] | None]):
    """Answers the keys of the columns from left to right, or nothing. keys: those that are shown now."""

    BINDINGS = bindings(
        "show-column", "column-down", "column-up", "keep-columns", "no",
        "down", "up", "top", "bottom", "page-down", "page-up",
    )  # fmt: skip

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__()
        self._shown = set(keys)
        self._order = [*keys, *(kind.key for kind in KINDS if kind.key not in keys)]

    def compose(self) -> ComposeResult:
        """All columns, those that are shown first."""
        with Vertical(id="columns") as box:
            box.border_title = "Columns of the queue"
            yield ListTable(_fit, ascii_only=self.desk.ascii_only)
            yield Static("Space shows it or not, K and J move it, Enter keeps, Esc leaves", id="columns-keys")

    def on_mount(self) -> None:
        """Keys move in the list."""
        self._table.focus()
        self._draw()

    @property
    def _table(self) -> ListTable:
        return self.query_one(ListTable)

    def _draw(self) -> None:
        tells = {kind.key: kind.tells for kind in KINDS}
        rows = []
        for key in self._order:
            shown = key in self._shown
            role = "text" if shown else "quiet"
            rows.append(ListRow(key, [("[x]" if shown else "[ ]", role), (key, role), (tells[key], "quiet")]))
        self._table.show(rows)

    def on_toggle_mark(self, message: wishes.ToggleMark) -> None:
        """Show the column, or not."""
        message.stop()
        self._shown ^= {str(self._table.selected)}
        self._draw()

    def on_table_chosen(self, message: Table.Chosen) -> None:
        """A click on the line under the cursor does what the key does."""
        self.on_toggle_mark(wishes.ToggleMark())
        message.stop()

    def on_move_column_down(self, message: wishes.MoveColumnDown) -> None:
        """Further to the right."""
        self._shift(message, 1)

    def on_move_column_up(self, message: wishes.MoveColumnUp) -> None:
        """Further to the left."""
        self._shift(message, -1)

    def _shift(self, message: Message, by: int) -> None:
        message.stop()
        at = self._table.cursor
        to = at + by
        if 0 <= to < len(self._order):
            self._order[at], self._order[to] = self._order[to], self._order[at]
            self._draw()

    def on_keep_columns(self, message: wishes.KeepColumns) -> None:
        """These from now on; none at all are the usual ones."""
        message.stop()
        self.dismiss(tuple(key for key in self._order if key in self._shown))

    def on_decline(self, message: messages.Decline) -> None:
        """As before."""
        message.stop()
        self.dismiss(None)

    def _move(self, message: Message, by: int) -> None:
        message.stop()
        self._table.move(by)

    def on_down(self, message: messages.Down) -> None:
        """The next column."""
        self._move(message, 1)

    def on_up(self, message: messages.Up) -> None:
        """The one before."""
        self._move(message, -1)

    def on_page_down(self, message: messages.PageDown) -> None:
        """A page."""
        self._move(message, self._table.page)

    def on_page_up(self, message: messages.PageUp) -> None:
        """A page."""
        self._move(message, -self._table.page)

    def on_top(self, message: messages.Top) -> None:
        """The first column."""
        self._move(message, -len(self._order))

    def on_bottom(self, message: messages.Bottom) -> None:
        """The last one."""
        self._move(message, len(self._order))
