"""Asks why a card is to go out of use: everybody reads that beside the card.

Must not know how a card is drained.
"""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from rcq_tui.tui.commands import bindings
from rcq_tui.tui.messages import Decline
from rcq_tui.tui.palette import page
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.tui.widgets.field import Field
from rcq_tui.viewmodel.pieces import Line


class DrainScreen(CommandModal[str | None]):
    """Answers the words, possibly none, or `None` to leave the card as it is. why: the words to begin with."""

    BINDINGS = bindings("no")

    def __init__(self, title: str, lines: Sequence[Line], why: str = "") -> None:
        super().__init__()
        self._title, self._lines, self._why = title, lines, why

    def compose(self) -> ComposeResult:
        """Which card, a line for the words, two buttons."""
        with Vertical(id="confirm") as box:
            box.border_title = self._title
            yield Static(page(self._lines), markup=False)
            yield Static("Jobs on it finish; no job starts there until it is resumed.", id="confirm-warning")
            yield Field(value=self._why, id="drain-why", placeholder="why: everybody reads it beside the card")
            with Horizontal(id="confirm-buttons"):
                yield Button("Leave it", id="keep", compact=True)
                yield Button("Drain it", id="yes", variant="error", compact=True)

    def on_mount(self) -> None:
        """Words at once; Enter behind them drains."""
        self.query_one("#drain-why").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons answer as the keys do."""
        event.stop()
        self.dismiss(self.query_one("#drain-why", Field).value if event.button.id == "yes" else None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        event.stop()
        self.dismiss(event.value)

    def on_decline(self, message: Decline) -> None:
        """Leave it."""
        message.stop()
        self.dismiss(None)
