"""The `:` line and the palette without their looks: what a typed text may mean. Must not know widgets."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.fuzzy import Matcher

from rcq_tui.tui.commands import key_name
from rcq_tui.tui.commands.declared import Command

MOST = 12
"""Suggestions at once."""


class Suggestion(NamedTuple):
    """text: what the line holds if it is taken. keys, help: shown beside it."""

    text: str
    keys: str
    help: str


def parse(text: str, offered: Sequence[Command]) -> tuple[Command, str] | str:
    """The command that the text means and what stands behind its name, else what is wrong with it.

    A name may be cut short as long as one command alone begins so.
    """
    name, _, said = text.strip().partition(" ")
    if not name:
        return "Type a command; Tab completes it."
    exact = [one for one in offered if name == one.name or name in one.aliases]
    found = exact or [one for one in offered if one.name.startswith(name)]
    if not found:
        return f"There is no command {name} here. ^p lists what there is."
    if len(found) > 1:
        return f"{name} may be {', '.join(one.name for one in found[:6])}."
    command, said = found[0], said.strip()
    if command.needs_argument and not said and not command.says:
        return f"{command.name} needs more: {command.name} {command.argument}"
    if said and not command.argument:
        return f"{command.name} stands alone; nothing goes behind it."
    return command, said or command.says


def suggestions(
    text: str, offered: Sequence[Command], choices: Callable[[str], list[str]], *, palette: bool
) -> list[Suggestion]:
    """What the text may become, the likeliest first; of a palette also by the words of a command's help."""
    name, blank, said = text.lstrip().partition(" ")
    command = next((one for one in offered if name == one.name or name in one.aliases), None)
    if blank and command is not None and command.choices:
        words = [word for word in choices(command.choices) if word.startswith(said.strip())]
        return [Suggestion(f"{command.name} {word}", "", "") for word in words[:MOST]]
    if blank and not palette:
        return []
    return [_suggestion(one) for one in _ranked(text.strip(), offered, palette)[:MOST]]


def _ranked(text: str, offered: Sequence[Command], palette: bool) -> list[Command]:
    if not text:
        return list(offered)
    begins = [one for one in offered if one.name.startswith(text) or text in one.aliases]
    matcher = Matcher(text)
    scored = [(_score(matcher, one, palette), one) for one in offered if one not in begins]
    return begins + [one for score, one in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def _score(matcher: Matcher, command: Command, palette: bool) -> float:
    score = matcher.match(command.name)
    return max(score, matcher.match(command.help) / 2) if palette else score


def _suggestion(command: Command) -> Suggestion:
    text = f"{command.name} " if command.needs_argument else command.name
    named = f"{command.argument}  {command.help}" if command.argument else command.help
    return Suggestion(text, " ".join(map(key_name, command.keys)), named)
