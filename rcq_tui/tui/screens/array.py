"""Writes a job array from its parts: from, to, step, how many at once; says how many jobs that makes.

Must not know the form that it is for.
"""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Label

from engine.protocol.arrays import parse_array
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.form.meaning import array_meaning
from rcq_tui.tui.formwishes import NextField, PreviousField
from rcq_tui.tui.messages import Decline
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.text import clean

_PARTS = (("from", "From"), ("to", "To"), ("step", "Step"), ("most", "At once"))


class ArrayScreen(CommandModal[str | None]):
    """Answers the array as it is written in the field, or nothing. text: what stands there already."""

    CSS_PATH = "pick.tcss"
    BINDINGS = bindings("next-field", "previous-field", "pick-leave")

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Four numbers, and what they make."""
        with Vertical(id="array") as box:
            box.border_title = "A job for each index"
            box.border_subtitle = "Enter takes it   Esc leaves"
            for (name, label), told in zip(_PARTS, parts(self._text), strict=True):
                with Horizontal(classes="part"):
                    yield Label(label, classes="label", markup=False)
                    yield Field(told, id=f"array-{name}")
            yield Words(id="array-says")

    def on_mount(self) -> None:
        """From where comes first."""
        self.query_one("#array-from", Field).focus()
        self._say()

    def _written(self) -> str:
        first, last, step, most = (self.query_one(f"#array-{name}", Field).value.strip() for name, _ in _PARTS)
        by = f":{step}" if step and step != "1" else ""
        return f"{first}-{last}{by}" + (f"%{most}" if most else "")

    def _wrong(self) -> str:
        try:
            parse_array(self._written())
        except ValueError as error:
            return str(error)
        return ""

    def _say(self) -> None:
        wrong, written = self._wrong(), self._written()
        told = clean(wrong) if wrong else f"{written}   {array_meaning(written)}"
        self.query_one("#array-says", Words).put(Content.styled(told, STYLES["warn" if wrong else "ok"]))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say it anew."""
        event.stop()
        self._say()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes it, if it is one."""
        event.stop()
        if not self._wrong():
            self.dismiss(self._written())

    def on_next_field(self, message: NextField) -> None:
        """Down."""
        message.stop()
        self.focus_next()

    def on_previous_field(self, message: PreviousField) -> None:
        """Up."""
        message.stop()
        self.focus_previous()

    def on_decline(self, message: Decline) -> None:
        """Leave the field as it is."""
        message.stop()
        self.dismiss(None)


def parts(text: str) -> tuple[str, str, str, str]:
    """From, to, step and how many at once of an array that is one range; else those of a small one."""
    try:
        spec = parse_array(text.strip())
    except ValueError:
        return "0", "9", "1", ""
    most = "" if spec.most is None else str(spec.most)
    if isinstance(spec.indices, range):
        return str(spec.indices[0]), str(spec.indices[-1]), str(spec.indices.step), most
    return str(spec.indices[0]), str(spec.indices[-1]), "1", most
