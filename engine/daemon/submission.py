"""Taking jobs in: judged one by one, written down in one commit, queued in memory once that is on disk.

Must not know how a request is judged, nor HTTP.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace

from engine.api.asks import Identity
from engine.bookkeeping import STEP_S, NewJob, Turn
from engine.core.lifecycle import JobState
from engine.core.model import GroupKey, Waiting
from engine.daemon.allowance import Allowances
from engine.daemon.answers import not_ready
from engine.daemon.books import Books
from engine.daemon.elements import members, new_job
from engine.daemon.feed import Feed
from engine.daemon.gate import Entry, Place
from engine.daemon.gatekeeper import Gatekeeper, Weighed, terms
from engine.daemon.intake import Intake
from engine.daemon.passes import Passes
from engine.daemon.persons import Persons
from engine.daemon.sameness import differing
from engine.daemon.takenin import submitted
from engine.daemon.uploadclaims import UploadClaims
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.store.errors import StoreError
from engine.store.store import Store

TOLD_ONE_BY_ONE = 20
"""A larger batch is one `queue` event instead of one event for each job."""


class Submission:
    """Submits and checks jobs."""

    def __init__(
        self,
        *,
        books: Books,
        store: Store,
        intake: Intake,
        persons: Persons,
        gatekeeper: Gatekeeper,
        allowances: Allowances,
        claims: UploadClaims,
        passes: Passes,
        feed: Feed,
        clock: Clock,
        lines: int,
    ) -> None:
        """lines: of a file that share a commit."""
        self._books = books
        self._store = store
        self._intake = intake
        self._persons = persons
        self._gatekeeper = gatekeeper
        self._allowances = allowances
        self._claims = claims
        self._passes = passes
        self._feed = feed
        self._clock = clock
        self._lines = lines
        self._last = 0.0
        self.taken = 0

    async def submit(
        self, who: Identity, jobs: Sequence[JobFields], turn: Turn | None = None, *, many: bool = False
    ) -> list[int | Refused]:
        """Each job's id, or why it was refused. SERVICE_NOT_READY if nothing could be written down.

        turn: the jobs are the copy that a recurring job was due for. many: lines of a file or a batch, which have a
        limit a minute of their own.
        """
        if (refused := await self._persons.refusal(who.account)) is not None:
            return [refused] * len(jobs)
        taken = await self._taken(who, jobs)
        staged = await self._claims.claim(who.account, jobs)
        try:
            if many and len(jobs) > self._lines:
                return await self._in_parts(who, jobs, taken, staged)
            return await (await self._submit(who, jobs, turn, taken, staged, many=many))
        finally:
            self._claims.release(jobs)

    async def _in_parts(
        self, who: Identity, jobs: Sequence[JobFields], taken: Mapping[str, int], staged: Sequence[Refused | None]
    ) -> list[int | Refused]:
        """In commits of some lines each: while one is written down the next is judged.

        That waits here and not at the writer, where others' submissions would have to wait for it.
        """
        parts = [slice(at, at + self._lines) for at in range(0, len(jobs), self._lines)]
        writing: list[asyncio.Task[list[int | Refused]]] = []
        try:
            for part in parts:
                try:
                    judged = await self._submit(who, jobs[part], None, taken, staged[part], many=True)
                except Refused as refused:
                    judged = _refuse(refused)
                writing.append(asyncio.create_task(_each_refused(judged, len(jobs[part]), after=writing[-1:])))
                await asyncio.sleep(0)
        finally:
            answers = [await task for task in writing]
        return [answer for some in answers for answer in some]

    async def _submit(
        self,
        who: Identity,
        jobs: Sequence[JobFields],
        turn: Turn | None,
        taken: Mapping[str, int],
        staged: Sequence[Refused | None],
        *,
        many: bool,
    ) -> Coroutine[None, None, list[int | Refused]]:
        """Judge them; what is answered writes them down, and has to be awaited.

        taken: own keys that are used up. staged: which of the jobs cannot have their files.
        """
        entries = await self._gatekeeper.weigh(who, jobs)
        batch = self._allowances.batch("ingest_per_minute" if many else "submissions_per_minute")
        keys = batch.admit(jobs, self._judge(who, jobs, _faulty(entries, staged), taken))
        new = self._dated(jobs, keys, entries, turn)
        batch.keep()

        async def write() -> list[int | Refused]:
            try:
                return await self._take_in(who, keys, new)
            finally:
                batch.settle()
                self._gatekeeper.forget(entries)

        return write()

    async def check(self, who: Identity, jobs: Sequence[JobFields]) -> list[Refused | None]:
        """What `submit` would refuse."""
        if (refused := await self._persons.refusal(who.account)) is not None:
            return [refused] * len(jobs)
        entries = await self._gatekeeper.weigh(who, jobs)
        self._gatekeeper.forget(entries)
        taken, staged = await self._taken(who, jobs), await self._staged(who, jobs)
        seen: set[str] = set()
        answers: list[Refused | None] = []
        # How fast they come is not asked: nothing is taken in.
        keys = self._allowances.batch(pace=None).admit(jobs, self._judge(who, jobs, _faulty(entries, staged), taken))
        for job, key in zip(jobs, keys, strict=True):
            answer = key if isinstance(key, Refused) else None
            if answer is None and job.job_id is not None:
                answer = duplicate(job.job_id, None) if job.job_id in seen else None
                seen.add(job.job_id)
            answers.append(answer)
        return answers

    async def differences(self, who: Identity, asked: Sequence[tuple[int, JobFields]]) -> list[list[str]]:
        """For each id of the caller's, and what is asked for now: in which fields that job was asked for otherwise."""
        stored = await self._store.keys.requests(who.account, [number for number, _ in asked])
        return [differing(job, stored.get(number)) for number, job in asked]

    async def judge(self, who: Identity, job: JobFields) -> tuple[GroupKey, Entry | None]:
        """The pending group that the job would join, and what would keep it at the gate. Raises Refused."""
        if (refused := await self._persons.refusal(who.account)) is not None:
            raise refused
        entries = await self._gatekeeper.weigh(who, [job])
        self._gatekeeper.forget(entries)
        taken, staged = await self._taken(who, [job]), await self._staged(who, [job])
        (key,) = self._allowances.batch().admit([job], self._judge(who, [job], _faulty(entries, staged), taken))
        if isinstance(key, Refused):
            raise key
        return key, entries[0] if isinstance(entries[0], Entry) else None

    async def _take_in(
        self,
        who: Identity,
        keys: Sequence[GroupKey | Refused],
        new: Sequence[tuple[NewJob, Entry | None]],
    ) -> list[int | Refused]:
        """Write down those that have a key; `new` is they."""
        try:
            taken = [job for job, _ in new]
            ids = await self._store.jobs.add(taken, lambda ids: submitted(self._clock, who, taken, ids))
        except StoreError as error:
            raise not_ready(error) from error
        given = iter(zip(new, ids, strict=True))
        queued: list[Place] = []
        waiting: list[tuple[Entry, list[Place]]] = []
        answers: list[int | Refused | NewJob] = []
        for key in keys:
            if isinstance(key, Refused):
                answers.append(key)
                continue
            (job, entry), number = next(given)
            if number is None:
                answers.append(job)
                continue
            if entry is None and not job.indices:
                queued.append((job.key, Waiting(job.submitted_at, number)))
            elif entry is None:
                queued += members(job, number)
            else:
                waiting.append((entry, list(members(job, number))))
            answers.append(int(number))
        self._queue(who, queued, waiting)
        return [await self._overtaken(who, answer) if isinstance(answer, NewJob) else answer for answer in answers]

    async def _overtaken(self, who: Identity, job: NewJob) -> Refused:
        """Its key was free when it was judged, and was used by the time that it was written down."""
        key = str(job.fields.job_id)
        return duplicate(key, await self._store.keys.in_the_way(who.account, key, job.indices))

    async def _taken(self, who: Identity, jobs: Sequence[JobFields]) -> dict[str, int]:
        """Of the submitter's own keys those that are used up, with the job of each.

        Asked first of all: who repeats a submission because its answer was lost learns what became of it, whatever
        the queue and the quotas are by now.
        """
        return await self._store.keys.known(who.account, [job.job_id for job in jobs if job.job_id is not None])

    async def _staged(self, who: Identity, jobs: Sequence[JobFields]) -> list[Refused | None]:
        """Why each of these could not have its files now, if so."""
        staged = await self._claims.claim(who.account, jobs)
        self._claims.release(jobs)
        return staged

    def _judge(
        self, who: Identity, jobs: Sequence[JobFields], entries: Sequence[Weighed], taken: Mapping[str, int]
    ) -> list[GroupKey | Refused]:
        self._intake.refresh()
        keys: list[GroupKey | Refused] = []
        for job, entry in zip(jobs, entries, strict=True):
            if job.job_id is not None and job.job_id in taken:
                key: GroupKey | Refused = duplicate(job.job_id, taken[job.job_id])
            else:
                key = self._intake.judge(who, job)
            keys.append(entry if isinstance(entry, Refused) and not isinstance(key, Refused) else key)
        return keys

    def _dated(
        self,
        jobs: Sequence[JobFields],
        keys: Sequence[GroupKey | Refused],
        entries: Sequence[Weighed],
        turn: Turn | None,
    ) -> list[tuple[NewJob, Entry | None]]:
        """The accepted ones, each submitted a little after the one before, across batches too."""
        at = max(self._clock.now(), self._last)
        new: list[tuple[NewJob, Entry | None]] = []
        for job, key, entry in zip(jobs, keys, entries, strict=True):
            if isinstance(key, Refused) or isinstance(entry, Refused):
                continue
            at += STEP_S
            one = new_job(job, key, at)
            if entry is not None or turn is not None:
                one = replace(one, gate=None if entry is None else terms(entry), turn=turn)
            new.append((one, entry))
            if one.indices:
                at = one.submitted(len(one.indices) - 1)
        self._last = at
        return new

    def _queue(self, who: Identity, queued: list[Place], waiting: list[tuple[Entry, list[Place]]]) -> None:
        """What was taken in: into the queue, or to the gate."""
        taken = [*queued, *(place for _, places in waiting for place in places)] if waiting else queued
        if not taken:
            return
        self.taken += len(taken)
        self._books.pending.add_all(queued)
        for entry, places in waiting:
            self._gatekeeper.enter(entry, places)
        if len(taken) <= TOLD_ONE_BY_ONE:
            for _, one in taken:
                self._feed.job_changed(one.job, who.account, JobState.PENDING.value)
        self._feed.queue_changed()
        self._passes.wake()


async def _refuse(refused: Refused) -> list[int | Refused]:
    raise refused


async def _each_refused(
    work: Coroutine[None, None, list[int | Refused]], jobs: int, after: Sequence[asyncio.Task[list[int | Refused]]]
) -> list[int | Refused]:
    """What came of a part of the jobs; the other parts may still be written down where this one could not."""
    if after:
        await asyncio.wait(after)
    try:
        return await work
    except Refused as refused:
        return [refused] * jobs


def _faulty(entries: Sequence[Weighed], staged: Sequence[Refused | None]) -> list[Weighed]:
    """What keeps each at the gate, or why it cannot be taken."""
    if not any(staged):
        return list(entries)
    return [fault or entry for entry, fault in zip(entries, staged, strict=True)]


def duplicate(job_id: str, number: int | None) -> Refused:
    """The account has used that key already. number: of the job that has it, where there is one yet."""
    known = {} if number is None else {"id": number}
    which = "a job" if number is None else f"job {number}"
    return Refused(
        "DUPLICATE_JOB",
        f"You have {which} with job_id {job_id} already: choose another key, or leave it out.",
        [{"field": "job_id", "message": "is taken", "job_id": job_id, **known}],
    )
