"""Every key on one page, made from the commands' declarations.

Must not know what commands do.
"""

from collections.abc import Collection
from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from rcq_tui.tui import messages
from rcq_tui.tui.commands import COMMANDS, bindings, key_name
from rcq_tui.tui.commands.declared import Command
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import Commanded, CommandModal
from rcq_tui.tui.screens.scrolled import Scrolled
from rcq_tui.viewmodel.states import GPU_STATES, JOB_STATES, colour, symbol
from rcq_tui.viewmodel.text import pad


def help_lines(offered: Collection[Command]) -> list[tuple[str, list[Command]]]:
    """Topics with their commands, in the order of their declaration: those that are offered, then the others."""
    topics: dict[str, list[Command]] = {}
    for command in COMMANDS.values():
        topics.setdefault(command.topic if command in offered else _ELSEWHERE, []).append(command)
    return sorted(topics.items(), key=lambda topic: topic[0] == _ELSEWHERE)


_ELSEWHERE = "On other screens"


class HelpScreen(Scrolled, CommandModal[None]):
    """All keys, and what the signs mean. below: the screen whose keys come first."""

    BINDINGS = bindings("no", "help", "quit", "down", "up", "page-down", "page-up", "top", "bottom")

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        self._offered = below.offers() if isinstance(below, Commanded) else []

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(id="help") as page:
            page.border_title = "Keys"
            page.border_subtitle = "Esc closes"
            yield Static(self._page(), markup=False)

    def on_mount(self) -> None:
        """Keys scroll at once."""
        self.query_one(VerticalScroll).focus()

    def _page(self) -> Content:
        parts: list[Content] = []
        for topic, commands in help_lines(self._offered):
            parts.append(Content.styled(topic, "bold $text-primary"))
            parts += [self._line(command) for command in commands]
            parts.append(Content(""))
        parts.append(Content.styled("Signs", "bold $text-primary"))
        jobs = list(JOB_STATES)
        parts += [self._signs(states) for states in ([*jobs[:4], "paused"], jobs[4:], list(GPU_STATES))]
        return Content("\n").join(parts)

    def _line(self, command: Command) -> Content:
        keys = "  ".join(map(key_name, command.keys))
        line = f":{command.name} {command.argument}".rstrip()
        named = ("  " + pad(keys, 11), "bold $foreground"), (pad(line, 21), STYLES["info"])
        return Content.assemble(*named, (command.help, STYLES["text"]))

    def _signs(self, states: list[str]) -> Content:
        ascii_only = self.desk.ascii_only
        pairs = [(f"  {symbol(state, ascii_only=ascii_only)} {state}", STYLES[colour(state)]) for state in states]
        return Content.assemble(*pairs)

    def on_decline(self, message: messages.Decline) -> None:
        """Close."""
        message.stop()
        self.dismiss()

    def on_show_help(self, message: messages.ShowHelp) -> None:
        """The key that opened it closes it."""
        message.stop()
        self.dismiss()

    def on_quit(self, message: messages.Quit) -> None:
        """`q` closes a page that is merely read."""
        message.stop()
        self.dismiss()
