"""The fake JobStore: books in a dictionary, as strict as the real one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as fields_of

from engine.bookkeeping import (
    Bill,
    Billed,
    Change,
    Charged,
    Charted,
    Decided,
    Ended,
    KnownJob,
    Measured,
    Moved,
    MovedAll,
    NewJob,
    Passed,
    Postponed,
    Scheduled,
    Started,
    Stopping,
)
from engine.core.lifecycle import LEASED, TERMINAL, WAITING, JobState, may_step
from engine.core.model import ArrayCap, GroupName, JobId
from engine.ports import ImpossibleChange
from engine.protocol.fields import ElementFields, JobFields


@dataclass(slots=True, frozen=True, kw_only=True)
class Record:
    """A job in the books."""

    fields: JobFields
    known: KnownJob
    ended: Ended | None = None


class FakeJobStore:
    """JobStore without a disk. charges: what `Charged` added, undecayed, by group. bills: the last ones, by attempt."""

    def __init__(self) -> None:
        self.books: dict[JobId, Record] = {}
        self.charges: dict[GroupName, float] = {}
        self.bills: dict[tuple[JobId, int], Bill] = {}
        self.decided: list[Decided] = []
        self.measured: dict[tuple[JobId, int], Measured] = {}
        self.charted: dict[tuple[JobId, int], Charted] = {}
        self._taken: set[tuple[str, str]] = set()
        self._last = 0

    async def add(self, jobs: Sequence[NewJob]) -> list[JobId | None]:
        """As the port says."""
        return [self._add(job) for job in jobs]

    async def record(self, changes: Sequence[Change]) -> None:
        """As the port says: a failed call leaves the books as they were."""
        books, charges, bills, decided = dict(self.books), dict(self.charges), dict(self.bills), list(self.decided)
        try:
            for change in changes:
                self._apply(change)
        except ImpossibleChange:
            self.books, self.charges, self.bills, self.decided = books, charges, bills, decided
            raise

    def unended(self) -> Iterator[KnownJob]:
        """As the port says."""
        living = (record.known for record in self.books.values() if record.known.state in WAITING | LEASED)
        return iter(sorted(living, key=lambda known: int(known.job)))

    async def fields(self, job: JobId) -> JobFields:
        """As the port says."""
        return self.books[job].fields

    def _add(self, new: NewJob) -> JobId | None:
        if new.indices:
            return self._add_array(new)
        return self._add_one(new)

    def _add_array(self, new: NewJob) -> JobId | None:
        account, key = new.key.owner.account, new.fields.job_id
        keys = [None if key is None else f"{key}[{index}]" for index in new.indices]
        if key is not None and any((account, one) in self._taken for one in (key, *keys)):
            return None
        self._taken.add((account, key or ""))
        parent = JobId(str(self._last + 1))
        cap = ArrayCap(parent=parent, most=new.most) if new.most is not None else None
        for place, (index, own_key) in enumerate(zip(new.indices, keys, strict=True)):
            values = {one.name: getattr(new.fields, one.name) for one in fields_of(new.fields)} | {"job_id": own_key}
            element = ElementFields(**values, array_parent=int(parent), array_index=index)
            key_of = replace(new.key, array=cap)
            self._add_one(NewJob(fields=element, key=key_of, submitted_at=new.submitted(place), gate=new.gate))
        return parent

    def _add_one(self, new: NewJob) -> JobId | None:
        account, job_id = new.key.owner.account, new.fields.job_id
        if job_id is not None:
            if (account, job_id) in self._taken:
                return None
            self._taken.add((account, job_id))
        self._last += 1
        job = JobId(str(self._last))
        known = KnownJob(
            job=job,
            key=new.key,
            state=JobState.PENDING,
            submitted_at=new.submitted_at,
            attempt=0,
            lease=None,
            boot_id=None,
            gate=new.gate,
        )
        self.books[job] = Record(fields=new.fields, known=known)
        if new.turn is not None:
            self._next_turn(new.turn.template, new.turn.next_at)
        return job

    def _apply(self, change: Change) -> None:
        match change:
            case Scheduled(lease=lease):
                known = self._stepped(lease.job, JobState.SCHEDULED)
                if change.attempt <= known.attempt:
                    raise ImpossibleChange(f"attempt {change.attempt} of job {lease.job} has been counted")
                self._keep(replace(known, lease=lease, attempt=change.attempt, boot_id=change.boot_id, node=None))
            case Started():
                known = self._stepped(change.job, JobState.RUNNING)
                self._keep(replace(known, node=change.node, lease=change.lease or known.lease))
            case Ended():
                if change.state not in TERMINAL:
                    raise ImpossibleChange(f"{change.state} is no terminal state")
                stepped = self._stepped(change.job, change.state)
                self._keep(replace(stepped, lease=None, stopping=None, stop_message=None, held_next=False), change)
            case Moved():
                if change.state not in WAITING:
                    raise ImpossibleChange(f"{change.state} is no waiting state")
                self._move(change)
            case MovedAll():
                if change.state not in WAITING | {JobState.CANCELLED}:
                    raise ImpossibleChange(f"waiting jobs do not become {change.state} together")
                for job in change.jobs:
                    if job in self.books and self.books[job].known.state not in WAITING:
                        raise ImpossibleChange(f"job {job} does not wait")
                    self._keep(self._stepped(job, change.state))
            case Stopping():
                known = self.books[change.job].known
                if known.state in LEASED:
                    told = replace(known, stopping=change.cause, stop_message=change.message)
                    self._keep(replace(told, held_next=change.held_next))
            case Passed():
                known = self.books[change.job].known
                at = known.submitted_at if change.submitted_at is None else change.submitted_at
                self._keep(replace(known, gate=None, submitted_at=at))
            case Postponed():
                self._next_turn(change.job, change.begin_at)
            case Billed():
                self.bills[(change.job, change.attempt)] = change.bill
            case Charged():
                group = change.owner.group
                self.charges[group] = max(0.0, self.charges.get(group, 0.0) + change.gpu_seconds)
            case Decided():
                self.decided.append(change)
            case Measured():
                self.measured[(change.job, change.attempt)] = change
            case Charted():
                self.charted[(change.job, change.attempt)] = change

    def _next_turn(self, job: JobId, at: float) -> None:
        known = self.books[job].known
        if known.gate is not None:
            self._keep(replace(known, gate=replace(known.gate, begin_at=at)))

    def _move(self, change: Moved) -> None:
        known = self._stepped(change.job, change.state)
        self._keep(
            replace(
                known,
                lease=None,
                boot_id=None,
                node=None,
                stopping=None,
                stop_message=None,
                held_next=False,
                failures=known.failures if change.failures is None else change.failures,
                submitted_at=known.submitted_at if change.submitted_at is None else change.submitted_at,
            )
        )

    def _stepped(self, job: JobId, state: JobState) -> KnownJob:
        if job not in self.books:
            raise ImpossibleChange(f"there is no job {job}")
        known = self.books[job].known
        if not may_step(known.state, state):
            raise ImpossibleChange(f"job {job} is {known.state} and cannot become {state}")
        return replace(known, state=state)

    def _keep(self, known: KnownJob, ended: Ended | None = None) -> None:
        self.books[known.job] = replace(self.books[known.job], known=known, ended=ended)
