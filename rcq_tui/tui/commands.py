"""Every command of the terminal UI: one declaration of name, keys, help and message.

Key bindings, the foot of each screen and the help screen are made from it. Must not know what a command does.
"""

from dataclasses import dataclass

from textual.binding import Binding, BindingType
from textual.message import Message

from rcq_tui.tui import messages


@dataclass(slots=True, frozen=True, kw_only=True)
class Command:
    """keys: as Textual names them. label: for the foot of a screen, empty to leave it out. topic: where help has it.
    typing: letters follow it. It is carried out before the next key is looked at, or letters typed ahead over a slow
    line would be taken for commands.
    """

    name: str
    keys: tuple[str, ...]
    help: str
    message: type[Message]
    topic: str
    label: str = ""
    typing: bool = False


def _command(topic: str, name: str, keys: str, message: type[Message], texts: tuple[str, str] | str) -> Command:
    help_text, label = (texts, "") if isinstance(texts, str) else texts
    typing = message in {messages.EditFilter, messages.ComposeJob}
    return Command(
        name=name, keys=tuple(keys.split()), help=help_text, message=message, topic=topic, label=label, typing=typing
    )


_MOVE, _JOB, _VIEW, _RCQ = "Moving", "Jobs", "What is shown", "rcq"

_ALL = (
    _command(_MOVE, "down", "j down", messages.Down, "one line down"),
    _command(_MOVE, "up", "k up", messages.Up, "one line up"),
    _command(_MOVE, "left", "h left", messages.Left, "back, or scroll the log to the left"),
    _command(_MOVE, "right", "l right", messages.Right, "open the job, or scroll the log to the right"),
    _command(_MOVE, "top", "g home", messages.Top, "to the first line (gg works too)"),
    _command(_MOVE, "bottom", "G end", messages.Bottom, "to the last line; in a log: follow it"),
    _command(_MOVE, "page-down", "ctrl+f pagedown", messages.PageDown, "a page down"),
    _command(_MOVE, "page-up", "ctrl+b pageup", messages.PageUp, "a page up"),
    _command(_JOB, "open", "enter", messages.OpenJob, ("open the job: details, reasons, log", "open")),
    _command(_JOB, "submit", "s", messages.ComposeJob, ("submit a job", "submit")),
    _command(_JOB, "cancel", "c", messages.AskCancel, ("cancel the job; asks first", "cancel")),
    _command(_JOB, "hold", "H", messages.ToggleHold, ("hold a pending job, release a held one", "hold")),
    _command(_JOB, "yes", "y", messages.Confirm, "yes, where rcq asks"),
    _command(_JOB, "no", "n escape", messages.Decline, "no, where rcq asks"),
    _command(_JOB, "send", "ctrl+s", messages.SendForm, ("send the submit form", "send")),
    _command(_VIEW, "filter", "slash", messages.EditFilter, ("filter the queue: words of a row", "filter")),
    _command(_VIEW, "mine", "m", messages.ToggleMine, ("only my jobs, or everybody's", "mine")),
    _command(_VIEW, "finished", "f", messages.ToggleFinished, ("show finished jobs, or not", "finished")),
    _command(_VIEW, "stream", "o", messages.ToggleStream, ("switch between stdout and stderr", "stdout/stderr")),
    _command(_VIEW, "refresh", "r", messages.Refresh, "fetch everything again"),
    _command(_VIEW, "theme", "T", messages.NextTheme, "next colour theme"),
    _command(_RCQ, "help", "question_mark", messages.ShowHelp, ("this page", "help")),
    _command(_RCQ, "back", "escape", messages.GoBack, ("leave this screen", "back")),
    _command(_VIEW, "clear", "escape", messages.Clear, "drop the filter"),
    _command(_RCQ, "leave", "ctrl+q", messages.Quit, "quit, from where letters are typed"),
    _command(_RCQ, "logout", "L", messages.LogOut, "log out"),
    _command(_RCQ, "quit", "q", messages.Quit, ("quit; jobs run on", "quit")),
)

COMMANDS: dict[str, Command] = {command.name: command for command in _ALL}

_KEY_NAMES = {
    "slash": "/",
    "question_mark": "?",
    "escape": "Esc",
    "enter": "Enter",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
    "pagedown": "PgDn",
    "pageup": "PgUp",
}


def key_name(key: str) -> str:
    """A key as people write it."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    return _KEY_NAMES.get(key, key)


def bindings(*names: str) -> list[BindingType]:
    """The bindings of a screen that offers these commands; in the foot they stand in this order."""
    return [_binding(COMMANDS[name]) for name in names]


def _binding(command: Command) -> Binding:
    return Binding(
        ",".join(command.keys),
        f"command('{command.name}')",
        command.label or command.help,
        show=bool(command.label),
        key_display=key_name(command.keys[0]),
        priority=command.typing,
    )
