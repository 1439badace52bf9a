"""A card by what people type: its index, its UUID, or as much of the UUID as tells it from the others.

Must not know what is done with the card.
"""

from engine.daemon.cards import Card, Cards
from engine.protocol.errors import Refused


def card_named(cards: Cards, name: str) -> Card:
    """The card of that name. NOT_FOUND; VALIDATION_ERROR where several UUIDs begin so."""
    if (exact := cards.get(name)) is not None:
        return exact
    if name.isascii() and name.isdigit():
        found = [card for card in cards.all() if card.reading.index == int(name)]
    else:
        found = [card for card in cards.all() if name and card.reading.uuid.lower().startswith(name.lower())]
    if not found:
        raise Refused("NOT_FOUND", f"There is no GPU {name}. See: rcq gpus.")
    if len(found) > 1:
        told = f"{len(found)} GPUs have a UUID that begins with {name}: write more of it, or the index."
        raise Refused("VALIDATION_ERROR", told, [{"field": "cards", "message": told}])
    return found[0]
