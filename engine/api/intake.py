"""Taking many jobs in: batches are checked in a worker thread while the batch before is being written down.

Must not know HTTP. What a batch's `submit` returned from is durable; an end in the middle loses nothing of it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from engine.api.asks import Identity
from engine.api.backend import Jobs
from engine.api.formats import Format
from engine.api.lines import Line
from engine.api.pacing import Outcome, paced
from engine.api.repeats import Repeats, taken_by
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields, size_of
from engine.protocol.responses import IngestReport

REPORTED_ERRORS = 100
FLUSH_S = 0.2
"""A stream that pauses so long has what it sent so far taken in, full batch or not."""

COMMITTED_JOBS = 100_000
"""Jobs that share a commit at most, as far as lines with large arrays allow."""

Tell = Callable[[dict[str, Any]], None]
Parsed = tuple[Line, JobFields | Refused, str | None]
"""A line, what became of it, and the submitter's own key where there is one."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Wish:
    """What the caller wants to be told of. all_errors: every error, with its input. progress: counts, each batch.

    wait: lines that come too fast are held back instead of refused, and the caller is told. resume: a line whose key
    had its job before is only counted, if it asks for the same.
    """

    dry_run: bool = False
    all_errors: bool = False
    progress: bool = False
    wait: bool = False
    resume: bool = False


class Intake:
    """Counts what is taken and refused, in line order; `report` is always true of what was settled so far."""

    def __init__(
        self,
        jobs: Jobs,
        who: Identity,
        wish: Wish,
        tell: Tell,
        *,
        rest: Callable[[float], Awaitable[bool]] | None = None,
        let_in: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """tell: gets what `wish` asks for, as values for JSON. rest: waits so many seconds; false: nobody waits.

        let_in: asked before anything is submitted, as a file may be on its way for hours. Raises Refused.
        """
        self._jobs = jobs
        self._who = who
        self._wish = wish
        self._tell = tell
        self._rest = rest
        self._let_in = let_in
        self._seen: set[str] = set()
        self._repeats = Repeats(jobs, who, forgive=wish.resume)
        self._lines = 0
        self.report = IngestReport(dry_run=wish.dry_run)

    async def settle(self, batch: Sequence[Parsed]) -> None:
        """Submit what is good of one batch (or only check it, on a dry run) and book every line."""
        fates, doubles = self._without_doubles(batch)
        outcomes = iter(await self._submit([fate for fate in fates if not isinstance(fate, Refused)]))
        settled = [fate if isinstance(fate, Refused) else next(outcomes) for fate in fates]
        for at, first in doubles.items():
            settled[at] = _double(str(batch[at][2]), f"line {batch[first][0].number}", _id_of(settled[first]))
        repeats = await self._repeats.among(fates, settled)
        self._book(fates, settled)
        for at, ((line, _, job_id), outcome) in enumerate(zip(batch, settled, strict=True)):
            if isinstance(outcome, Refused):
                if at in repeats:
                    self._book_repeat(line, job_id, repeats[at])
                else:
                    self._book_error(line, job_id, outcome)
        self._lines = batch[-1][0].number if batch else self._lines
        if self._wish.progress:
            report = self.report
            counts = {"accepted": report.accepted, "rejected": report.rejected, "known": report.known}
            self._tell({"progress": {"lines": self._lines, **counts}})

    def finish(self) -> None:
        """Tell the report, to those who are told of things as they happen."""
        self._tell({"report": asdict(self.report)})

    async def _submit(self, jobs: list[JobFields]) -> Sequence[int | Refused | None]:
        outcomes: list[int | Refused | None] = []
        for some in portions(jobs, COMMITTED_JOBS):
            try:
                outcomes += await self._ask(some)
            except Refused as refused:  # all of them, for one reason
                outcomes += [refused] * len(some)
        return outcomes

    async def _ask(self, some: list[JobFields]) -> Sequence[Outcome]:
        if self._wish.dry_run:
            return await self._jobs.check(self._who, some)
        rest = self._rest
        if not self._wish.wait or rest is None:
            return await self._submit_many(some)

        async def waiting(lines: int, seconds: float) -> bool:
            self._tell({"waiting": {"lines": lines, "seconds": seconds}})
            return await rest(seconds)

        return await paced(self._submit_many, some, waiting)

    async def _submit_many(self, some: list[JobFields]) -> Sequence[Outcome]:
        if self._let_in is not None:
            await self._let_in()
        return await self._jobs.submit(self._who, some, many=True)

    def _without_doubles(self, batch: Sequence[Parsed]) -> tuple[list[JobFields | Refused], dict[int, int]]:
        """What is to be submitted or was refused, and which places of the batch repeat the key of which other."""
        # Between batches the books know the keys. On a dry run nothing is in the books: then all keys are kept here.
        keys = [key for _, fate, key in batch if key is not None and not isinstance(fate, Refused)]
        if not self._wish.dry_run and len(set(keys)) == len(keys):
            return [fate for _, fate, _ in batch], {}
        first: dict[str, int] = {}
        doubles: dict[int, int] = {}
        fates: list[JobFields | Refused] = []
        for at, (_, fate, job_id) in enumerate(batch):
            double: Refused | None = None
            if job_id is not None and not isinstance(fate, Refused):
                if job_id in first:
                    doubles[at] = first[job_id]
                if job_id in first or job_id in self._seen:
                    double = _double(job_id, "an earlier line", None)
                first.setdefault(job_id, at)
            fates.append(double or fate)
        if self._wish.dry_run:
            self._seen.update(first)
        return fates, doubles

    def _book(self, fates: Sequence[JobFields | Refused], settled: Sequence[Outcome]) -> None:
        """The accepted lines; an array's is one, too, and all its elements are among the ids."""
        report = self.report
        report.accepted += sum(not isinstance(outcome, Refused) for outcome in settled)
        ids = [outcome for outcome in settled if isinstance(outcome, int)]
        if not ids:
            return
        arrays = (fate if isinstance(fate, JobFields) and fate.array is not None else None for fate in fates)
        lasts = [
            id + size_of(fate) - 1 for fate, id in zip(arrays, settled, strict=True) if fate and isinstance(id, int)
        ]
        report.first_id = min(ids) if report.first_id is None else min(report.first_id, *ids)
        report.last_id = max(report.last_id or 0, *ids, *lasts)

    def _book_repeat(self, line: Line, job_id: str | None, refused: Refused | None) -> None:
        """A line whose key was there before its file. refused: why that is an error, if it is."""
        if refused is None or not self._wish.resume:
            self.report.known += 1
        if refused is not None:
            self._book_error(line, job_id, refused)

    def _book_error(self, line: Line, job_id: str | None, refused: Refused) -> None:
        self.report.rejected += 1
        if len(self.report.errors) >= REPORTED_ERRORS and not self._wish.all_errors:
            return
        error = {
            "line": line.number,
            "job_id": job_id,
            "code": refused.code,
            "message": refused.message,
            "details": refused.details,
        }
        if len(self.report.errors) < REPORTED_ERRORS:
            self.report.errors.append(error)
        if self._wish.all_errors:
            self._tell({**error, "input": line.text.decode(errors="replace")})


async def take_in(chunks: AsyncIterator[bytes], form: Format, batch_lines: int, intake: Intake) -> None:
    """Read a whole file of jobs into `intake`. Raises Refused if the file as a whole cannot be read.

    While one batch is being submitted the next is read and checked; never more than that is held.
    """
    under_way: asyncio.Task[None] | None = None
    try:
        async with aclosing(batches(chunks, form, batch_lines)) as all_batches:
            async for batch in all_batches:
                parsed = await asyncio.to_thread(parse, form, batch)
                if under_way is not None:
                    await under_way
                under_way = asyncio.create_task(intake.settle(parsed))
    finally:
        if under_way is not None:
            await under_way


async def batches(chunks: AsyncIterator[bytes], form: Format, size: int) -> AsyncGenerator[list[Line], None]:
    """Lines in batches of `size`; a shorter one at the end, and whenever the stream pauses."""
    waiting: list[Line] = []
    coming = asyncio.ensure_future(_next(chunks))
    try:
        while True:
            await asyncio.wait({coming}, timeout=FLUSH_S if waiting else None)
            if not coming.done():
                yield waiting
                waiting = []
                continue
            chunk = coming.result()
            if chunk is None:
                break
            waiting += form.feed(chunk)
            while len(waiting) >= size:
                yield waiting[:size]
                waiting = waiting[size:]
            coming = asyncio.ensure_future(_next(chunks))
        waiting += form.finish()
        for at in range(0, len(waiting), size):
            yield waiting[at : at + size]
    finally:
        coming.cancel()
        await asyncio.wait({coming})


def parse(form: Format, batch: Sequence[Line]) -> list[Parsed]:
    """Check the lines of one batch; for a worker thread."""
    parsed: list[Parsed] = []
    for line in batch:
        fate = form.parse(line)
        parsed.append((line, fate, form.job_id(line) if isinstance(fate, Refused) else fate.job_id))
    return parsed


def portions(jobs: Sequence[JobFields], most: int) -> Iterator[list[JobFields]]:
    """The same in order, so many of them at once that they make `most` jobs; a larger array goes alone."""
    if 0 < len(jobs) <= most and all(job.array is None for job in jobs):
        yield list(jobs)
        return
    some: list[JobFields] = []
    room = most
    for job in jobs:
        size = size_of(job)
        if some and size > room:
            yield some
            some, room = [], most
        some.append(job)
        room -= size
    if some:
        yield some


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


def _double(job_id: str, where: str, number: int | None) -> Refused:
    """number: of the job that has the key, where there is one."""
    told = f"job_id {job_id} is also on {where}; give each job a key of its own."
    known = {} if number is None else {"id": number}
    return Refused("DUPLICATE_JOB", told, [{"field": "job_id", "message": f"also on {where}", **known}])


def _id_of(outcome: int | Refused | None) -> int | None:
    """The job that a line has become, or that was there before it."""
    return taken_by(outcome) if isinstance(outcome, Refused) else outcome
