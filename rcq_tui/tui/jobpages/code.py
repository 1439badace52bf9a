"""The code that was captured as a job was submitted. Must not know how its lines are made."""

from rcq_tui.tui.jobpages.base import JobPage, Shown
from rcq_tui.viewmodel.jobtexts import code_lines


class CodePage(JobPage):
    """Where it came from and, once it has been fetched, what it had that its commit has not."""

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(ascii_only=ascii_only)
        self._diff: str | None = None

    def draw(self, shown: Shown) -> None:
        """What is there."""
        self.lines.put(code_lines(shown.job, self._diff))

    async def look(self, shown: Shown) -> bool:
        """The difference never changes."""
        if shown.job.snapshot is not None and shown.job.snapshot.diff is not None and self._diff is None:
            self._diff = await self.desk.api.diff(shown.job.id)
            self.draw(shown)
        return True
