"""Wishes about cards, and about how things look. Must not know screens."""

from textual.message import Message

from rcq_tui.tui.messages import Wish


class GoToCard(Wish):
    """Show everything about the card whose index is said."""


class DrainCard(Wish):
    """Take the card out of use: the one that is shown, or the one that is said, with why behind it."""


class ResumeCard(Wish):
    """Put the card back into use: the one that is shown, or the one that is said."""


class ToggleAscii(Wish):
    """Draw without signs that are not ASCII, or with them."""


class CardChosen(Message):
    """A card was clicked."""

    def __init__(self, uuid: str) -> None:
        super().__init__()
        self.uuid = uuid
