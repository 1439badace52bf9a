"""The keys at the foot of a screen: as many as fit whole, and always the one that tells of the others.

One widget that draws a line. Textual's own foot is a widget for each key, all made anew whenever the focus moves, which
takes longer than everything else about opening a screen. Must not know what any key does.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from rcq_tui.viewmodel.text import width

_HELP = "command('help')"
_GAPS = 3
"""Cells around a key and its word."""


class Key(NamedTuple):
    """A key that does something. name: what Textual calls it."""

    name: str
    display: str
    description: str
    action: str
    enabled: bool

    @property
    def cells(self) -> int:
        """Its width at the foot."""
        return width(self.display) + width(self.description) + _GAPS


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


class Foot(Widget):
    """Of a screen whose bindings come from the commands. A click on a key presses it."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"foot--key", "foot--description"}  # noqa: RUF012 - Textual declares it without ClassVar
    DEFAULT_CSS = """
    Foot {
        dock: bottom;
        height: 1;
        color: $footer-foreground;
        background: $footer-background;
        .foot--key {
            color: $footer-key-foreground;
            background: $footer-key-background;
            text-style: bold;
        }
        .foot--description {
            color: $footer-description-foreground;
            background: $footer-description-background;
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[Key] = []

    def on_mount(self) -> None:
        """The screen tells when its bindings change."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, screen: Screen[Any]) -> None:
        if not self.app.app_focus or screen is not self.screen:
            return
        keys: dict[str, Key] = {}
        for _, binding, enabled, _ in screen.active_bindings.values():
            if binding.show:
                display = self.app.get_key_display(binding)
                key = Key(binding.key, display, binding.description, binding.action, enabled)
                keys.setdefault(binding.action, key)
        if self._keys != list(keys.values()):
            self._keys = list(keys.values())
            self.refresh()

    @property
    def shown(self) -> list[Key]:
        """The keys that fit; a key that is cut in two says nothing."""
        always = next((at for at, key in enumerate(self._keys) if key.action == _HELP), None)
        return [self._keys[at] for at in fitting([key.cells for key in self._keys], self.size.width, always)]

    def render_line(self, y: int) -> Strip:
        """The keys side by side."""
        key_style, description_style = self._style("foot--key"), self._style("foot--description")
        segments: list[Segment] = []
        for key in self.shown:
            dim = Style(dim=None if key.enabled else True)
            segments.append(Segment(f" {key.display} ", key_style + dim))
            segments.append(Segment(f"{key.description} ", description_style + dim))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, role: str) -> Style:
        return self.rich_style + self.get_component_rich_style(role)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key under the pointer."""
        at = event.x
        for key in self.shown:
            at -= key.cells
            if at < 0:
                if key.enabled:
                    self.app.simulate_key(key.name)
                return
