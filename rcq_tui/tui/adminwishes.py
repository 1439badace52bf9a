"""What people wish in the admin place. Must not know its pages."""

from rcq_tui.tui.messages import Wish


class GoToAdmin(Wish):
    """Go to the page of the admin place that is said."""


class AddOne(Wish):
    """Add one to the list."""


class ChangeOne(Wish):
    """Change what is under the cursor."""


class RemoveOne(Wish):
    """Take away what is under the cursor."""


class ChooseOne(Wish):
    """Do what is done most with what is under the cursor."""


class CheckAll(Wish):
    """Have it checked."""
