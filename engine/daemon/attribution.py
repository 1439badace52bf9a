"""Tells whose each process on a card is: a job's, rcq's own, or a stranger's with Unix user and command.

What is asked of the host is asked in the thread that reads the cards. Text of strangers is data here. Must not know
what is done about strangers.
"""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from engine.core.model import AccountName, GpuUuid, JobId
from engine.daemon.books import Books
from engine.daemon.carduse import CardUse, Stranger
from engine.executor import tree
from engine.readings import GpuProcess, GpuReading

MOST_COMMAND = 1000
"""Characters of a stranger's command line that are kept."""

JobOf = Callable[[int], JobId | None]
AccountsByUser = Callable[[], Mapping[str, AccountName]]
Identity = tuple[int, int]


@dataclass(slots=True, frozen=True, kw_only=True)
class Acquaintances:
    """Whom the attribution asks. job_of: whose process a pid is, from any thread. accounts: by their Unix users.

    ready: whether the executor knows all jobs that run by now; before, nobody can be told from them.
    """

    job_of: JobOf
    accounts: AccountsByUser
    ready: Callable[[], bool]


@dataclass(slots=True, frozen=True, kw_only=True)
class _Person:
    """Who a process is, as the host tells it."""

    start: int
    user: str
    command: str


class ProcessAttribution:
    """For real cards. Until it is introduced, a card's memory is all ours while a job of ours has it, and none else."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._known: Acquaintances | None = None
        self._leased: frozenset[GpuUuid] = frozenset()
        self._accounts: Mapping[str, AccountName] = {}
        self._ready = False
        self._persons: dict[Identity, _Person] = {}
        self._jobs: dict[int, JobId] = {}  # pids that were a job's at the reading before
        self._unseen: frozenset[int] = frozenset()  # pids that the host did not show at the reading before
        self._own: dict[Identity, bool] = {}

    def introduce(self, known: Acquaintances) -> None:
        """From now on processes are told apart."""
        self._known = known

    def prepare(self) -> None:
        """Take down which cards are leased and who is linked to which Unix user."""
        self._leased = self._books.leased()
        self._ready = self._known is not None and self._known.ready()
        self._accounts = self._known.accounts() if self._known else {}

    def uses(self, readings: Sequence[GpuReading]) -> Mapping[GpuUuid, CardUse]:
        """Who uses each card, for these readings."""
        sorter = _Sorter(self, self._known.job_of if self._known and self._ready else None)
        found = {reading.uuid: self._use(reading, sorter) for reading in readings}
        self._jobs, self._unseen = sorter.jobs, frozenset(sorter.unseen)
        self._persons = {who: person for who, person in self._persons.items() if who in sorter.met}
        self._own = {who: own for who, own in self._own.items() if who in sorter.met}
        return found

    def _use(self, reading: GpuReading, sorter: "_Sorter") -> CardUse:
        used, leased = reading.memory_used_mb or 0, reading.uuid in self._leased
        if reading.processes is None or sorter.job_of is None:
            return CardUse(held_mb=used if leased else 0)
        ours, strangers, own_mb = sorter.sort(reading.processes, leased=leased)
        jobs: dict[JobId, int] = {}
        for job, process in ours:
            jobs[job] = jobs.get(job, 0) + (process.memory_mb or 0)
        theirs = sum(stranger.memory_mb or 0 for stranger in strangers)
        told = all(process.memory_mb is not None for process in reading.processes)
        if leased or ours:
            return CardUse(
                held_mb=max(0, used - theirs), jobs=jobs if told else {}, processes=tuple(ours), strangers=strangers
            )
        return CardUse(
            held_mb=min(used, own_mb),
            strangers=strangers,
            leaked_mb=max(0, used - theirs - own_mb) if told else 0,
        )

    def person(self, found: tree.Stat) -> _Person | None:
        """User and command of a process; `None` if it has ended meanwhile."""
        who = (found.pid, found.start)
        if who not in self._persons:
            person = _person(found)
            if person is None:
                return None
            self._persons[who] = person
        return self._persons[who]

    def stranger(self, process: GpuProcess, person: _Person) -> Stranger:
        """What is told of a foreign process."""
        return Stranger(
            pid=process.pid,
            start=person.start,
            user=person.user,
            command=person.command,
            account=self._accounts.get(person.user),
            memory_mb=process.memory_mb,
        )

    def was(self, pid: int) -> JobId | None:
        """Whose the pid was at the reading before."""
        return self._jobs.get(pid)

    def was_unseen(self, pid: int) -> bool:
        """Whether the host did not show it at the reading before either."""
        return pid in self._unseen

    def is_own(self, found: tree.Stat) -> bool:
        """Whether it is the engine or descends from it: jobs do not."""
        who = (found.pid, found.start)
        if who not in self._own:
            self._own[who] = _descends_from_this(found)
        return self._own[who]


Ours = list[tuple[JobId, GpuProcess]]
NOBODY = _Person(start=0, user="", command="")


class _Sorter:
    """Sorts the processes of one round of readings. job_of: `None` where nobody can be told apart yet."""

    def __init__(self, host: ProcessAttribution, job_of: JobOf | None) -> None:
        self._host = host
        self.job_of = job_of
        self.jobs: dict[int, JobId] = {}
        self.unseen: set[int] = set()
        self.met: set[Identity] = set()

    def sort(self, processes: Sequence[GpuProcess], *, leased: bool) -> tuple[Ours, tuple[Stranger, ...], int]:
        """Of one card: the jobs' processes, the strangers, and MiB of rcq's own; in the order that they are told in."""
        ours: Ours = []
        strangers: list[Stranger] = []
        own_mb = 0
        for process in processes:
            found = tree.stat(process.pid)
            job = self._job(process.pid, found)
            if found is not None:
                self.met.add((found.pid, found.start))
            if job is not None:
                ours.append((job, process))
            elif found is not None and self._host.is_own(found):
                own_mb += process.memory_mb or 0
            elif (person := self._person(process.pid, found, leased=leased)) is not None:
                strangers.append(self._host.stranger(process, person))
        return ours, tuple(strangers), own_mb

    def _job(self, pid: int, found: tree.Stat | None) -> JobId | None:
        job = self.job_of(pid) if self.job_of and found is not None else None
        if found is None:
            job = self._host.was(pid)  # it ended a moment ago, and so may its job have
        if job is not None:
            self.jobs[pid] = job
        return job

    def _person(self, pid: int, found: tree.Stat | None, *, leased: bool) -> _Person | None:
        """`None` for one that has ended, and for one that the host hides: on a leased card it is the holder's."""
        if found is not None:
            return self._host.person(found)
        self.unseen.add(pid)
        return NOBODY if self._host.was_unseen(pid) and not leased else None


def _person(found: tree.Stat) -> _Person | None:
    user = command = ""
    try:
        process = psutil.Process(found.pid)
        with contextlib.suppress(psutil.AccessDenied, KeyError):
            user = process.username()
        with contextlib.suppress(psutil.AccessDenied):
            command = sendable(" ".join(process.cmdline()) or process.name())
    except psutil.NoSuchProcess:
        return None
    if not tree.is_alive(found.pid, found.start):
        return None  # what was read may be another's
    return _Person(start=found.start, user=user, command=command[:MOST_COMMAND])


def sendable(text: str) -> str:
    """What the host tells of a process; bytes that are no text, which no answer could hold, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _descends_from_this(found: tree.Stat) -> bool:
    one: tree.Stat | None = found
    while one is not None and one.pid > 1:
        if one.pid == os.getpid():
            return True
        one = tree.stat(one.parent)
    return False
