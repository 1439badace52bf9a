"""Commands that go to a place. Must not know what is there."""

from rcq_tui.tui.commands.declared import PLACES, Command, command
from rcq_tui.tui.messages import GoTo


def _place(name: str, key: str, help_text: str, *aliases: str) -> Command:
    return command(PLACES, name, key, GoTo, help_text, says=name, everywhere=True, aliases=aliases)


ALL: tuple[Command, ...] = (
    _place("dashboard", "1", "cards and queue", "gpus", "box"),
    _place("queue", "2", "the queue alone", "jobs"),
    _place("plan", "3", "cards and the coming hours", "gantt"),
    _place("usage", "4", "who used what, of which share"),
    _place("admin", "5", "accounts, limits, cards, audit log, the engine"),
)
