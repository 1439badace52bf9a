"""Every key on one page, made from the commands' declarations.

Must not know what commands do.
"""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from rcq_tui.tui.commands import COMMANDS, Command, bindings, key_name
from rcq_tui.tui.messages import Decline, Down, Quit, ShowHelp, Up
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.viewmodel.states import GPU_STATES, JOB_STATES, colour, symbol
from rcq_tui.viewmodel.text import pad


def help_lines() -> list[tuple[str, list[Command]]]:
    """Topics with their commands, in the order of their declaration."""
    topics: dict[str, list[Command]] = {}
    for command in COMMANDS.values():
        topics.setdefault(command.topic, []).append(command)
    return list(topics.items())


class HelpScreen(CommandModal[None]):
    """All keys, and what the signs mean."""

    BINDINGS = bindings("no", "help", "quit", "down", "up")

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
        for topic, commands in help_lines():
            parts.append(Content.styled(topic, "bold $text-primary"))
            parts += [self._line(command) for command in commands]
            parts.append(Content(""))
        parts.append(Content.styled("Signs", "bold $text-primary"))
        jobs = list(JOB_STATES)
        parts += [self._signs(states) for states in ([*jobs[:4], "paused"], jobs[4:], list(GPU_STATES))]
        return Content("\n").join(parts)

    def _line(self, command: Command) -> Content:
        keys = "  ".join(map(key_name, command.keys))
        return Content.assemble(("  " + pad(keys, 12), "bold $foreground"), (command.help, STYLES["text"]))

    def _signs(self, states: list[str]) -> Content:
        ascii_only = self.desk.ascii_only
        pairs = [(f"  {symbol(state, ascii_only=ascii_only)} {state}", STYLES[colour(state)]) for state in states]
        return Content.assemble(*pairs)

    def on_decline(self, message: Decline) -> None:
        """Close."""
        message.stop()
        self.dismiss()

    def on_show_help(self, message: ShowHelp) -> None:
        """The key that opened it closes it."""
        message.stop()
        self.dismiss()

    def on_quit(self, message: Quit) -> None:
        """`q` closes a page that is merely read."""
        message.stop()
        self.dismiss()

    def on_down(self, message: Down) -> None:
        """Scroll."""
        message.stop()
        self.query_one(VerticalScroll).scroll_relative(y=1, animate=False)

    def on_up(self, message: Up) -> None:
        """Scroll."""
        message.stop()
        self.query_one(VerticalScroll).scroll_relative(y=-1, animate=False)
