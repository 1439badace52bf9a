"""Many jobs taken in by one engine: each once, whatever breaks meanwhile, and each with its id.

Each job has a key of its own (`job_id`), so that what was lost on the way is sent again and what was there is found
again. Must not know handles.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from engine.protocol.errors import Refused, Unreachable
from engine.protocol.listings import STATES
from engine.protocol.responses import IngestReport, JobRow
from rcq_tui.client.calls import Calls
from rcq_tui.client.calls.jobs import JobsWanted
from rcq_tui.client.handles.patience import patiently

MOST = 100
"""Jobs of one request: a report names so many errors."""
_MOST_S = 5.0
Error = Mapping[str, Any]


@dataclass(slots=True)
class Taken:
    """What became of each job, by its place: its id, or why not. rows: those that were read to find ids."""

    ids: dict[int, int] = field(default_factory=dict)
    errors: dict[int, Error] = field(default_factory=dict)
    rows: dict[int, JobRow] = field(default_factory=dict)


class TakeIn:
    """One submission of many jobs. again: a job that was there before counts as taken; patience_s: see Watcher."""

    def __init__(self, calls: Calls, *, again: bool, patience_s: float) -> None:
        self._calls = calls
        self._again = again
        self._patience_s = patience_s

    async def all(self, jobs: Sequence[Mapping[str, Any]]) -> Taken:
        """Submit them, in order. Each has its `job_id`. Raises Refused for what is wrong with all, Unreachable."""
        taken = Taken()
        for at in range(0, len(jobs), MOST):
            await self._some({at + place: job for place, job in enumerate(jobs[at : at + MOST])}, taken)
        return taken

    async def _some(self, jobs: Mapping[int, Mapping[str, Any]], taken: Taken) -> None:
        """As many at once as the engine takes in one request."""
        try:
            await self._together(jobs, taken)
        except Refused as refused:
            if refused.code != "TOO_LARGE":
                raise
            places = list(jobs)
            half = len(places) // 2
            if not half:
                taken.errors[places[0]] = {"code": refused.code, "message": refused.message, "details": refused.details}
                return
            for some in (places[:half], places[half:]):
                await self._some({at: jobs[at] for at in some}, taken)

    async def _together(self, jobs: Mapping[int, Mapping[str, Any]], taken: Taken) -> None:
        left, repeated = dict(jobs), False
        while left:
            report, broke = await self._report(left)
            repeated = repeated or broke
            places = list(left)
            errors = {places[error["line"] - 1]: error for error in report.errors}
            late = {at for at, error in errors.items() if error["code"] == "RATE_LIMITED"}
            new = [at for at in places if at not in errors]
            await self._find({left[at]["job_id"]: at for at in new}, report, taken)
            for at in errors.keys() - late:
                self._book(at, errors[at], taken, repeated=repeated)
            if late:
                await asyncio.sleep(max(_wait_s(errors[at]) for at in late))
            left = {at: left[at] for at in places if at in late}

    def _book(self, at: int, error: Error, taken: Taken, *, repeated: bool) -> None:
        """repeated: a double may be what an earlier try left."""
        number = next((one["id"] for one in error.get("details") or () if "id" in one), None)
        if error["code"] == "DUPLICATE_JOB" and number is not None and (repeated or self._again):
            taken.ids[at] = int(number)
        else:
            taken.errors[at] = error

    async def _report(self, jobs: Mapping[int, Mapping[str, Any]]) -> tuple[IngestReport, bool]:
        """What the engine says of them, and whether an earlier answer was lost."""
        lost: list[None] = []
        report = await patiently(
            lambda: self._calls.submit_batch(list(jobs.values())), self._patience_s, lambda: lost.append(None)
        )
        return report, bool(lost)

    async def _find(self, places: Mapping[str, int], report: IngestReport, taken: Taken) -> None:
        """The ids of what was taken just now: the report tells the first and the last."""
        left = dict(places)
        search = f"id:>={report.first_id} id:<={report.last_id}"
        cursor: str | None = None
        while left:
            wanted = JobsWanted(mine=True, states=STATES, search=search, sort="id", limit=1000, cursor=cursor)
            page = await patiently(partial(self._calls.jobs, wanted), self._patience_s)
            for row in page.items:
                if row.job_id in left:
                    at = left.pop(row.job_id)
                    taken.ids[at], taken.rows[at] = row.id, row
            cursor = page.cursor
            if left and cursor is None:
                raise Unreachable(f"{len(left)} jobs were taken in and are not to be found. See: rcq queue --mine")


def _wait_s(error: Error) -> float:
    """Seconds until a job that came too fast may come again."""
    told = (one.get("retry_after_s") for one in error.get("details") or ())
    return min(_MOST_S, max((float(one) for one in told if one), default=1.0))
