"""The plan's picture on the screen: only lines that show something else are drawn again.

Must not know what the bars are, or what keys do.
"""

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from rcq_tui.tui.palette import STYLES
from rcq_tui.viewmodel.planbars import Cell
from rcq_tui.viewmodel.planchart import HEAD, Chart, Pieces, Room, Spot

_HUES = {"mine": "$accent", "hue0": "$primary", "hue1": "$secondary", "hue2": "$success", "hue3": "$warning"}
_PAINTS = {
    **{name: style for name, style in STYLES.items() if " on " not in style},
    **_HUES,
    **{f"{name}.soft": f"{hue} 40%" for name, hue in _HUES.items()},
    **{f"{name}.faint": f"{hue} 18%" for name, hue in _HUES.items()},
    "grid": "$foreground 28%",
    "now": "$text-error",
    "chosen": "$foreground",
    "kin": "$foreground 65%",
    "bare": "$background",
    "word": "$text",
    "own": "bold $text",
}
"""Names of the view model's paints to the theme's colours."""


def style_of(paint: str, sixteen: bool = False) -> str:
    """`ink/ground` as a style. sixteen: colours cannot be mixed, so that signs alone tell kinds and choice."""
    ink, _, ground = paint.partition("/")
    over = _PAINTS.get(ink, "$foreground")
    if not sixteen:
        return f"{over} on {_PAINTS[ground]}" if ground else over
    if ground in {"chosen", "kin"}:
        return "reverse" if ground == "chosen" else "reverse dim"
    hue, _, depth = (ground or ink).partition(".")
    turned = ink == "bare" or (ink in {"word", "own"} and not depth)
    return f"{_HUES[hue]} reverse" if turned else _HUES.get(hue, over)


def painted(pieces: Sequence[Cell], sixteen: bool = False) -> Content:
    """Pieces with their paints as a line."""
    return Content.assemble(*((text, style_of(paint, sixteen)) for text, paint in pieces))


class PlanChart(ScrollView, can_focus=True, inherit_bindings=False):
    """Cards and time. drawn: how many lines were asked to be drawn again, for tests."""

    class Pointed(Message):
        """A bar was clicked. again: it was under the cursor already."""

        def __init__(self, spot: Spot, *, again: bool) -> None:
            super().__init__()
            self.spot = spot
            self.again = again

    class Resized(Message):
        """There is another room for the picture."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.drawn = 0
        self._chart: Chart | None = None
        self._chosen: Spot | None = None
        self._lines: dict[int, Pieces] = {}

    @property
    def room(self) -> Room:
        """What the picture may take."""
        return Room(max(20, self.size.width), max(1, self.size.height - HEAD))

    def show(self, chart: Chart, chosen: Spot | None) -> None:
        """Show this picture, with that bar under the cursor."""
        self._chart, self._chosen = chart, chosen
        self.virtual_size = Size(self.size.width, HEAD + len(chart.rows))
        if chosen is not None:
            self._keep_visible(chart, chosen)
        for y in range(self.size.height):
            if self._lines.get(y) != self._wanted(y):
                self.drawn += 1
                self.refresh(Region(0, y, self.size.width, 1))

    def _keep_visible(self, chart: Chart, chosen: Spot) -> None:
        row, top = chart.first_row.get((chosen.card, chosen.lane), 0), self.scroll_offset.y
        room = self.room.lines
        if row < top:
            self.scroll_to(y=row, animate=False, force=True)
        elif row + chart.high > top + room:
            self.scroll_to(y=row + chart.high - room, animate=False, force=True)

    def _wanted(self, y: int) -> Pieces:
        if self._chart is None:
            return []
        if y < HEAD:
            return self._chart.head[y]
        at = y - HEAD + self.scroll_offset.y
        return self._chart.rows[at] if at < len(self._chart.rows) else []

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        pieces = self._wanted(y)
        self._lines[y] = pieces
        if not pieces:
            return Strip.blank(self.size.width, self.rich_style)
        return Visual.to_strips(self, painted(pieces, self._sixteen()), self.size.width, 1, self.visual_style)[0]

    def _sixteen(self) -> bool:
        return self.app.current_theme.primary.startswith("ansi")

    def on_resize(self, event: events.Resize) -> None:
        """The picture has to be made anew."""
        self._lines.clear()
        self.post_message(self.Resized())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Every line moves."""
        super().watch_scroll_y(old_value, new_value)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """To the bar that was clicked; a second click chooses it."""
        chart, row = self._chart, event.y - HEAD + self.scroll_offset.y
        if chart is None or event.y < HEAD:
            return
        at = event.x - chart.label
        for spot in chart.all_spots():
            top = chart.first_row[spot.card, spot.lane]
            if top <= row < top + chart.high and spot.begin <= at < spot.end:
                again = self._chosen is not None and self._chosen.key == spot.key
                self.post_message(self.Pointed(spot, again=again))
                return
