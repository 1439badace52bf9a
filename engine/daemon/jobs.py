"""Submission, listing and control of jobs: the API's `Jobs`, put together from its parts.

Must not know HTTP, or how a pass decides.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.api.asks import Adopted, ArrayStep, Identity, JobQuery
from engine.core.lifecycle import TERMINAL
from engine.core.model import JobId
from engine.core.places import positions
from engine.core.policy import Policy
from engine.daemon import gateviews, reach
from engine.daemon.access import Action
from engine.daemon.adoption import Adoption
from engine.daemon.arraycontrol import ArrayControl
from engine.daemon.arrays import ArrayListing
from engine.daemon.books import Books
from engine.daemon.control import Control
from engine.daemon.edit import Edit
from engine.daemon.foresight import Foresight
from engine.daemon.joblog import JobLogs
from engine.daemon.listing import Listing
from engine.daemon.lookup import Lookup
from engine.daemon.outlook import Outlooks
from engine.daemon.requeue import Requeue
from engine.daemon.submission import Submission
from engine.daemon.views import Views
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.planned import Planned
from engine.protocol.responses import ArrayChanged, JobDetail, JobPage, LogChunk, Preview, Why


class JobService:
    """Fulfils `engine.api.backend.Jobs`."""

    def __init__(
        self,
        *,
        books: Books,
        submission: Submission,
        listing: Listing,
        control: Control,
        requeue: Requeue,
        edit: Edit,
        adoption: Adoption,
        array_listing: ArrayListing,
        array_control: ArrayControl,
        lookup: Lookup,
        views: Views,
        logs: JobLogs,
        ahead: Foresight,
        policy: Policy,
        clock: Clock,
    ) -> None:
        self._books = books
        self._submission = submission
        self._listing = listing
        self._control = control
        self._requeue = requeue
        self._edit = edit
        self._adoption = adoption
        self._array_listing = array_listing
        self._array_control = array_control
        self._lookup = lookup
        self._views = views
        self._logs = logs
        self._ahead = ahead
        self._policy = policy
        self._clock = clock

    async def submit(self, who: Identity, jobs: Sequence[JobFields], *, many: bool = False) -> list[int | Refused]:
        """Take jobs in, in order, in one commit; each gets its id or why it was refused. Durable on return."""
        return await self._submission.submit(who, jobs, many=many)

    async def check(self, who: Identity, jobs: Sequence[JobFields]) -> list[Refused | None]:
        """What `submit` would refuse, without taking anything in."""
        return await self._submission.check(who, jobs)

    async def differences(self, who: Identity, asked: Sequence[tuple[int, JobFields]]) -> list[list[str]]:
        """For each id of the caller's, and what is asked for now: in which fields that job was asked for otherwise."""
        return await self._submission.differences(who, asked)

    async def preview(self, who: Identity, job: JobFields) -> Preview:
        """When this job would start if it were submitted now; refused as `submit` would."""
        key, entry = await self._submission.judge(who, job)
        return gateviews.previewed(self._books, await self._ahead.previews.of(key), entry)

    async def page(self, who: Identity, query: JobQuery) -> JobPage:
        """A page of jobs; those of others as the privacy setting has it."""
        listing = self._listing if query.array is None else self._array_listing
        return await listing.page(who, reach.allowed(self._views, who, query))

    async def show(self, who: Identity, job: int) -> JobDetail:
        """One job. JOB_NOT_FOUND also for one that the caller may not see."""
        stored = await self._lookup.find(who, job, Action.SEE_JOB)
        number = JobId(str(job))
        pending = number in self._books.pending
        places = positions(self._books.snapshot(self._clock.now()), self._policy, [number]) if pending else {}
        forecast = self._ahead.forecasts.known() if pending else None
        return self._views.detail(who, stored, places, Outlooks(self._books.plan, forecast))

    async def why(self, who: Identity, job: int) -> Why:
        """Why it does not start, and where it stands: by a plan made now, not by the last one."""
        stored = await self._lookup.find(who, job, Action.SEE_JOB)
        number = JobId(str(job))
        key = self._books.pending.key_of(number)
        waiting = self._books.pending.waiting(number, stored.submitted_at)
        if key is None or waiting is None:
            found = gateviews.why(self._books, number, self._views.state(stored).value)
            found.reasons += self._views.cluster.reasons(number)
        else:
            found = await self._ahead.whys.why(who, key, waiting)
        found.message, found.notices = self._views.message(who, stored, stored.message), self._views.notices(number)
        found.paused_since = self._views.paused_since(number)
        return found

    async def planned(self, who: Identity, hours: float) -> Planned:
        """What runs and what is to start in the coming hours; jobs of others are redacted."""
        return await self._ahead.planned.of(who, hours)

    async def cancel(self, who: Identity, job: int) -> JobDetail:
        """End it, waiting or running. INVALID_STATE if it has ended."""
        await self._control.cancel(who, job)
        return await self.show(who, job)

    async def hold(self, who: Identity, job: int) -> JobDetail:
        """Keep a pending job from starting. INVALID_STATE unless pending."""
        await self._control.hold(who, job)
        return await self.show(who, job)

    async def release(self, who: Identity, job: int) -> JobDetail:
        """Let a held job go on. INVALID_STATE unless held."""
        await self._control.release(who, job)
        return await self.show(who, job)

    async def requeue(self, who: Identity, job: int) -> JobDetail:
        """Run it again as its next attempt, stopping it first if it runs. INVALID_STATE if it waits."""
        await self._requeue.requeue(who, job)
        return await self.show(who, job)

    async def adopt(self, who: Identity, asked: Adopted) -> JobDetail:
        """Make a foreign process that is on a card a running job; durable on return."""
        return await self.show(who, await self._adoption.adopt(who, asked))

    async def edit(self, who: Identity, job: int, changes: Mapping[str, Any]) -> JobDetail:
        """Change fields of its request; `None`: the default. INVALID_STATE unless it waits."""
        await self._edit.edit(who, job, changes)
        return await self.show(who, job)

    async def change_array(self, who: Identity, array: int, step: ArrayStep, elements: Sequence[int]) -> ArrayChanged:
        """The same step for many elements of a job array, in one commit; no `elements`: for all."""
        return await self._array_control.change(who, array, step, elements)

    async def log(self, who: Identity, job: int, stream: str, offset: int, limit: int) -> LogChunk:
        """Bytes of `stdout` or `stderr` from `offset` (negative: from the end), at most `limit`."""
        stored = await self._lookup.find(who, job, Action.READ_FILES)
        complete = self._views.state(stored) in TERMINAL  # before the read: what was written before the end is in it
        return await self._logs.read(job, stream, offset, limit, complete=complete)
