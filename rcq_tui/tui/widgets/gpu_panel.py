"""The GPUs: a card each where there is room, else a line each.

Must not know where readings come from.
"""

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult, RenderResult
from textual.containers import Grid
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.protocol.cards import GpuView
from rcq_tui.tui.palette import STYLES, content, page
from rcq_tui.viewmodel import cards
from rcq_tui.viewmodel.history import History
from rcq_tui.viewmodel.states import colour

_CARD_CELLS = 34
"""A card is at least so wide, with its frame."""

_CARD_ROWS = cards.CARD_LINES + 2

Values = Sequence[float | None]


class GpuCard(Widget):
    """One card in a frame."""

    card: reactive[GpuView | None] = reactive(None)
    history: reactive[Values] = reactive(())
    ascii_only: bool = False

    def watch_card(self, card: GpuView | None) -> None:
        """The frame carries the name, and in its other corner what is special."""
        if card is None:
            return
        self.border_title = content(cards.title(card, ascii_only=self.ascii_only))
        text, role = cards.note(card)
        self.border_subtitle = Content.styled(text, STYLES[role]) if text else None
        self.set_class(colour(card.state) == "bad", "-bad")

    def render(self) -> RenderResult:
        """The gauges."""
        if self.card is None:
            return Content("")
        return page(cards.lines(self.card, self.history, self.content_size.width, ascii_only=self.ascii_only))


class GpuRows(Widget):
    """All cards, a line each, under a heading."""

    gpus: reactive[Sequence[tuple[GpuView, Values]]] = reactive(())
    ascii_only: bool = False

    def watch_gpus(self, gpus: Sequence[tuple[GpuView, Values]]) -> None:
        """As high as there are cards."""
        self.styles.height = 1 + max(1, len(gpus))

    def render(self) -> RenderResult:
        """Heading and lines."""
        cells = self.content_size.width
        heading = Content.styled(cards.row_titles(cells), STYLES["quiet"])
        if not self.gpus:
            return Content("\n").join([heading, Content.styled("  no GPU on this host", STYLES["quiet"])])
        rows = [content(cards.row(card, values, cells, ascii_only=self.ascii_only)) for card, values in self.gpus]
        return Content("\n").join([heading, *rows])


class GpuPanel(Widget):
    """Chooses between cards and lines by the room there is; keeps its widgets as long as the cards stay the same."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self._ascii = ascii_only
        self._gpus: list[tuple[GpuView, Values]] = []
        self._cells, self._rows = 0, 0

    def compose(self) -> ComposeResult:
        """Both forms; one of them is shown."""
        yield Grid(id="gpu-cards")
        rows = GpuRows(id="gpu-rows")
        rows.ascii_only = self._ascii
        yield rows

    def show(self, gpus: Sequence[GpuView], histories: Mapping[str, History], now: float) -> None:
        """Show these cards; only what changed is drawn again."""
        self._gpus = [(card, tuple(_values(histories, card, now))) for card in gpus]
        self.query_one(GpuRows).gpus = self._gpus
        self._fill_grid()
        self.fit_into(self._cells, self._rows)

    def fit_into(self, cells: int, rows: int) -> None:
        """Choose for a screen of so many cells and rows."""
        self._cells, self._rows = cells, rows
        grid = self.query_one(Grid)
        across = grid_columns(len(self._gpus), cells)
        down = -(-len(self._gpus) // across)
        as_cards = bool(self._gpus) and down * _CARD_ROWS <= (rows - 6) // 2
        grid.styles.grid_size_columns = across
        grid.styles.height = down * _CARD_ROWS
        grid.display = as_cards
        self.query_one(GpuRows).display = not as_cards

    def _fill_grid(self) -> None:
        grid = self.query_one(Grid)
        shown = {card.id: card for card in grid.query(GpuCard)}
        wanted = {f"gpu-{card.index}": (card, values) for card, values in self._gpus}
        for name, old in shown.items():
            if name not in wanted:
                old.remove()
        for name, (card, values) in wanted.items():
            widget = shown.get(name) or GpuCard(id=name)
            widget.ascii_only = self._ascii
            widget.card, widget.history = card, values
            if name not in shown:
                grid.mount(widget)


def grid_columns(count: int, cells: int) -> int:
    """Cards side by side so that rows are equally full."""
    most = max(1, cells // _CARD_CELLS)
    down = max(1, -(-count // most))
    return max(1, -(-count // down))


def _values(histories: Mapping[str, History], card: GpuView, now: float) -> Values:
    history = histories.get(card.uuid)
    return history.values(now) if history else ()
