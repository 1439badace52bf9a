"""The GPUs: a card each where there is room, else a line each, else several in a line; then the cluster's machines.

Must not know where readings come from.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.containers import Grid
from textual.content import Content
from textual.widget import Widget

from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from rcq_tui.tui.cardmessages import CardChosen
from rcq_tui.tui.palette import STYLES, content
from rcq_tui.tui.widgets.node_rows import NodeRows
from rcq_tui.tui.widgets.pieces import Pieces
from rcq_tui.viewmodel import cardrows, cards
from rcq_tui.viewmodel.cardfacts import note
from rcq_tui.viewmodel.history import History
from rcq_tui.viewmodel.pieces import Line, fitted
from rcq_tui.viewmodel.states import colour

_CARD_CELLS = 34
"""A card is at least so wide, with its frame."""

_FRAME = 2
_FRAME_CELLS = 4

Histories = Mapping[str, History]


class GpuCard(Pieces):
    """One card in a frame."""

    def __init__(self, *, id: str, ascii_only: bool) -> None:
        super().__init__(id=id)
        self._ascii = ascii_only
        self._framed: tuple[Line, tuple[str, str], str] | None = None
        self._uuid = ""

    def show(self, card: GpuView, history: History | None, now: float, size: tuple[int, int]) -> None:
        """The card as of `now`. size: cells and lines inside the frame."""
        self._uuid = card.uuid
        self._frame(card)
        self.put(cards.lines(card, history, *size, now, ascii_only=self._ascii))

    def _frame(self, card: GpuView) -> None:
        """The frame carries the name, and in its other corner what is special."""
        framed = cards.title(card, ascii_only=self._ascii), note(card), colour(card.state)
        if framed == self._framed:
            return
        self._framed = framed
        name, (text, role), tone = framed
        self.border_title = content(name)
        self.border_subtitle = Content.styled(text, STYLES[role]) if text else None
        self.set_class(tone == "bad", "-bad")

    def on_click(self, event: events.Click) -> None:
        """Everything about it."""
        event.stop()
        self.post_message(CardChosen(self._uuid))


class GpuRows(Pieces):
    """All cards under a heading, a line each or several in one."""

    def __init__(self, *, id: str, ascii_only: bool) -> None:
        super().__init__(id=id)
        self._ascii = ascii_only
        self._gpus: Sequence[GpuView] = ()
        self._across = 1
        self._cells = 78

    def show(self, gpus: Sequence[GpuView], histories: Histories, now: float, across: int, cells: int) -> None:
        """The cards as of `now`, so many in a line of so many cells."""
        self._gpus, self._across, self._cells = gpus, across, cells
        if not gpus:
            self.put([fitted(cardrows.row_titles((), cells, same_model=False), cells), [_NONE]])
            return
        each = cells // across
        same = cardrows.one_model(gpus)
        heading = cardrows.row_titles(gpus, each, same_model=same) * across
        shown = [
            cardrows.row(card, histories.get(card.uuid), each, now, same_model=same, ascii_only=self._ascii)
            for card in gpus
        ]
        down = -(-len(gpus) // across)
        self.put([heading, *([piece for one in shown[at::down] for piece in one] for at in range(down))])

    def on_click(self, event: events.Click) -> None:
        """Everything about the card of the line."""
        event.stop()
        down = -(-len(self._gpus) // self._across)
        at = event.y - 1 + down * min(self._across - 1, max(0, event.x - 1) // (self._cells // self._across))
        if 1 <= event.y <= down and at < len(self._gpus):
            self.post_message(CardChosen(self._gpus[at].uuid))


_NONE = ("  no GPU on this host", "quiet")


class Shape(NamedTuple):
    """How the cards stand. lines: inside each card, 0 where they are lines. height: of all of it."""

    across: int
    lines: int
    height: int


class GpuPanel(Widget):
    """Chooses by the room there is; keeps its widgets as long as the cards stay the same."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self._ascii = ascii_only
        self._gpus: Sequence[GpuView] = ()
        self._histories: Histories = {}
        self._now = 0.0
        self._machines: Sequence[NodeView] = ()
        self._cells, self._rows = 80, 24

    def compose(self) -> ComposeResult:
        """Both forms of cards, of which one is shown; the machines of a cluster, if there are any."""
        yield Grid(id="gpu-cards")
        yield GpuRows(id="gpu-rows", ascii_only=self._ascii)
        yield NodeRows(id="node-rows", ascii_only=self._ascii)

    def show(self, gpus: Sequence[GpuView], histories: Histories, now: float) -> None:
        """Show these cards; only what changed is drawn again."""
        self._gpus, self._histories, self._now = gpus, histories, now
        self._draw()

    def show_nodes(self, nodes: Sequence[NodeView]) -> None:
        """Show these machines of a cluster below the cards of this host; instead of them where it has none."""
        self._machines = nodes
        self._draw()

    def fit_into(self, cells: int, rows: int) -> None:
        """Choose for a screen of so many cells and rows."""
        self._cells, self._rows = cells, rows
        self._draw()

    def _draw(self) -> None:
        machines = self.query_one(NodeRows)
        machines.display = bool(self._machines)
        left = self._rows if not self._machines else self._rows // 2  # of the cards' share, half is the machines'
        shape = shaped(len(self._gpus), self._cells, left)
        grid, rows = self.query_one(Grid), self.query_one(GpuRows)
        only_nodes = bool(self._machines) and not self._gpus
        grid.display, rows.display = bool(shape.lines), not shape.lines and not only_nodes
        if self._machines:
            above = 0 if only_nodes else shape.height
            machines.styles.height = machines.show(self._machines, self._cells - 2, max(4, self._rows // 2 - above))
        if shape.lines:
            grid.styles.grid_size_columns = shape.across
            grid.styles.height = shape.height
            self._fill(grid, shape)
        else:
            rows.styles.height = shape.height
            rows.show(self._gpus, self._histories, self._now, shape.across, self._cells - 2)

    def _fill(self, grid: Grid, shape: Shape) -> None:
        shown = {card.id: card for card in grid.query(GpuCard)}
        wanted = {f"gpu-{card.index}": card for card in self._gpus}
        for name, old in shown.items():
            if name not in wanted:
                old.remove()
        for at, (name, card) in enumerate(wanted.items()):
            widget = shown.get(name) or GpuCard(id=name, ascii_only=self._ascii)
            if name not in shown:
                grid.mount(widget)
            widget.styles.height = shape.lines + _FRAME
            size = column_cells(at % shape.across, shape.across, self._cells) - _FRAME_CELLS, shape.lines
            widget.show(card, self._histories.get(card.uuid), self._now, size)


def column_cells(at: int, columns: int, cells: int) -> int:
    """Cells of a grid's column, as Textual shares them out."""
    return cells * (at + 1) // columns - cells * at // columns


def shaped(count: int, cells: int, rows: int) -> Shape:
    """Cards if they leave half of the screen to the queue, as high as that allows; else lines."""
    budget = max(4, rows // 2 - 2)
    across = grid_columns(count, cells)
    down = max(1, -(-count // across))
    inside = min(cards.most_lines(cells // across - _FRAME_CELLS), budget // down - _FRAME)
    if count and inside >= cards.FEWEST_LINES and cells >= _CARD_CELLS:
        return Shape(across, inside, down * (inside + _FRAME))
    most = max(1, (cells - 2) // cardrows.SHORT_CELLS)
    across = next((n for n in range(1, most + 1) if -(-count // n) + 1 <= budget), most)
    return Shape(across, 0, 1 + max(1, -(-count // across)))


def grid_columns(count: int, cells: int) -> int:
    """Cards side by side so that rows are equally full."""
    most = max(1, cells // _CARD_CELLS)
    down = max(1, -(-count // most))
    return max(1, -(-count // down))
