"""Every command of the terminal UI, gathered from the modules beside this one.

Key bindings, the foot of each screen, the help page, the `:` line and the palette are made from the declarations. Must
not know what a command does.
"""

from textual.binding import Binding, BindingType

from rcq_tui.tui.commands import (
    admin,
    cards,
    form,
    jobedit,
    jobpages,
    jobs,
    moving,
    places,
    plan,
    program,
    queue,
    usage,
)
from rcq_tui.tui.commands.declared import Command

_PARTS = (moving, jobs, cards, queue, form, places, plan, usage, admin, jobedit, jobpages, program)

COMMANDS: dict[str, Command] = {one.name: one for part in _PARTS for one in part.ALL}

EVERYWHERE: tuple[str, ...] = tuple(name for name, one in COMMANDS.items() if one.everywhere)
"""What every whole screen offers."""

_KEY_NAMES = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "comma": ",",
    "full_stop": ".",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "asterisk": "*",
    "tab": "Tab",
    "shift+tab": "S-Tab",
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
    return [_binding(COMMANDS[name]) for name in names if COMMANDS[name].keys]


def place_bindings(*names: str) -> list[BindingType]:
    """The same of a whole screen: with what is offered everywhere, unless one of its own has that key."""
    taken = {key for name in names for key in COMMANDS[name].keys}
    rest = [name for name in EVERYWHERE if name not in names and not taken & set(COMMANDS[name].keys)]
    return bindings(*names, *rest)


def _binding(command: Command) -> Binding:
    return Binding(
        ",".join(command.keys),
        f"command('{command.name}')",
        command.label or command.help,
        show=bool(command.label),
        key_display=key_name(command.keys[0]),
        priority=command.typing,
    )
