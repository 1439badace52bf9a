"""The scripted engine's jobs. Must not know screens."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from engine.protocol.fields import JobFields
from engine.protocol.responses import ArrayChanged, JobDetail, JobPage, JobRow, LogChunk, Preview, Why
from rcq_tui.client.calls.jobs import JobsWanted
from rcq_tui.client.fakelisting import folded, ordered, searched
from rcq_tui.client.fakescript import Script


class FakeJobs(Script):
    """Jobs: submit, look, change."""

    async def submit(self, job: JobFields) -> int:
        """Submit as announced; the announced answer is the id."""
        number: int = self._scripted("submit", job)
        return number

    async def jobs(self, wanted: JobsWanted) -> JobPage:
        """Jobs in the order in which the fake has them, unless another is asked for; the cursor is an offset."""
        who = self._read("jobs", wanted)
        if wanted.ids:
            return JobPage(items=[_row(self.rows[job]) for job in wanted.ids if job in self.rows])
        found: list[JobRow] = [
            job
            for job in self.rows.values()
            if (not wanted.states or job.state in wanted.states)
            and (not wanted.mine or job.account == who.account)
            and wanted.account in {None, job.account}
            and wanted.group in {None, job.group}
        ]
        looked = len(found)
        if wanted.search:
            found = searched(found, wanted.search)
        found = ordered(found, wanted.sort, descending=wanted.order == "desc")
        is_plain = not (wanted.search or wanted.fold)
        if wanted.fold:
            found = folded(found)
        start = int(wanted.cursor or 0)
        end = start + wanted.limit
        return JobPage(
            items=[_row(job) for job in found[start:end]],
            cursor=str(end) if end < len(found) else None,
            total=len(found) if is_plain else None,
            searched=None if is_plain else looked,
        )

    async def job(self, job: int) -> JobDetail:
        """One job."""
        self._read("job", job)
        return self._known(job)

    async def why(self, job: int) -> Why:
        """The scripted answer, else one made of the job's own row."""
        self._read("why", job)
        row = self._known(job)
        return self.whys.get(job) or Why(
            id=job,
            state=row.state,
            reasons=row.reasons,
            position=row.position,
            expected_start=row.expected_start,
            basis=row.basis,
        )

    async def cancel(self, job: int) -> JobDetail:
        """Cancel as announced."""
        self._scripted("cancel", job)
        return self._moved(job, "cancelled")

    async def hold(self, job: int) -> JobDetail:
        """Hold as announced."""
        self._scripted("hold", job)
        return self._moved(job, "held")

    async def release(self, job: int) -> JobDetail:
        """Release as announced."""
        self._scripted("release", job)
        return self._moved(job, "pending")

    async def log(self, job: int, stream: str, offset: int, limit: int) -> LogChunk:
        """Bytes of the scripted log."""
        self._read("log", job, stream)
        whole = self.logs.get((job, stream), b"")
        start = min(len(whole), offset) if offset >= 0 else max(0, len(whole) + offset)
        piece = whole[start : start + limit]
        ended = self._known(job).state not in {"held", "pending", "scheduled", "running"}
        end = start + len(piece)
        return LogChunk(
            text=piece.decode(errors="replace"),
            offset=start,
            next_offset=end,
            size=len(whole),
            complete=ended and end == len(whole),
        )

    async def results(self, job: int, to: Path) -> int:
        """Fetch as announced; the announced answer is what the file holds then."""
        data: bytes = self._scripted("results", job, to)
        self._known(job)
        to.write_bytes(data)  # noqa: ASYNC240 - a small file of a test
        return len(data)

    async def preview(self, job: JobFields) -> Preview:
        """What the script says of it; it may raise."""
        self._read("preview", job)
        return self.previews(job)

    async def requeue(self, job: int) -> JobDetail:
        """Requeue as announced."""
        self._scripted("requeue", job)
        return self._moved(job, "pending")

    async def edit(self, job: int, changes: Mapping[str, Any]) -> JobDetail:
        """Edit as announced; what has the name of a field of the row is changed there."""
        self._scripted("edit", job, dict(changes))
        self._known(job)
        known = {one.name for one in fields(JobDetail)}
        self.change(job, **{name: value for name, value in changes.items() if name in known and value is not None})
        return self.rows[job]

    async def redo(self, job: int) -> int:
        """Submit again as announced; the announced answer is the id."""
        number: int = self._scripted("redo", job)
        return number

    async def diff(self, job: int) -> str:
        """The scripted difference."""
        self._read("diff", job)
        self._known(job)
        return self.diffs.get(job, "")

    async def change_array(self, job: int, step: str, elements: str) -> ArrayChanged:
        """As announced; the announced answer is what became of them."""
        changed: ArrayChanged = self._scripted("change_array", job, step, elements)
        return changed


def _row(job: JobRow) -> JobRow:
    return JobRow(**{one.name: getattr(job, one.name) for one in fields(JobRow)})
