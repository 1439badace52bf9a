"""What all screens share: keys become the messages that the commands declare, and the state comes from one place.

Must not know any single screen.
"""

from typing import TYPE_CHECKING, Generic, TypeVar, cast

from textual.screen import ModalScreen, Screen

from rcq_tui.tui.commands import COMMANDS

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp

T = TypeVar("T")


class CommandScreen(Screen[T], Generic[T]):
    """A screen whose bindings come from `commands.bindings`."""

    @property
    def desk(self) -> "RcqApp":
        """The application, which holds the state."""
        return cast("RcqApp", self.app)

    def action_command(self, name: str) -> None:
        """Post the message of a command."""
        self.post_message(COMMANDS[name].message())


class CommandModal(ModalScreen[T], Generic[T]):
    """The same, laid over another screen."""

    @property
    def desk(self) -> "RcqApp":
        """The application, which holds the state."""
        return cast("RcqApp", self.app)

    def action_command(self, name: str) -> None:
        """Post the message of a command."""
        self.post_message(COMMANDS[name].message())
