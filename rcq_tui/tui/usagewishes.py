"""Wishes about usage. Must not know screens."""

from rcq_tui.tui.messages import Wish


class ToggleUnit(Wish):
    """GPU-hours or kilowatt-hours."""


class ShowSources(Wish):
    """Say where the numbers come from."""
