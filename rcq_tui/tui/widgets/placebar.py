"""The first line of every place: where one can go and where one is, who is logged in, and how the engine is.

Must not know what is at the places.
"""

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.protocol.people import Me
from engine.protocol.responses import Stats
from rcq_tui.tui.messages import GoTo
from rcq_tui.tui.palette import STYLES, content
from rcq_tui.tui.places import PLACES
from rcq_tui.viewmodel.strip import account_words, engine_words
from rcq_tui.viewmodel.text import width

_BADGE = " rcq "


class PlaceBar(Widget):
    """One line. place: where one is. now: Unix seconds."""

    place: reactive[str] = reactive("")
    me: reactive[Me | None] = reactive(None)
    stats: reactive[Stats | None] = reactive(None)
    now: reactive[float] = reactive(0.0)

    def render(self) -> RenderResult:
        """Places to the left; to the right who and the engine, as far as there is room."""
        left = Content.assemble((_BADGE, "bold $background on $primary"), *self._places())
        room = self.size.width - 2 - left.cell_length
        right = self._right(room)
        return left + Content(" " * max(1, room - right.cell_length + 1)) + right

    def _places(self) -> list[tuple[str, str]]:
        pieces: list[tuple[str, str]] = []
        for place in PLACES:
            here = place.name == self.place
            text = f"[{place.key} {place.label}]" if here else f" {place.key} {place.label} "
            pieces.append((text, STYLES["title"] if here else STYLES["quiet"]))
        return pieces

    def _right(self, room: int) -> Content:
        who = content(account_words(self.me))
        if self.stats is None:
            return who if who.cell_length <= room else Content("")
        text, role = engine_words(self.stats, self.now)
        engine = Content.styled(text, STYLES[role])
        if role != "quiet" and width(text) + 3 + who.cell_length > room:
            return engine.truncate(max(0, room), ellipsis=True)  # an engine in trouble comes first
        for shown in (who + Content("   ") + engine, who):
            if shown.cell_length <= room:
                return shown
        return Content("")

    def on_click(self, event: events.Click) -> None:
        """To the place that was clicked."""
        at = event.x - self.styles.padding.left - len(_BADGE)
        for place in PLACES:
            at -= len(place.key) + len(place.label) + 3
            if at < 0:
                if event.x >= len(_BADGE):
                    self.post_message(GoTo(place.name))
                return
