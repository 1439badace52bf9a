"""The keys at the foot of a screen: as many as fit whole, and always the one that tells of the others.

Must not know what any key does.
"""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from rcq_tui.viewmodel.text import width

_HELP = "command('help')"
_GAPS = 3
"""Cells around a key and its word."""


def fitting(cells: Sequence[int], room: int, always: int | None) -> list[int]:
    """Which of the keys that take so many cells are shown: all, else the first ones and that at `always`."""
    if sum(cells) <= room:
        return list(range(len(cells)))
    left = room - (cells[always] if always is not None else 0)
    shown: list[int] = []
    for at, needed in enumerate(cells):
        if at != always and (left := left - needed) < 0:
            break
        shown.append(at)
    return shown if always is None or always in shown else [*shown, always]


class Foot(Footer):
    """Of a screen whose bindings come from the commands."""

    _room = 0

    def compose(self) -> ComposeResult:
        """The keys that fit; a key that is cut in two says nothing."""
        self._room = self.app.size.width
        keys = [one for one in super().compose() if isinstance(one, FooterKey)]
        cells = [width(one.key_display) + width(one.description) + _GAPS for one in keys]
        always = next((at for at, one in enumerate(keys) if one.action == _HELP), None)
        yield from (keys[at] for at in fitting(cells, self._room, always))

    def on_resize(self, event: Resize) -> None:
        """Another width, other keys."""
        if self._room not in (0, event.size.width):
            self.call_after_refresh(self.recompose)
