"""Wishes of the submit form and of lists to choose from. Must not know screens or widgets."""

from rcq_tui.tui.messages import Wish


class OpenLast(Wish):
    """Open the job that was submitted last."""


class Choose(Wish):
    """Show what the field may be."""


class FollowHelp(Wish):
    """Write into the form what would start the job sooner."""


class MoreFields(Wish):
    """Show all fields, or the everyday ones."""


class ShowPast(Wish):
    """Show forms that were sent."""


class ShowNamed(Wish):
    """Show templates."""


class SaveForm(Wish):
    """Keep the form under the name that is said."""


class LoadScript(Wish):
    """Load the script that is said, or one that is chosen."""


class EditScript(Wish):
    """Write the script in the person's editor."""


class BeginAnew(Wish):
    """An empty form."""


class NextField(Wish):
    """The next field."""


class PreviousField(Wish):
    """The field before."""


class PickIt(Wish):
    """Take the text of the one under the cursor."""


class ReleaseName(Wish):
    """Remove the template under the cursor."""
