"""A job's script or command. Must not know how its lines are made."""

from rcq_tui.tui.jobpages.base import JobPage, Shown
from rcq_tui.viewmodel.jobtexts import command_lines, copied_command


class CommandPage(JobPage):
    """Line by line, as it was submitted."""

    def draw(self, shown: Shown) -> None:
        """All of it."""
        self.lines.put(command_lines(shown.job))

    def copied(self) -> tuple[str, str] | None:
        """All of it where nothing is marked, without the numbers of its lines."""
        if self.shown is None:
            return None
        begin, end = self.lines.marks if self.lines.marking else (0, self.lines.count)
        self.lines.mark(False)
        return copied_command(self.shown.job, begin, end)
