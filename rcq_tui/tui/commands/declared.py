"""What a command of the terminal UI is: one declaration of name, keys, help and message. Must not know any command."""

from dataclasses import dataclass

from rcq_tui.tui.messages import Wish


@dataclass(slots=True, frozen=True, kw_only=True)
class Command:
    """keys: as Textual names them, possibly none. label: for the foot of a screen, empty to leave it out. topic: where
    help has it. everywhere: offered on every whole screen, so no screen names it.

    typing: letters follow it. It is carried out before the next key is looked at, or letters typed ahead over a slow
    line would be taken for commands. argument: what may stand behind its name on the `:` line, such as `ID`; of a
    command that needs one, a key opens the line with its name. choices: what kind of words complete the argument. says:
    what the message is given when a key is pressed. aliases: other names on the `:` line.
    """

    name: str
    keys: tuple[str, ...]
    help: str
    message: type[Wish]
    topic: str
    label: str = ""
    typing: bool = False
    everywhere: bool = False
    argument: str = ""
    choices: str = ""
    says: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def needs_argument(self) -> bool:
        """Whether it says nothing without one."""
        return bool(self.argument) and not self.argument.startswith("[")


def command(
    topic: str, name: str, keys: str, message: type[Wish], help_text: str, **what: str | bool | tuple[str, ...]
) -> Command:
    """A declaration in one line. keys: with blanks between them."""
    return Command(name=name, keys=tuple(keys.split()), help=help_text, message=message, topic=topic, **what)  # type: ignore[arg-type]


MOVING, JOBS, VIEW, PLACES, RCQ = "Moving", "Jobs", "What is shown", "Places", "rcq"
"""Topics of the help page."""
