"""Lines of coloured pieces of which only the cells that changed are drawn again.

Must not know what the lines say.
"""

from collections.abc import Sequence

from textual.app import RenderResult
from textual.geometry import Region
from textual.widget import Widget

from rcq_tui.tui.palette import page
from rcq_tui.viewmodel.pieces import Line, changed


class Pieces(Widget):
    """Puts may come every second: what stays the same costs nothing over a slow line. drawn: cells drawn again since
    all of it was drawn, for tests.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.drawn = 0
        self._lines: Sequence[Line] = ()

    def put(self, lines: Sequence[Line]) -> None:
        """Show these lines from now on. Another number of lines is drawn as a whole."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.refresh(layout=True)
            return
        runs = [(y, run) for y, pair in enumerate(zip(before, lines, strict=True)) for run in changed(*pair)]
        if runs:
            self.drawn += sum(cells for _, (_, cells) in runs)
            self.refresh(*(Region(x, y, cells, 1) for y, (x, cells) in runs))

    def render(self) -> RenderResult:
        """All lines."""
        return page(self._lines)
