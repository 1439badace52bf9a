"""Places to write and to tick: one line each, calm, and clear without colour.

Must not know what is asked.
"""

from textual.widgets import Checkbox, Input

from rcq_tui.viewmodel.text import clean


class Field(Input):
    """One line of text. Its cursor does not blink: that would be traffic for ever over a slow line."""

    def __init__(self, value: str = "", *, id: str, placeholder: str = "", password: bool = False) -> None:
        super().__init__(value, id=id, placeholder=placeholder, password=password, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """What is pasted or put there may be anybody's text: nothing in it has power over the terminal."""
        return value if value.isprintable() else clean(value)


class Tick(Checkbox):
    """A box whose sign, not only its colour, says whether it is ticked."""

    BUTTON_INNER = " "

    def __init__(self, *, id: str) -> None:
        super().__init__("", id=id, compact=True)

    def watch_value(self) -> None:
        """Change the sign with the value."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()
