"""Wishes about the plan and its time. Must not know screens."""

from rcq_tui.tui.messages import Wish


class ZoomIn(Wish):
    """Less time in the picture, and more of each hour."""


class ZoomOut(Wish):
    """More time in the picture."""


class Earlier(Wish):
    """An earlier part of time."""


class Later(Wish):
    """A later part of time."""


class NextStart(Wish):
    """To where a job of mine starts."""


class BookCards(Wish):
    """Book cards for a time."""


class AskUnbook(Wish):
    """Ask whether to take a booking back."""
