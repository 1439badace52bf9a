"""Taking jobs in: judged one by one, written down in one commit, queued in memory once that is on disk.

Must not know how a request is judged, nor HTTP.
"""

from collections.abc import Sequence

from engine.api.backend import Identity
from engine.core.lifecycle import JobState
from engine.core.model import GroupKey, Waiting
from engine.daemon.answers import not_ready
from engine.daemon.books import Books
from engine.daemon.elements import members, new_job
from engine.daemon.feed import Feed
from engine.daemon.intake import Intake
from engine.daemon.passes import Passes
from engine.ports import STEP_S, Clock, NewJob
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.store.errors import StoreError
from engine.store.store import Store

TOLD_ONE_BY_ONE = 20
"""A larger batch is one `queue` event instead of one event for each job."""


class Submission:
    """Submits and checks jobs."""

    def __init__(self, *, books: Books, store: Store, intake: Intake, passes: Passes, feed: Feed, clock: Clock) -> None:
        self._books = books
        self._store = store
        self._intake = intake
        self._passes = passes
        self._feed = feed
        self._clock = clock
        self._last = 0.0
        self.taken = 0

    async def submit(self, who: Identity, jobs: Sequence[JobFields]) -> list[int | Refused]:
        """Each job's id, or why it was refused. SERVICE_NOT_READY if nothing could be written down."""
        keys = self._judge(who, jobs)
        new = self._dated(jobs, keys)
        try:
            ids = await self._store.jobs.add(new)
        except StoreError as error:
            raise not_ready(error) from error
        given = iter(zip(new, ids, strict=True))
        taken: list[tuple[GroupKey, Waiting]] = []
        answers: list[int | Refused] = []
        for key in keys:
            if isinstance(key, Refused):
                answers.append(key)
                continue
            job, number = next(given)
            if number is None:
                answers.append(duplicate(str(job.fields.job_id)))
                continue
            taken += members(job, number)
            answers.append(int(number))
        self._queue(who, taken)
        return answers

    async def check(self, who: Identity, jobs: Sequence[JobFields]) -> list[Refused | None]:
        """What `submit` would refuse, but for job ids that the account used in earlier submissions."""
        seen: set[str] = set()
        answers: list[Refused | None] = []
        for job, key in zip(jobs, self._judge(who, jobs), strict=True):
            answer = key if isinstance(key, Refused) else None
            if answer is None and job.job_id is not None:
                answer = duplicate(job.job_id) if job.job_id in seen else None
                seen.add(job.job_id)
            answers.append(answer)
        return answers

    def judge(self, who: Identity, job: JobFields) -> GroupKey:
        """The pending group that the job would join. Raises Refused."""
        (key,) = self._judge(who, [job])
        if isinstance(key, Refused):
            raise key
        return key

    def _judge(self, who: Identity, jobs: Sequence[JobFields]) -> list[GroupKey | Refused]:
        self._intake.refresh()
        return [self._intake.judge(who, job) for job in jobs]

    def _dated(self, jobs: Sequence[JobFields], keys: Sequence[GroupKey | Refused]) -> list[NewJob]:
        """The accepted ones, each submitted a little after the one before, across batches too."""
        at = max(self._clock.now(), self._last)
        new: list[NewJob] = []
        for job, key in zip(jobs, keys, strict=True):
            if not isinstance(key, Refused):
                at += STEP_S
                new.append(new_job(job, key, at))
                at = new[-1].submitted(max(0, len(new[-1].indices) - 1))
        self._last = at
        return new

    def _queue(self, who: Identity, taken: list[tuple[GroupKey, Waiting]]) -> None:
        if not taken:
            return
        self.taken += len(taken)
        self._books.pending.add_all(taken)
        if len(taken) <= TOLD_ONE_BY_ONE:
            for _, waiting in taken:
                self._feed.job_changed(waiting.job, who.account, JobState.PENDING.value)
        self._feed.queue_changed()
        self._passes.wake()


def duplicate(job_id: str) -> Refused:
    """The account has used that key already."""
    return Refused(
        "DUPLICATE_JOB",
        f"You have a job with job_id {job_id} already: choose another key, or leave it out.",
        [{"field": "job_id", "message": "is taken", "job_id": job_id}],
    )
