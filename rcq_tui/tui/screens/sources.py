"""Where the numbers of a screen come from, on a page over it. Must not know the numbers."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from rcq_tui.tui import messages
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import CommandModal


class SourcesScreen(CommandModal[None]):
    """told: names and what each rests on."""

    BINDINGS = bindings("back", "down", "up")

    def __init__(self, told: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._told = told

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(id="sources") as page:
            page.border_title = "Where the numbers come from"
            page.border_subtitle = "Esc closes"
            for name, words in self._told:
                said = Content.assemble((name + "  ", "bold $text-primary"), (words, STYLES["text"]))
                yield Static(said, classes="source", markup=False)

    def on_mount(self) -> None:
        """Keys scroll at once."""
        self.query_one(VerticalScroll).focus()

    def on_go_back(self, message: messages.GoBack) -> None:
        """Close."""
        message.stop()
        self.dismiss()

    def on_down(self, message: messages.Down) -> None:
        """Scroll."""
        message.stop()
        self.query_one(VerticalScroll).scroll_relative(y=1, animate=False)

    def on_up(self, message: messages.Up) -> None:
        """Scroll."""
        message.stop()
        self.query_one(VerticalScroll).scroll_relative(y=-1, animate=False)
