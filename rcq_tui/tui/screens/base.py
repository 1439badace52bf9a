"""What all screens share: keys become the messages that the commands declare, and the state comes from one place.

Must not know any single screen.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea

from engine.protocol.responses import JobRow
from rcq_tui.tui.commands import COMMANDS, EVERYWHERE
from rcq_tui.tui.commands.declared import Command
from rcq_tui.tui.messages import ComposeJob, GoBack, OpenLine, OpenPalette, Wish
from rcq_tui.tui.screens.leaving import Leaving

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp

T = TypeVar("T")


class Commanded(Leaving[T], Generic[T]):
    """A screen whose bindings come from `commands.bindings`. KEYLESS: commands of its own that have no key.

    Tab moves before the next key is looked at: letters typed ahead over a slow line belong to the next field.
    """

    KEYLESS: ClassVar[tuple[str, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    @property
    def desk(self) -> "RcqApp":
        """The application, which holds the state."""
        return cast("RcqApp", self.app)

    @classmethod
    def offers(cls) -> list[Command]:
        """What may be typed or looked for here."""
        own = [str(one.action)[9:-2] for one in cls.BINDINGS if isinstance(one, Binding) and one.action[:9] == _ACTION]
        names = dict.fromkeys([*own, *cls.KEYLESS, *(EVERYWHERE if issubclass(cls, CommandScreen) else ())])
        return [COMMANDS[name] for name in names]

    def choices(self, kind: str) -> list[str]:
        """Words that complete an argument of this kind; a screen may know more than the application."""
        return self.desk.choices(kind)

    def action_command(self, name: str) -> None:
        """A key of the command was pressed."""
        command = COMMANDS[name]
        if command.needs_argument and not command.says:
            self.desk.open_line(f"{command.name} ")
        else:
            self.carry_out(command, command.says)

    def carry_out(self, command: Command, said: str) -> None:
        """Carry a command out: at once if letters follow it, else through its message."""
        wish = command.message(said)
        if command.typing:
            self.at_once(wish)
        else:
            self.post_message(wish)

    def at_once(self, wish: Wish) -> None:
        """Carry out a command that letters follow, before the next key is looked at."""
        if isinstance(wish, ComposeJob):
            self.desk.on_compose_job(wish)
        elif isinstance(wish, OpenLine):
            self.desk.on_open_line(wish)
        elif isinstance(wish, OpenPalette):
            self.desk.on_open_palette(wish)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While letters are typed, the keys of commands that come first everywhere else are letters, too."""
        typed = action == "command" and COMMANDS[str(parameters[0])].typing
        return not (typed and isinstance(self.focused, Input | TextArea))


_ACTION = "command('"


class CommandScreen(Commanded[T], Generic[T]):
    """A whole screen. PLACE: the place that it is, if it is one."""

    PLACE: ClassVar[str] = ""

    @property
    def place(self) -> str:
        """Where one is."""
        return self.PLACE

    def chosen_jobs(self) -> Sequence[JobRow]:
        """The jobs that commands act on here: those that are marked, else the one that one looks at."""
        return ()


class PlaceScreen(CommandScreen[None]):
    """A place besides the first one; leaving it leads there."""

    def on_go_back(self, message: GoBack) -> None:
        """To the first place."""
        message.stop()
        self.desk.go("dashboard")


class CommandModal(Commanded[T], ModalScreen[T], Generic[T]):
    """One that is laid over another."""


AnyScreen = Commanded[Any]
