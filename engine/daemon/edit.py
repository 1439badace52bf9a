"""Changing the request of a job that waits: judged as a submission is, written down whole or not at all.

Must not know HTTP, nor how a pass decides.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

from engine.api.asks import Identity
from engine.api.changes import changed
from engine.bookkeeping import NewJob
from engine.core.model import GroupKey, JobId
from engine.daemon.access import TERMS, Action
from engine.daemon.allowance import Allowances
from engine.daemon.answers import audited, not_ready
from engine.daemon.books import Books
from engine.daemon.deeds import Deeds
from engine.daemon.gate import Entry
from engine.daemon.gatekeeper import Gatekeeper, terms
from engine.daemon.intake import Intake
from engine.daemon.lookup import Lookup
from engine.daemon.views import waiting_of
from engine.daemon.waitingjobs import Taken, WaitingJobs
from engine.ports import Clock, ImpossibleChange
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.store.errors import StoreError
from engine.store.jobs import Jobs
from engine.store.rows import StoredJob

GATE = frozenset({"after", "begin", "cron"})
IN_SLURM = "It waits in Slurm's queue: rcq hold takes it back from there; then edit and release it."
RULE = "Only a job that waits can be; a running one keeps its request. Cancel it, or requeue it first."
MOST_TOLD = 200
"""Characters of a value that the audit log keeps."""
SECRET = frozenset({"environment", "command", "script", "args"})
"""Fields of which the audit log hears that they are others, and no value: passwords and tokens are passed that way."""


@dataclass(slots=True, frozen=True, kw_only=True)
class _Wish:
    """What the job is to become. entry: what would keep it at the gate, where the change is about that."""

    fields: JobFields
    key: GroupKey
    about_gate: bool
    entry: Entry | None


class Edit:
    """Edits jobs."""

    def __init__(
        self,
        *,
        books: Books,
        store: Jobs,
        intake: Intake,
        allowances: Allowances,
        gatekeeper: Gatekeeper,
        lookup: Lookup,
        deeds: Deeds,
        clock: Clock,
    ) -> None:
        self._books = books
        self._store = store
        self._intake = intake
        self._allowances = allowances
        self._gatekeeper = gatekeeper
        self._waiting = WaitingJobs(books=books, gatekeeper=gatekeeper)
        self._lookup = lookup
        self._deeds = deeds
        self._clock = clock
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def edit(self, who: Identity, job: int, changes: Mapping[str, Any]) -> None:
        """Change these fields; `None`: back to the default. INVALID_STATE unless it waits, else as a submission.

        One after the other: each goes from what the one before has written, so that none is undone by the next.
        """
        async with self._turns.setdefault(job, asyncio.Lock()):
            await self._edit(who, job, changes)

    async def _edit(self, who: Identity, job: int, changes: Mapping[str, Any]) -> None:
        number = JobId(str(job))
        await self._deeds.settle()
        action = Action.CHANGE_TERMS if changes.keys() <= TERMS else Action.CHANGE_JOB
        stored = await self._lookup.find(who, job, action)
        if self._books.waits(number) is None or stored.fields is None:
            live = self._books.live.get(number)
            raise self._deeds.wrong_state(stored, "edited", IN_SLURM if live and live.waits else RULE)
        fields = changed(stored.fields, changes)
        entry = await self._weighed(who, number, fields) if GATE & changes.keys() else None
        try:
            key = self._judged(who, stored, fields, changes)
            taken = self._waiting.take(waiting_of(stored))
            if taken is None:
                raise self._deeds.wrong_state(stored, "edited", RULE)
            wish = _Wish(fields=fields, key=key, about_gate=bool(GATE & changes.keys()), entry=entry)
        except Refused:
            self._gatekeeper.forget([entry])
            raise
        await self._write(who, stored, taken, wish)

    async def _weighed(self, who: Identity, job: JobId, fields: JobFields) -> Entry | None:
        """What would keep it at the gate from now on. Refused where it would wait for itself, or for ever."""
        (entry,) = await self._gatekeeper.weigh(who, [fields])
        if isinstance(entry, Refused):
            raise entry
        circle = self._books.gate.cycle(job, entry.after) if entry is not None else []
        if not circle:
            return entry
        self._gatekeeper.forget([entry])
        told = " waits for ".join(map(str, circle))
        raise Refused(
            "VALIDATION_ERROR",
            f"after: job {told}: none of them could ever start. Leave one of these out.",
            [{"field": "after", "message": "makes a circle", "jobs": circle}],
        )

    def _judged(self, who: Identity, stored: StoredJob, fields: JobFields, changes: Mapping[str, Any]) -> GroupKey:
        before = self._key_of(stored)
        key = self._intake.rejudge(who, fields, before, to_group="group" in changes)
        if isinstance(key, Refused):
            raise key
        key = replace(key, array=before.array)
        if (key.owner, key.service) != (before.owner, before.service):  # somebody else's queue gets longer by it
            (admitted,) = self._allowances.batch().admit([fields], [key])
            if isinstance(admitted, Refused):
                raise admitted
        return key

    def _key_of(self, stored: StoredJob) -> GroupKey:
        job = JobId(str(stored.id))
        if job in self._books.held:
            return self._books.held[job][0]
        entry = self._books.gate.of(job)
        key = entry.key if entry is not None else self._books.pending.key_of(job)
        if key is None:
            raise self._deeds.wrong_state(stored, "edited", RULE)
        return key

    async def _write(self, who: Identity, stored: StoredJob, taken: Taken, wish: _Wish) -> None:
        """On disk with its audit entry, or as before."""
        entry = wish.entry if wish.about_gate else taken.entry
        new = NewJob(fields=wish.fields, key=wish.key, submitted_at=taken.waiting.submitted_at)
        note = audited(self._clock, who, "job.edit", str(stored.id), owner=stored.account, **_told(stored, wish.fields))
        gated = terms(entry) if entry is not None else None
        try:
            await self._store.edit(stored.id, new, gated, note)
        except (StoreError, ImpossibleChange) as error:
            self._gatekeeper.forget([wish.entry])
            self._waiting.put(taken)
            raise (not_ready(error) if isinstance(error, StoreError) else error) from error
        if wish.about_gate:
            self._gatekeeper.forget([taken.entry])
        if entry is not None:
            entry.place = (wish.key, taken.waiting)
        self._waiting.put(replace(taken, key=wish.key, entry=entry))
        self._deeds.tell(stored, taken.state)


def _told(stored: StoredJob, fields: JobFields) -> dict[str, Any]:
    """What was there and what is there now, of each field that is another."""
    before, after = asdict(stored.fields or JobFields()), asdict(fields)
    names = [name for name in after if before.get(name) != after[name]]
    shown = [name for name in names if name not in SECRET]
    return {
        "before": {name: _short(before.get(name)) for name in shown},
        "after": {name: _short(after[name]) for name in shown},
        "fields": names,
    }


def _short(value: Any) -> Any:
    text = json.dumps(value)
    return value if len(text) <= MOST_TOLD else f"{len(text)} characters"
