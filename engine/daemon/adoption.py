"""Making a foreign process a running job: the API's `adopt`. Nothing is started; it gets a lease, a limit and an owner.

Must not know HTTP, nor how an executor watches a process.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import psutil

from engine.api.asks import Adopted, Identity
from engine.bookkeeping import Bill, Billed, Change, Charged, NewJob, Scheduled
from engine.core.lifecycle import Cause, JobState
from engine.core.model import AccountName, GpuUuid, GroupKey, JobId, Owner
from engine.core.policy import Policy
from engine.core.snapshot import Lease
from engine.daemon.access import Action, may
from engine.daemon.answers import audited, not_ready
from engine.daemon.attribution import sendable
from engine.daemon.billing import bill_of, first_charge
from engine.daemon.books import Books, Live
from engine.daemon.cards import Card
from engine.daemon.feed import Feed
from engine.daemon.intake import Intake
from engine.daemon.persons import Persons
from engine.daemon.register import Register
from engine.daemon.runs import SETTLE_S, Runs
from engine.executor import tree
from engine.ports import Clock, Ending
from engine.protocol.errors import Refused
from engine.protocol.fields import AdoptedFields
from engine.store.errors import StoreError
from engine.store.jobs import Jobs

MOST_COMMAND = 10_000
"""Characters of its command line that are kept."""
LOST_CARD = "a job was started on one of its cards at the same moment; adopt it again when that is free"


@dataclass(slots=True, frozen=True, kw_only=True)
class _Found:
    """A process that may be adopted. on: its cards, each with MiB that it and what descends from it have there.

    below: the pids of what descends from it.
    """

    pid: int
    start: int
    uid: int
    user: str
    command: list[str]
    workdir: str | None
    on: dict[GpuUuid, int]
    below: tuple[int, ...]


class Adoption:
    """Makes jobs of processes that run already. job_of: whose process a pid is, if it is a job's."""

    def __init__(
        self,
        *,
        books: Books,
        register: Register,
        persons: Persons,
        store: Jobs,
        intake: Intake,
        runs: Runs,
        feed: Feed,
        policy: Policy,
        clock: Clock,
        boot_id: str,
        job_of: Callable[[int], JobId | None],
    ) -> None:
        self._books = books
        self._register = register
        self._persons = persons
        self._store = store
        self._intake = intake
        self._runs = runs
        self._feed = feed
        self._policy = policy
        self._clock = clock
        self._boot_id = boot_id
        self._job_of = job_of
        self._one_at_a_time = asyncio.Lock()

    async def adopt(self, who: Identity, asked: Adopted) -> int:
        """The id of the job that the process has become; it is on disk.

        NOT_FOUND for a pid that there is not, FORBIDDEN for somebody else's process and for one that rcq could not end,
        INVALID_STATE for a job's process or one above it, one on no card, or on a card that is leased, and for all
        where every job runs on a cluster.
        """
        if self._books.capacity is not None and self._books.capacity.alone:
            told = "Every job runs on Slurm here, and a process of this host cannot become one: let it end by itself."
            raise Refused("INVALID_STATE", told)
        async with self._one_at_a_time:
            found = await asyncio.to_thread(_look, asked.pid, self._strangers())
            self._check(who, found)
            owner = await self._persons.owner(who, found)
            fields = self._fields(asked, found)
            key = self._key(owner, fields)
            return await self._take(who, fields, key, found)

    # ------------------------------------------------------------ may it be?

    def _strangers(self) -> dict[int, dict[GpuUuid, int]]:
        """By pid, what each stranger has on which card, by the last readings."""
        now, found = self._clock.now(), dict[int, dict[GpuUuid, int]]()
        for card in self._books.cards.here():
            if not self._books.cards.missing(card, now):
                for one in card.use.strangers:
                    found.setdefault(one.pid, {})[card.reading.uuid] = one.memory_mb or 0
        return found

    def _check(self, who: Identity, found: _Found) -> None:
        self._check_owner(who, found)
        if (job := self._job_of(found.pid)) is not None:
            raise Refused("INVALID_STATE", f"Process {found.pid} is a job's already: {job}. There is nothing to adopt.")
        if (job := next(filter(None, map(self._job_of, found.below)), None)) is not None:
            told = f"Job {job} runs below process {found.pid} and would end with it: adopt what is on the GPU."
            raise Refused("INVALID_STATE", told)
        if not found.on:
            told = f"Process {found.pid} is on no GPU, by the last reading: only what holds GPU memory can be adopted."
            raise Refused("INVALID_STATE", told)
        for uuid in sorted(found.on):
            if self._holders(uuid, shared=False):
                raise Refused("INVALID_STATE", f"GPU {self._index(uuid)} is leased to a job. See: rcq gpus.")

    def _check_owner(self, who: Identity, found: _Found) -> None:
        theirs = self._register.by_unix_user(found.user) if found.user else None
        if not may(who, Action.ADOPT, Owner(account=AccountName(theirs.name if theirs else ""))):
            account = self._register.accounts.get(who.account)
            linked = account.unix_user if account else None
            mine = f"your account is linked to {linked}" if linked else "your account is linked to no Unix user"
            told = (
                f"Process {found.pid} is {found.user or 'of an unknown user'}'s, and {mine}: ask an admin to link it."
            )
            raise Refused("FORBIDDEN", told)
        if found.pid == os.getpid() or _is_ancestor(found.pid):
            raise Refused("INVALID_STATE", f"Process {found.pid} is the engine's own; it cannot be a job.")

    # ------------------------------------------------------------ as a job

    def _fields(self, asked: Adopted, found: _Found) -> AdoptedFields:
        """Cards of its own, unless others share one with it: then the part of it that was measured."""
        shared = any(self._holders(uuid, shared=True) for uuid in found.on)
        if shared and len(found.on) > 1:
            told = f"Process {found.pid} is on several GPUs and one of them is shared by a job: wait for that to end."
            raise Refused("INVALID_STATE", told)
        return AdoptedFields(
            name=asked.name,
            command=found.command,
            group=asked.group,
            gpus=len(found.on),
            gpu_memory_mb=max(1, *found.on.values()) if shared else 0,
            gpu_share=shared,
            time_limit_s=asked.time_limit_s,
            workdir=found.workdir,
            adopted_pid=found.pid,
            adopted_start=found.start,
        )

    def _key(self, owner: Identity, fields: AdoptedFields) -> GroupKey:
        self._intake.refresh()
        key = self._intake.judge(owner, fields)
        if isinstance(key, Refused):
            raise key
        return key

    async def _take(self, who: Identity, fields: AdoptedFields, key: GroupKey, found: _Found) -> int:
        """One commit makes it a job with a lease: it never waits, so no pass and no later engine would start it."""
        now = self._clock.now()
        lease = Lease(
            job=JobId("0"),
            key=key,
            gpus=tuple(sorted(found.on, key=self._index)),
            started_at=now,
            expected_end=now + key.shape.time_limit_s,
        )
        bill = bill_of(lease, self._books.cards.gpus(now), self._policy)
        charged = first_charge(key, bill, now)
        after = {"pid": found.pid, "user": found.user, "gpus": list(lease.gpus)}
        try:
            job = await self._store.adopt(
                NewJob(fields=fields, key=key, submitted_at=now),
                lambda job: _changes(replace(lease, job=job), bill, charged, self._boot_id),
                lambda job: audited(
                    self._clock, who, "job.adopt", job, owner=key.owner.account, before={}, after=after
                ),
            )
        except StoreError as error:
            raise not_ready(error) from error
        live = Live(lease=replace(lease, job=job), attempt=1, submitted_at=now, fields=fields, bill=bill)
        self._books.usage.charge(charged)
        taken = [uuid for uuid in lease.gpus if self._holders(uuid, shared=False)]
        self._books.live[job] = live
        self._feed.job_changed(job, key.owner.account, JobState.SCHEDULED.value)
        if taken:  # between the look and the commit
            self._runs.ended(_never(live, now))
            raise Refused("INVALID_STATE", f"Process {found.pid} was not adopted: {LOST_CARD}.")
        self._runs.launch(live)
        with contextlib.suppress(TimeoutError):  # it goes on by itself
            await asyncio.wait_for(live.settled.wait(), SETTLE_S)
        self._feed.queue_changed()
        self._runs.wake()
        return int(job)

    # ------------------------------------------------------------ cards

    def _holders(self, uuid: GpuUuid, *, shared: bool) -> list[Live]:
        held = self._books.users().get(uuid, [])
        return [live for live in held if live.lease.key.shape.share is shared]

    def _index(self, uuid: GpuUuid) -> int:
        card: Card | None = self._books.cards.get(uuid)
        return card.reading.index if card else -1


def _changes(lease: Lease, bill: Bill, charged: Charged, boot_id: str) -> Sequence[Change]:
    return (
        Scheduled(lease=lease, attempt=1, boot_id=boot_id),
        Billed(job=lease.job, attempt=1, owner=lease.key.owner, bill=bill),
        charged,
    )


def _never(live: Live, now: float) -> Ending:
    return Ending(
        job=live.job,
        attempt=live.attempt,
        cause=Cause.LAUNCH_ERROR,
        exit_code=None,
        signal=None,
        started_at=None,
        ended_at=now,
        message=LOST_CARD,
    )


def _look(pid: int, strangers: dict[int, dict[GpuUuid, int]]) -> _Found:
    """The process, its user, and the cards that it or what descends from it is on. In a thread: it reads /proc."""
    missing = Refused("NOT_FOUND", f"There is no process {pid} on this host. See: rcq gpus.")
    stat = tree.stat(pid)
    if stat is None:
        raise missing
    try:
        process = psutil.Process(pid)
        uid, command, workdir, user = process.uids().real, [process.name()], None, ""
        with contextlib.suppress(psutil.AccessDenied, KeyError):
            user = process.username()
        with contextlib.suppress(psutil.AccessDenied):
            command, workdir = process.cmdline() or command, process.cwd()
    except psutil.NoSuchProcess:
        raise missing from None
    if not tree.is_alive(pid, stat.start):
        raise missing
    on: dict[GpuUuid, int] = {}
    below = tuple(one.pid for one in tree.descendants([pid], tree.all_processes()))
    for one in (pid, *below):
        for uuid, memory_mb in strangers.get(one, {}).items():
            on[uuid] = on.get(uuid, 0) + memory_mb
    words = _words(command)
    place = workdir if workdir and sendable(workdir) == workdir else None
    return _Found(pid=pid, start=stat.start, uid=uid, user=user, command=words, workdir=place, on=on, below=below)


def _words(command: Sequence[str]) -> list[str]:
    """The first `MOST_COMMAND` characters: the command is only shown, never run."""
    words: list[str] = []
    left = MOST_COMMAND
    for word in command:
        words.append(sendable(word[: max(left, 0)]))
        left -= len(word) + 1
        if left <= 0:
            break
    return words


def _is_ancestor(pid: int) -> bool:
    """Whether the engine descends from it: ending it would end the engine."""
    one = tree.stat(os.getppid())
    while one is not None and one.pid > 1:
        if one.pid == pid:
            return True
        one = tree.stat(one.parent)
    return pid == 1
