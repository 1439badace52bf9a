"""The `:` line with what it may become, and the palette: the same, with everything to choose from.

Must not know what commands do: it hands the screen below what was meant.
"""

from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Label, Static

from rcq_tui.tui.commands import bindings
from rcq_tui.tui.commands.declared import MOVING, Command
from rcq_tui.tui.completion import MOST, Suggestion, parse, suggestions
from rcq_tui.tui.messages import CompleteLine, Decline, Down, Up
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import AnyScreen, CommandModal
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.text import clean, pad


class Meant(NamedTuple):
    """What was typed: a command, and what stood behind its name."""

    command: Command
    said: str


class LineScreen(CommandModal[Meant | None]):
    """Answers what was meant, or nothing. below: the screen that it is for. text: what stands there at first."""

    BINDINGS = bindings("complete", "line-down", "line-up", "close-line")

    def __init__(self, below: AnyScreen, text: str, *, palette: bool) -> None:
        super().__init__()
        self._below = below
        self._text = text
        self._palette = palette
        self._offered = [one for one in below.offers() if one.topic != MOVING]
        self._found: list[Suggestion] = []
        self._at = 0

    def compose(self) -> ComposeResult:
        """Suggestions above, the line below."""
        with Vertical(id="line"):
            yield Words(id="line-suggestions")
            yield Static("", id="line-wrong", markup=False)
            with Horizontal(id="line-row"):
                yield Label("^p " if self._palette else ":", markup=False)
                yield Field(self._text, id="line-text")

    def on_mount(self) -> None:
        """Letters go into the line."""
        self.query_one("#line-text", Field).focus()
        self.query_one("#line-wrong").display = False
        self._suggest()

    def _suggest(self) -> None:
        text = self.query_one("#line-text", Field).value
        self._found = suggestions(text, self._offered, self._below.choices, palette=self._palette)
        self._at = 0
        self._draw()

    def _draw(self) -> None:
        lines = [self._line(one, at == self._at) for at, one in enumerate(self._found)]
        self.query_one("#line-suggestions", Words).put(Content("\n").join(lines[:MOST]))

    def _line(self, one: Suggestion, chosen: bool) -> Content:
        sign = ">" if chosen else " "
        name, keys = pad(clean(one.text), 16), pad(one.keys, 10)
        style = "bold $text-primary" if chosen else STYLES["text"]
        return Content.assemble((f"{sign} {name} ", style), (keys + " ", STYLES["info"]), (one.help, STYLES["quiet"]))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Suggest anew."""
        event.stop()
        self.query_one("#line-wrong").display = False
        self._suggest()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: what was meant; in the palette and with a moved choice, what is chosen."""
        event.stop()
        text = event.value
        if self._found and (self._palette or self._at):
            text = self._found[self._at].text
            if text.endswith(" ") and not event.value.startswith(text):
                self._put(text)
                return
            text = event.value if event.value.startswith(text) else text
        found = parse(text, self._offered)
        if isinstance(found, str):
            wrong = self.query_one("#line-wrong", Static)
            wrong.update(clean(found))
            wrong.display = True
        else:
            self.dismiss(Meant(*found))

    def _put(self, text: str) -> None:
        field = self.query_one("#line-text", Field)
        field.value = text
        field.cursor_position = len(text)

    def on_complete_line(self, message: CompleteLine) -> None:
        """Tab: the chosen suggestion."""
        message.stop()
        if self._found:
            self._put(self._found[self._at].text)

    def on_down(self, message: Down) -> None:
        """The next suggestion."""
        self._choose(message, 1)

    def on_up(self, message: Up) -> None:
        """The one before."""
        self._choose(message, -1)

    def _choose(self, message: Down | Up, by: int) -> None:
        message.stop()
        if self._found:
            self._at = (self._at + by) % len(self._found)
            self._draw()

    def on_decline(self, message: Decline) -> None:
        """Leave it."""
        message.stop()
        self.dismiss(None)
