"""Asks whether to cancel a job, and names it. Nothing is cancelled by a key that was meant for something else.

Must not know how a job is cancelled.
"""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from engine.protocol.responses import JobRow
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.messages import Confirm, Decline
from rcq_tui.tui.palette import page
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.viewmodel.details import cancel_question, place_lines


class CancelScreen(CommandModal[bool]):
    """Answers true for yes. The button that keeps the job has the focus, so Enter by mistake does no harm."""

    BINDINGS = bindings("yes", "no")

    def __init__(self, job: JobRow) -> None:
        super().__init__()
        self._job = job

    def compose(self) -> ComposeResult:
        """The job, and two buttons."""
        question = place_lines(cancel_question(self._job, self.desk.clock()), 52)
        with Vertical(id="cancel") as box:
            box.border_title = f"Cancel job {self._job.id}?"
            yield Static(page(question), markup=False)
            yield Static(self._warning(), id="cancel-warning", markup=False)
            with Horizontal(id="cancel-buttons"):
                yield Button("Keep it (n)", id="keep", compact=True)
                yield Button(f"Cancel job {self._job.id} (y)", id="yes", variant="error", compact=True)

    def _warning(self) -> str:
        if self._job.state in {"running", "scheduled"}:
            return "It is running: all of its processes are ended."
        return "It leaves the queue."

    def on_mount(self) -> None:
        """The harmless button first."""
        self.query_one("#keep", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons answer as the keys do."""
        event.stop()
        self.dismiss(event.button.id == "yes")

    def on_confirm(self, message: Confirm) -> None:
        """Yes."""
        message.stop()
        self.dismiss(True)

    def on_decline(self, message: Decline) -> None:
        """No."""
        message.stop()
        self.dismiss(False)
