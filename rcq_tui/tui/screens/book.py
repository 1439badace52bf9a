"""A small form to book cards for a time. What is wrong with it is said while it is written.

Must not know how words become cards and times.
"""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label

from engine.protocol.errors import RcqError
from engine.protocol.responses import ReservationView
from rcq_tui.cli.failures import UsageError
from rcq_tui.tui.bookingwords import Wanted, wanted
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.messages import GoBack, SendForm
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.formats import duration, exact
from rcq_tui.viewmodel.text import clean


class BookScreen(CommandModal[ReservationView | None]):
    """Answers the booking, or nothing. what, begin: what stands in the fields at first."""

    BINDINGS = bindings("send", "back")

    def __init__(self, what: str, begin: str) -> None:
        super().__init__()
        self._what, self._begin = what, begin

    def compose(self) -> ComposeResult:
        """Three fields, what they mean, two buttons."""
        with Vertical(id="book") as box:
            box.border_title = "Book cards for a time"
            yield Label("Which: how many (2), or by index (gpu3; 0,2)", markup=False)
            yield Field(self._what, id="book-what")
            yield Label("From: now, +2h, 22:00, tomorrow 9:00", markup=False)
            yield Field(self._begin, id="book-begin")
            yield Label("For: 90m, 4h, 2d", markup=False)
            yield Field("2h", id="book-last")
            yield Words(id="book-said")
            with Horizontal(id="book-buttons"):
                yield Button("Book (Enter)", id="book-send", variant="primary", compact=True)
                yield Button("Leave (Esc)", id="book-leave", compact=True)

    def on_mount(self) -> None:
        """The cards first."""
        self.query_one("#book-what").focus()
        self._say()

    def _texts(self) -> tuple[str, str, str]:
        what, begin, last = (self.query_one(f"#book-{name}", Field).value for name in ("what", "begin", "last"))
        return what, begin, last

    def _say(self) -> None:
        now = self.desk.clock()
        try:
            asked = wanted(*self._texts(), now)
        except UsageError as error:
            self._tell(str(error), "warn")
        else:
            start = now if asked.start_at is None else asked.start_at
            self._tell(f"{exact(start)} to {exact(start + asked.duration_s)}, {duration(asked.duration_s)}", "ok")

    def _tell(self, text: str, role: str) -> None:
        self.query_one("#book-said", Words).put(Content.styled(clean(text), STYLES[role]))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what it means."""
        event.stop()
        self._say()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter books."""
        event.stop()
        self._send()

    def on_send_form(self, message: SendForm) -> None:
        """So does the key."""
        message.stop()
        self._send()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """And the buttons."""
        event.stop()
        if event.button.id == "book-send":
            self._send()
        else:
            self.dismiss(None)

    def on_go_back(self, message: GoBack) -> None:
        """Leave without a booking."""
        message.stop()
        self.dismiss(None)

    def _send(self) -> None:
        try:
            asked = wanted(*self._texts(), self.desk.clock())
        except UsageError as error:
            self._tell(str(error), "bad")
        else:
            self.run_worker(self._reserve(asked), name="book", group="book", exclusive=True)

    async def _reserve(self, asked: Wanted) -> None:
        try:
            slot = await self.desk.api.reserve(*asked)
        except RcqError as error:
            self._tell(clean(error), "bad")
        else:
            self.dismiss(slot)
