"""Asks before something is destroyed, and names it. A key that was meant for something else destroys nothing.

Must not know what is asked about, or how it is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from rcq_tui.tui.commands import bindings
from rcq_tui.tui.messages import Confirm, Decline
from rcq_tui.tui.palette import page
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.tui.widgets.field import Field
from rcq_tui.viewmodel.cards import Line


@dataclass(slots=True, frozen=True, kw_only=True)
class Question:
    """title: with the name of what it is about. lines: what else identifies it. warning: what yes does.

    yes, keep: what the two buttons say. type_this: has to be typed before yes counts, for what cannot be taken back or
    concerns many; empty where a key is enough.
    """

    title: str
    lines: Sequence[Line]
    warning: str
    yes: str
    keep: str
    type_this: str = ""


class ConfirmScreen(CommandModal[bool]):
    """Answers true for yes. The button that keeps things has the focus, so Enter by mistake does no harm."""

    AUTO_FOCUS = "#confirm-typed, #keep"
    """The place where the name is typed, else the harmless button."""
    BINDINGS = bindings("yes", "no")

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """What it is about, and two buttons."""
        asked = self._question
        with Vertical(id="confirm") as box:
            box.border_title = asked.title
            yield Static(page(asked.lines), markup=False)
            yield Static(asked.warning, id="confirm-warning", markup=False)
            if asked.type_this:
                yield Field(id="confirm-typed", placeholder=f"type {asked.type_this} to go on")
            with Horizontal(id="confirm-buttons"):
                yield Button(f"{asked.keep} (n)" if not asked.type_this else asked.keep, id="keep", compact=True)
                yes = f"{asked.yes} (y)" if not asked.type_this else asked.yes
                yield Button(yes, id="yes", variant="error", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons answer as the keys do."""
        event.stop()
        if event.button.id == "yes":
            self._yes()
        else:
            self.dismiss(False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter behind the typed name."""
        event.stop()
        self._yes()

    def on_confirm(self, message: Confirm) -> None:
        """Yes."""
        message.stop()
        self._yes()

    def _yes(self) -> None:
        wanted = self._question.type_this
        if not wanted or self.query_one("#confirm-typed", Field).value.strip() == wanted:
            self.dismiss(True)
        else:
            self.desk.notify(f"Type {wanted} first, or press Esc.", severity="warning", markup=False)

    def on_decline(self, message: Decline) -> None:
        """No."""
        message.stop()
        self.dismiss(False)
