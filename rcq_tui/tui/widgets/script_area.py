"""Several lines of text: a script, or one command that Enter sends.

What is not printable is drawn as a sign in its place, and stays in the text. Must not know what the text is for.
"""

from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import TextArea

from rcq_tui.viewmodel.text import clean

_UNSEEN = "\ufffd"
_LINE_MOST = 20_000
"""Characters of one line that are drawn; nobody reads on."""


class ScriptArea(TextArea):
    """As high as its text, from one line to `most`. Enter sends what has one line; ctrl+j begins another one."""

    @dataclass
    class Sent(Message):
        """Enter, where there is one line."""

        area: "ScriptArea"

    @dataclass
    class Older(Message):
        """Up, where there is nothing above."""

        area: "ScriptArea"

    @dataclass
    class Newer(Message):
        """Down, where there is nothing below."""

        area: "ScriptArea"

    def __init__(self, text: str = "", *, id: str, placeholder: str = "", most: int = 8) -> None:
        super().__init__(
            text, id=id, placeholder=placeholder, compact=True, highlight_cursor_line=False, soft_wrap=True
        )
        self.cursor_blink = False
        self._most = most

    @property
    def value(self) -> str:
        """The text."""
        return self.text

    @value.setter
    def value(self, text: str) -> None:
        self.text = text
        self.move_cursor(self.document.end)

    def get_line(self, line_index: int) -> Text:
        """A line with nothing in it that has power over the terminal."""
        line = self.document.get_line(line_index)
        return Text(line if line.isascii() and line.isprintable() else _seen(line), end="", no_wrap=True)

    def fit(self) -> None:
        """As high as the text is now."""
        wanted = min(max(1, self.wrapped_document.height), self._most)
        if self.styles.height is None or self.styles.height.value != wanted:
            self.styles.height = wanted

    def on_mount(self) -> None:
        """As high as its text."""
        self.fit()

    def on_text_area_changed(self) -> None:
        """The height follows the text."""
        self.fit()

    def _on_resize(self) -> None:
        super()._on_resize()
        self.fit()

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "ctrl+j":
            self._instead(event)
            self.insert("\n")
        elif event.key == "enter" and self.document.line_count == 1:
            self._instead(event)
            self.post_message(self.Sent(self))
        else:
            await super()._on_key(event)

    def _instead(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()

    def action_cursor_up(self, select: bool = False) -> None:
        """Above the first line there is what was before."""
        if self.cursor_at_first_line and not select:
            self.post_message(self.Older(self))
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Below the last line there is what comes next."""
        if self.cursor_at_last_line and not select:
            self.post_message(self.Newer(self))
        else:
            super().action_cursor_down(select)


def _seen(line: str) -> str:
    """As many characters as before, so that the cursor stands where it stands."""
    return "".join(char if char == "\t" or (char.isprintable() and clean(char) == char) else _UNSEEN for char in line)
