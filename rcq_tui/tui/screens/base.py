"""What all screens share: keys become the messages that the commands declare, and the state comes from one place.

Must not know any single screen.
"""

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from rcq_tui.tui.commands import COMMANDS
from rcq_tui.tui.messages import ComposeJob

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp

T = TypeVar("T")


class Commanded(Screen[T], Generic[T]):
    """A screen whose bindings come from `commands.bindings`.

    Tab moves before the next key is looked at: letters typed ahead over a slow line belong to the next field.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    @property
    def desk(self) -> "RcqApp":
        """The application, which holds the state."""
        return cast("RcqApp", self.app)

    def action_command(self, name: str) -> None:
        """Carry a command out: at once if letters follow it, else through its message."""
        command = COMMANDS[name]
        message = command.message()
        if command.typing:
            self.at_once(message)
        else:
            self.post_message(message)

    def at_once(self, message: Message) -> None:
        """Carry out a command that letters follow, before the next key is looked at."""
        if isinstance(message, ComposeJob):
            self.desk.on_compose_job(message)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While letters are typed, the keys of commands that come first everywhere else are letters, too."""
        typed = action == "command" and COMMANDS[str(parameters[0])].typing
        return not (typed and isinstance(self.focused, Input))


class CommandScreen(Commanded[T], Generic[T]):
    """A whole screen."""


class CommandModal(Commanded[T], ModalScreen[T], Generic[T]):
    """One that is laid over another."""
