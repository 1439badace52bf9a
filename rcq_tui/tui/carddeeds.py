"""What admins do to cards from any screen: asked about first, then carried out and told.

Must not know which screen wishes it.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from engine.protocol.cards import GpuView
from engine.protocol.errors import RcqError
from rcq_tui.tui.screens.confirm import ConfirmScreen, Question
from rcq_tui.tui.screens.drain import DrainScreen
from rcq_tui.viewmodel.cardfacts import model
from rcq_tui.viewmodel.cardnotes import notes
from rcq_tui.viewmodel.formats import counted
from rcq_tui.viewmodel.pieces import Line
from rcq_tui.viewmodel.text import clean

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp

_OUT = {"drained", "quarantined"}


class CardDeeds:
    """Acts on the card that it is given."""

    def __init__(self, desk: "RcqApp") -> None:
        self._desk = desk

    def card(self, said: str) -> GpuView | None:
        """The card of this index, else none and a word about it."""
        found = next((card for card in self._desk.gpus if str(card.index) == said), None)
        if found is None:
            known = ", ".join(str(card.index) for card in self._desk.gpus)
            which = f"There is no GPU {clean(said)}." if said else "Name a GPU by its index."
            self._desk.notify(f"{which} There are: {known or 'none'}.", severity="warning", markup=False)
        return found

    def drain(self, card: GpuView, why: str = "") -> None:
        """Ask why the card is to go out of use, and take it out."""
        if not self._may() or not self._desk.is_free_for(DrainScreen):
            return
        if card.state == "drained":
            self._desk.notify(f"GPU {card.index} is drained already. R puts it back into use.", markup=False)
            return

        def answered(said: str | None) -> None:
            if said is not None:
                call = lambda: self._desk.api.drain(card.uuid, said.strip() or None)  # noqa: E731
                self._do(call, f"GPU {card.index} is drained: no job starts there any more.")

        self._desk.push_screen(DrainScreen(f"Drain GPU {card.index}?", self._lines(card), why), answered)

    def resume(self, card: GpuView) -> None:
        """Ask whether the card is well, and put it back into use."""
        if not self._may() or not self._desk.is_free_for(ConfirmScreen):
            return
        if card.state not in _OUT:
            self._desk.notify(f"GPU {card.index} is not out of use ({clean(card.state)}).", markup=False)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._do(lambda: self._desk.api.resume(card.uuid), f"GPU {card.index} is back in use.")

        tested = "It is tested first. " if card.state == "quarantined" else ""
        question = Question(
            title=f"Resume GPU {card.index}?",
            lines=[*self._lines(card), *([(note, "quiet")] for note in notes(card, self._desk.clock())[:1])],
            warning=f"{tested}Jobs start there again.",
            yes=f"Resume GPU {card.index}",
            keep="Leave it",
        )
        self._desk.push_screen(ConfirmScreen(question), answered)

    def _may(self) -> bool:
        me = self._desk.me
        if me is not None and me.role == "admin":
            return True
        self._desk.notify("Only admins take cards out of use and back. Ask one of them.", markup=False)
        return False

    def _lines(self, card: GpuView) -> list[Line]:
        runs = f"{counted(len(card.jobs), 'job')} on it" if card.jobs else "nobody on it"
        return [[(f"{model(card)}, {runs}", "text")]]

    def _do(self, call: Callable[[], Awaitable[object]], done: str) -> None:
        async def work() -> None:
            try:
                await call()
            except RcqError as error:
                self._desk.complain(error)
            else:
                self._desk.notify(done, markup=False)

        self._desk.run_worker(work(), name="deed", group="deeds")
