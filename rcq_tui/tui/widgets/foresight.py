"""What would become of the job that a form asks for. Must not know the form, nor how the engine is asked."""

from textual.content import Content
from textual.widgets import Static

from rcq_tui.tui.palette import page
from rcq_tui.viewmodel.cards import Line


class Foresight(Static):
    """Lines that stay until others come; while the engine is asked they are said to be old by their title."""

    def __init__(self, *, ascii_only: bool, editing: bool) -> None:
        super().__init__(Content(""), id="foresight", markup=False)
        self._title = "What changes" if editing else "When it would start"
        self._dots = "..." if ascii_only else "…"
        self._lines: list[Line] = []
        self.border_title = self._title

    def show(self, lines: list[Line]) -> None:
        """These are true now."""
        self.border_title = self._title
        if lines != self._lines:
            self._lines = lines
            self.update(page(lines))

    def ask(self) -> None:
        """They are being asked for again."""
        self.border_title = f"{self._title} {self._dots}"
