"""Asks who came in with a one-time password for one of their own: until then the engine lets them do nothing else.

Must not know what comes after it.
"""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Label, Static

from engine.protocol.errors import RcqError
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.messages import GoBack
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.tui.widgets.field import Field
from rcq_tui.viewmodel.text import clean


class NewPasswordScreen(CommandModal[bool]):
    """Answers true once the password is set. old: the one-time password."""

    BINDINGS = bindings("back")

    def __init__(self, old: str) -> None:
        super().__init__()
        self._old = old

    def compose(self) -> ComposeResult:
        """Two fields, as nothing that is typed can be seen."""
        with Vertical(id="new-password") as box:
            box.border_title = "Set your own password"
            yield Static("The one that you came in with is good for this once.", markup=False)
            yield Label("New password")
            yield Field(id="new-password-first", password=True)
            yield Label("Once more")
            yield Field(id="new-password-second", password=True)
            yield Static("", id="new-password-error", markup=False)
            with Horizontal(id="new-password-buttons"):
                yield Button("Set it", id="new-password-go", variant="primary", compact=True)
                yield Button("Not now (Esc)", id="new-password-later", compact=True)

    def on_mount(self) -> None:
        """Write at once."""
        self.query_one("#new-password-first", Field).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on to the second field, and from there sets the password."""
        event.stop()
        if event.input.id == "new-password-first":
            self.query_one("#new-password-second", Field).focus()
        else:
            self._try()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        if event.button.id == "new-password-go":
            self._try()
        else:
            self.dismiss(False)

    def on_go_back(self, message: GoBack) -> None:
        """Not now."""
        message.stop()
        self.dismiss(False)

    def _try(self) -> None:
        first, second = (self.query_one(f"#new-password-{which}", Field).value for which in ("first", "second"))
        if not first:
            self._complain("Give a new password.")
        elif first != second:
            self._complain("The two differ. Type both again.")
        else:
            self.run_worker(self._set(first), name="password", exclusive=True)

    async def _set(self, new: str) -> None:
        try:
            await self.desk.api.change_password(self._old, new)
        except RcqError as error:
            self._complain(clean(error))
        else:
            self.dismiss(True)

    def _complain(self, what: str) -> None:
        line = self.query_one("#new-password-error", Static)
        line.update(what)
        line.display = True
        for which in ("second", "first"):
            field = self.query_one(f"#new-password-{which}", Field)
            field.value = ""
            field.focus()
