"""The cards as an admin sees them: what state each is in, why and since when. Must not know how one is drained."""

from collections.abc import Sequence

from engine.protocol.cards import GpuView
from rcq_tui.tui.adminpages.base import ListPage, fitted
from rcq_tui.tui.widgets.list_table import ListRow
from rcq_tui.tui.widgets.table import Heading
from rcq_tui.viewmodel.cardfacts import model
from rcq_tui.viewmodel.cardnotes import notes
from rcq_tui.viewmodel.formats import degrees, moment
from rcq_tui.viewmodel.pieces import Line
from rcq_tui.viewmodel.states import colour, symbol
from rcq_tui.viewmodel.text import clean


class CardsPage(ListPage[GpuView]):
    """Every card."""

    TITLE = "Cards"
    HINT = "Enter all of it   x drain   e resume"

    def headings(self, cells: int) -> Sequence[Heading]:
        """Columns."""
        return fitted(cells, ("#", 3), ("model", 18), ("state", 13), ("heat", 6), ("since", 10), last="why")

    async def fetch(self) -> list[GpuView]:
        """As the engine told last."""
        return list(self.desk.gpus)

    def row(self, item: GpuView) -> ListRow:
        """Cells."""
        sign = symbol(item.state, ascii_only=self.ascii_only)
        cells = [
            (str(item.index), "title"),
            (model(item), "text"),
            (f"{sign} {clean(item.state)}", colour(item.state)),
            (degrees(item.temperature_c), "text"),
            (moment(item.since, self.desk.clock()), "quiet"),
            (clean(item.why) or "-", "quiet"),
        ]
        return ListRow(item.uuid, cells)

    def detail(self, item: GpuView) -> Sequence[Line]:
        """Everything that is to be told of it."""
        return [[(note, "text")] for note in notes(item, self.desk.clock())]

    def choose(self) -> None:
        """Its own page."""
        if (card := self.selected) is not None:
            self.desk.open_card(card.uuid)

    def change(self) -> None:
        """Back into use."""
        if (card := self.selected) is not None:
            self.desk.cards.resume(card)

    def take_away(self) -> None:
        """Out of use."""
        if (card := self.selected) is not None:
            self.desk.cards.drain(card)
