"""A list to choose from, which letters narrow; where it makes sense, something of one's own may be typed instead.

Must not know what is chosen, or what for.
"""

from collections.abc import Callable, Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from rcq_tui.tui.commands import bindings
from rcq_tui.tui.form.choosing import Choice, Find
from rcq_tui.tui.formwishes import PickIt, ReleaseName
from rcq_tui.tui.messages import Decline, Down, Up
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.list_table import ListRow, ListTable
from rcq_tui.tui.widgets.table import Heading, Table
from rcq_tui.viewmodel.text import clean


class PickScreen(CommandModal[str | None]):
    """Answers what was chosen, or nothing. empty: said where there is nothing. remove: forgets a choice, if one can."""

    CSS_PATH = "pick.tcss"
    BINDINGS = bindings("pick-next", "pick-previous", "pick-into", "pick-remove", "pick-leave")

    def __init__(
        self,
        title: str,
        find: Find,
        *,
        typed: str = "",
        empty: str = "There is nothing to choose.",
        remove: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._find = find
        self._typed = typed
        self._empty = empty
        self._remove = remove
        self._choices: Sequence[Choice] = ()

    def compose(self) -> ComposeResult:
        """A line to type, and what it leaves."""
        with Vertical(id="pick") as box:
            box.border_title = self._title
            removes = "   ^x remove" if self._remove else ""
            box.border_subtitle = f"Enter takes it   Tab: its text{removes}   Esc leaves"
            yield Field(self._typed, id="pick-text", placeholder="type to narrow the list")
            yield ListTable(_fit, ascii_only=self.desk.ascii_only, id="pick-list")

    def on_mount(self) -> None:
        """Letters go into the line."""
        table = self.query_one("#pick-list", ListTable)
        table.can_focus = False
        table.empty = self._empty
        field = self.query_one("#pick-text", Field)
        field.focus()
        field.cursor_position = len(field.value)
        self._narrow()

    def _narrow(self) -> None:
        self._choices = self._find(self.query_one("#pick-text", Field).value)
        rows = [
            ListRow(at, ((clean(one.label or one.text), "text"), (clean(one.note), "quiet")))
            for at, one in enumerate(self._choices)
        ]
        table = self.query_one("#pick-list", ListTable)
        table.move(-table.cursor)
        table.show(rows)

    def _chosen(self) -> Choice | None:
        at = self.query_one("#pick-list", ListTable).cursor
        return self._choices[at] if at < len(self._choices) else None

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        event.stop()
        self._narrow()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes what is under the cursor."""
        event.stop()
        self._take()

    def on_table_chosen(self, event: Table.Chosen) -> None:
        """So does a click."""
        event.stop()
        self._take()

    def _take(self) -> None:
        chosen = self._chosen()
        if chosen is None:
            return
        if chosen.goes_on:
            self._go_on(chosen.text)
        else:
            self.dismiss(chosen.text)

    def _go_on(self, text: str) -> None:
        field = self.query_one("#pick-text", Field)
        field.value = text
        field.cursor_position = len(text)

    def on_pick_it(self, message: PickIt) -> None:
        """Its text into the line, to go on typing."""
        message.stop()
        if (chosen := self._chosen()) is not None:
            self._go_on(chosen.text)

    def on_release_name(self, message: ReleaseName) -> None:
        """Forget what is under the cursor."""
        message.stop()
        chosen = self._chosen()
        if self._remove is not None and chosen is not None:
            self._remove(chosen.text)
            self._narrow()

    def on_down(self, message: Down) -> None:
        """The next one."""
        message.stop()
        self.query_one("#pick-list", ListTable).move(1)

    def on_up(self, message: Up) -> None:
        """The one before."""
        message.stop()
        self.query_one("#pick-list", ListTable).move(-1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor, so that what is taken is what is seen."""
        event.stop()
        self.query_one("#pick-list", ListTable).move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The same the other way."""
        event.stop()
        self.query_one("#pick-list", ListTable).move(-3)

    def on_decline(self, message: Decline) -> None:
        """Leave without a choice."""
        message.stop()
        self.dismiss(None)


def _fit(cells: int) -> Sequence[Heading]:
    left = max(16, cells * 2 // 5)
    return [Heading("", left), Heading("", max(10, cells - left - 2))]
