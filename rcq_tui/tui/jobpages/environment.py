"""The environment that a job was given. Must not know how its lines are made."""

from rcq_tui.tui.jobpages.base import JobPage, Shown
from rcq_tui.viewmodel.jobtexts import environment_lines


class EnvironmentPage(JobPage):
    """A line for each variable."""

    WRAPS = True

    def draw(self, shown: Shown) -> None:
        """All of it."""
        self.lines.put(environment_lines(shown.job))
