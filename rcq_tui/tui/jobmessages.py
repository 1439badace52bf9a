"""Wishes of the job screen, and about making a job from a job. Must not know screens."""

from rcq_tui.tui.messages import Wish


class ShowPage(Wish):
    """The page of the job that is said."""


class NextPage(Wish):
    """The next page of the job."""


class PageBefore(Wish):
    """The page of the job before this one."""


class Find(Wish):
    """Look for a text in what the job wrote."""


class NextHit(Wish):
    """The next line that was looked for."""


class HitBefore(Wish):
    """The line before that was looked for."""


class ToggleWrap(Wish):
    """Fold long lines, or not."""


class ToggleMarking(Wish):
    """Mark lines from here, or no longer."""


class FetchResults(Wish):
    """Fetch what the job left into the folder that is said."""


class EditJob(Wish):
    """Change the request of the job."""


class RedoJob(Wish):
    """Submit the job once more."""


class CloneJob(Wish):
    """Submit another job like it."""
