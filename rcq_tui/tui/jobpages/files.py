"""A job's files: its directory, what was staged for it, what it left. Must not know how its lines are made."""

from rcq_tui.tui.jobpages.base import JobPage, Shown
from rcq_tui.viewmodel.jobtexts import file_lines


class FilesPage(JobPage):
    """What there is, and how to get it."""

    def draw(self, shown: Shown) -> None:
        """All of it."""
        self.lines.put(file_lines(shown.job, at_home=self.desk.at_home))
