"""Shows a secret once, to be copied. Must not know what it opens."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from rcq_tui.tui.commands import bindings
from rcq_tui.tui.messages import Copy, GoBack
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.viewmodel.text import clean


class SecretScreen(CommandModal[None]):
    """One line to copy; Esc leaves it for good."""

    BINDINGS = bindings("copy", "back")

    def __init__(self, title: str, secret: str) -> None:
        super().__init__()
        self._title, self._secret = title, secret

    def compose(self) -> ComposeResult:
        """The secret, and how it is copied."""
        with Vertical(id="secret") as box:
            box.border_title = self._title
            box.border_subtitle = "y copies it   Esc closes"
            yield Static(clean(self._secret), markup=False)

    def on_copy(self, message: Copy) -> None:
        """Into the terminal's clipboard."""
        message.stop()
        self.desk.copy(self._secret, "it")

    def on_go_back(self, message: GoBack) -> None:
        """Leave it."""
        message.stop()
        self.dismiss(None)
