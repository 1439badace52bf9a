"""One card: everything that is known of it, as of now.

Must not know the queue. It watches the application's readings.
"""

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message

from engine.protocol.cards import GpuView
from rcq_tui.tui import cardmessages, messages
from rcq_tui.tui.commands import place_bindings
from rcq_tui.tui.palette import content
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.screens.scrolled import Scrolled
from rcq_tui.tui.widgets.foot import Foot
from rcq_tui.tui.widgets.pieces import Pieces
from rcq_tui.tui.widgets.strip import Banner
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel import cardpage


class CardScreen(Scrolled, CommandScreen[None]):
    """The page of a card; left and right go to its neighbours."""

    BINDINGS = place_bindings(
        "back", "drain", "resume", "copy", "line", "help", "quit",
        "down", "up", "left", "right", "top", "bottom", "page-down", "page-up",
    )  # fmt: skip

    def __init__(self, uuid: str) -> None:
        super().__init__()
        self.uuid = uuid

    def compose(self) -> ComposeResult:
        """Which card, then all of it."""
        yield Words(id="card-title")
        yield Banner(ascii_only=self.desk.ascii_only)
        with VerticalScroll(id="card-page"):
            yield Pieces(id="card-lines")
        yield Foot()

    def on_mount(self) -> None:
        """Keys scroll at once."""
        self.query_one(VerticalScroll).focus()
        self.watch(self.desk, "gpus", self._show_gpus)
        self.watch(self.desk, "lost", self._show_link)

    def on_resize(self, event: events.Resize) -> None:
        """Fit the lines."""
        self._show_gpus(self.desk.gpus)

    def _show_gpus(self, gpus: list[GpuView]) -> None:
        card = self.card
        if card is None:
            return  # between two readings after a log-in, or gone: what was known stays
        desk, cells = self.desk, max(20, self.size.width - 4)
        now, history = desk.clock(), desk.histories.get(card.uuid)
        self.query_one("#card-title", Words).put(content(cardpage.headline(card, ascii_only=desk.ascii_only)))
        shown = cardpage.lines(card, history, cells, now, ascii_only=desk.ascii_only)
        self.query_one("#card-lines", Pieces).put(shown)

    def _show_link(self, lost: str) -> None:
        self.query_one(Banner).why = lost
        self.set_class(bool(lost), "-stale")

    @property
    def card(self) -> GpuView | None:
        """The card as of now, unless it is gone."""
        return next((card for card in self.desk.gpus if card.uuid == self.uuid), None)

    # ------------------------------------------------------------ wishes

    def on_go_back(self, message: messages.GoBack) -> None:
        """To where one came from."""
        message.stop()
        self.dismiss()

    def on_drain_card(self, message: cardmessages.DrainCard) -> None:
        """This card, unless another one is said."""
        if not message.said and (card := self.card) is not None:
            message.stop()
            self.desk.cards.drain(card)

    def on_resume_card(self, message: cardmessages.ResumeCard) -> None:
        """This card, unless another one is said."""
        if not message.said and (card := self.card) is not None:
            message.stop()
            self.desk.cards.resume(card)

    def on_copy(self, message: messages.Copy) -> None:
        """Its UUID, which commands and `CUDA_VISIBLE_DEVICES` take."""
        message.stop()
        self.desk.copy(self.uuid, f"the UUID {self.uuid}")

    def _step(self, message: Message, by: int) -> None:
        message.stop()
        gpus = self.desk.gpus
        at = next((at for at, card in enumerate(gpus) if card.uuid == self.uuid), None)
        if at is not None:
            self.uuid = gpus[(at + by) % len(gpus)].uuid
            self._show_gpus(gpus)

    def on_left(self, message: messages.Left) -> None:
        """The card before."""
        self._step(message, -1)

    def on_right(self, message: messages.Right) -> None:
        """The next card."""
        self._step(message, 1)
