"""What a job asked for, why it waits, how it goes: everything that is short. Must not know how its lines are made."""

from engine.protocol.errors import Refused
from engine.protocol.responses import JobRow
from rcq_tui.client.calls import JobsWanted
from rcq_tui.tui.jobpages.base import JobPage, Shown
from rcq_tui.viewmodel.overview import Around, overview_lines
from rcq_tui.viewmodel.states import FINISHED, WAITING

_MOST_AWAITED = 8
"""Jobs that it waits for and that are looked up; there may be hundreds."""
_EVERY_S = 5.0
"""Between two looks at the jobs around it."""


class OverviewPage(JobPage):
    """Sentences, facts and pictures, live."""

    CURSOR = False
    COPIES = False

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(ascii_only=ascii_only)
        self._around = Around()
        self._looked_at: float | None = None

    def draw(self, shown: Shown) -> None:
        """All of it, fitted."""
        drawn = overview_lines(
            shown.job, shown.why, shown.now, self.cells, around=self._around, ascii_only=self.ascii_only
        )
        self.lines.put(drawn)

    async def look(self, shown: Shown) -> bool:
        """The states of the jobs that it waits for, and of its array."""
        job = shown.job
        if self._looked_at is not None and shown.now - self._looked_at < _EVERY_S:
            return job.state in FINISHED
        self._looked_at = shown.now
        awaited = {}
        for one in job.after[:_MOST_AWAITED] if job.state in WAITING else ():
            awaited[int(one["id"])] = await self._state_of(int(one["id"]))
        siblings: list[JobRow] = []
        if job.array_parent is not None:
            wanted = JobsWanted(search=f"array:{job.array_parent}", fold=True, limit=200)
            siblings = (await self.desk.api.jobs(wanted)).items
        self._around = Around(awaited=awaited, siblings=siblings)
        self._draw_again()
        return job.state in FINISHED and job.array_parent is None

    async def _state_of(self, number: int) -> str | None:
        try:
            return (await self.desk.api.job(number)).state
        except Refused:  # somebody else's, or gone: nothing is known of it
            return None
