"""What a job did with its cards over its life. Must not know how pictures are drawn."""

from engine.protocol.series import JobSeries
from rcq_tui.tui.jobpages.base import JobPage, Shown
from rcq_tui.viewmodel.jobplot import plot_lines
from rcq_tui.viewmodel.states import FINISHED, WAITING

_EVERY_S = 3.0
"""Between two looks while it runs."""


class PlotPage(JobPage):
    """Utilisation, memory and power of one attempt; `o` goes through the attempts."""

    CURSOR = False
    COPIES = False

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(ascii_only=ascii_only)
        self._series: JobSeries | None = None
        self._attempt: int | None = None
        self._looked_at: float | None = None

    def draw(self, shown: Shown) -> None:
        """All of it, fitted to the room."""
        size = self.lines.size
        drawn = plot_lines(shown.job, self._series, shown.now, (self.cells, size.height), ascii_only=self.ascii_only)
        self.lines.put(drawn)

    def toggle_stream(self) -> bool:
        """Another attempt: the one before, and after the first the last."""
        if self._series is not None and len(self._series.attempts) > 1:
            known = self._series.attempts
            at = known.index(self._series.attempt) if self._series.attempt in known else 0
            self._attempt = known[at - 1]
            self._looked_at = None
        return True

    async def look(self, shown: Shown) -> bool:
        """What was read since."""
        job = shown.job
        if job.state in WAITING and not job.attempts:
            return True
        runs = job.state not in FINISHED
        if self._looked_at is None or (runs and shown.now - self._looked_at >= _EVERY_S):
            self._looked_at = shown.now
            self._series = await self.desk.api.series(job.id, self._attempt)
            self._draw_again()
        return True
