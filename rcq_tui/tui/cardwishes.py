"""The side of the application that carries out what screens wish about cards.

Must not know how a card is shown.
"""

from typing import TYPE_CHECKING, cast

from textual.app import App

from rcq_tui.tui import cardmessages
from rcq_tui.tui.carddeeds import CardDeeds
from rcq_tui.tui.screens.card import CardScreen

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp


class CardWishes(App[int]):
    """An application that shows and drains cards."""

    @property
    def cards(self) -> CardDeeds:
        """What is done to cards."""
        return CardDeeds(cast("RcqApp", self))

    def open_card(self, uuid: str) -> None:
        """Everything about a card."""
        while isinstance(self.screen, CardScreen):
            self.pop_screen()
        self.push_screen(CardScreen(uuid))

    def on_card_chosen(self, message: cardmessages.CardChosen) -> None:
        """One was clicked."""
        self.open_card(message.uuid)

    def on_go_to_card(self, message: cardmessages.GoToCard) -> None:
        """One was named."""
        if (card := self.cards.card(message.said)) is not None:
            self.open_card(card.uuid)

    def on_drain_card(self, message: cardmessages.DrainCard) -> None:
        """Take a card that was named out of use."""
        index, _, why = message.said.partition(" ")
        if (card := self.cards.card(index)) is not None:
            self.cards.drain(card, why.strip())

    def on_resume_card(self, message: cardmessages.ResumeCard) -> None:
        """Put a card that was named back."""
        if (card := self.cards.card(message.said)) is not None:
            self.cards.resume(card)
