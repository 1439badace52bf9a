"""The log-in: name and password, and what to do where there is no account at all.

Must not know what comes after it: it posts `LoggedIn`.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, Input, Label, Static

from engine.protocol.errors import RcqError
from engine.protocol.people import Session
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.messages import LoggedIn
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.screens.newpassword import NewPasswordScreen
from rcq_tui.tui.widgets.field import Field
from rcq_tui.viewmodel.text import clean

_NO_ACCOUNT = "This engine has no account yet. Make the first one, an admin, in a shell:\n\n    rcq account add NAME"


class _Name(Field):
    """Enter goes on before the next key is looked at: a password typed ahead must not be seen in here."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.to_password", show=False, priority=True)]


class LoginScreen(CommandScreen[None]):
    """Two fields and a button. Enter goes on from the name to the password, and from there logs in."""

    BINDINGS = bindings("leave")

    def __init__(self, why: str = "") -> None:
        """why: said until somebody tries, such as that a session has ended."""
        super().__init__()
        self._why = why

    def compose(self) -> ComposeResult:
        """A box in the middle."""
        with Vertical(id="login"):
            yield Static("rcq", id="login-title", markup=False)
            yield Static("research compute queue", id="login-subtitle", markup=False)
            yield Label("Name")
            yield _Name(id="login-name")
            yield Label("Password")
            yield Field(id="login-password", password=True)
            yield Static("", id="login-error", markup=False)
            yield Button("Log in", id="login-go", variant="primary", compact=True)
            yield Static("", id="login-hint", markup=False)

    def on_mount(self) -> None:
        """Write at once; look meanwhile whether there is anybody who could."""
        self.query_one("#login-name", Field).focus()
        self._complain(self._why)
        self.run_worker(self._look_for_accounts(), name="accounts", exclusive=True)

    async def _look_for_accounts(self) -> None:
        hint = self.query_one("#login-hint", Static)
        try:
            health = await self.desk.api.health()
        except RcqError as error:
            hint.update(clean(error))
            return
        hint.update("" if health.accounts else _NO_ACCOUNT)

    def action_to_password(self) -> None:
        """Into the next field, at once."""
        self.set_focus(self.query_one("#login-password", Field))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the password."""
        event.stop()
        self._try()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The button."""
        event.stop()
        self._try()

    def _try(self) -> None:
        name = self.query_one("#login-name", Field).value.strip()
        password = self.query_one("#login-password", Field).value
        if not name or not password:
            self._complain("Give a name and a password.")
            return
        self.run_worker(self._log_in(name, password), name="login", exclusive=True)

    async def _log_in(self, name: str, password: str) -> None:
        self._complain("")
        self.query_one("#login-go", Button).disabled = True
        try:
            session = await self.desk.api.login(name, password)
        except RcqError as error:
            self._complain(clean(error))
            field = self.query_one("#login-password", Field)
            field.value = ""
            field.focus()
        else:
            self._logged_in(session, password)
        finally:
            self.query_one("#login-go", Button).disabled = False

    def _logged_in(self, session: Session, password: str) -> None:
        """A one-time password has to be changed first."""
        if not session.must_change_password:
            self.post_message(LoggedIn(session))
            return

        def answered(is_set: bool | None) -> None:
            self.query_one("#login-password", Field).value = ""
            if is_set:
                self.post_message(LoggedIn(session))

        self.app.push_screen(NewPasswordScreen(password), answered)

    def _complain(self, what: str) -> None:
        line = self.query_one("#login-error", Static)
        line.update(what)
        line.display = bool(what)
