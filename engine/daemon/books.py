"""The truth in memory while the engine runs: the queue, leases, cards, terms, quotas, usage.

Owned by the event loop: every change is one synchronous step there, so nobody ever sees half of one. The store holds
the same on disk. Must not know how anything is written, started or shown.
"""

from collections import Counter
from collections.abc import Mapping

from engine.core.decisions import Plan, Start
from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid, GroupKey, GroupName, JobId, Waiting
from engine.core.reasons import Dependency, NotBefore
from engine.core.snapshot import GroupTerms, Host, Quotas, Snapshot
from engine.daemon.capacity import Capacity
from engine.daemon.cards import Cards
from engine.daemon.carduse import shares_of
from engine.daemon.claims import Claims
from engine.daemon.gate import Entry, Gate, reasons
from engine.daemon.heldjobs import HeldJobs
from engine.daemon.live import Live
from engine.daemon.pending import PendingIndex
from engine.daemon.runtimes import RunTimes
from engine.daemon.slotbook import SlotBook
from engine.daemon.tally import Bearer, Members
from engine.daemon.usage import UsageBook
from engine.readings import GpuLoad

__all__ = ["Books", "Live"]


class Books:
    """Everything a snapshot is made of.

    held: jobs that their owner keeps back. attempts, failures, oom_retries: of jobs that ran before. claims: for whom
    others were told to stop. grace_s: seconds between the signal and the end. run_times: nothing is known of them
    unless given. finished: jobs by the state that they ended in, ever; causes: of those that ended since this engine
    began; preempted: attempts that were, since then. capacity: the cluster that jobs go to as well, or instead of this
    host; `None` where there is none.
    """

    def __init__(
        self,
        *,
        host: Host,
        cards: Cards,
        usage: UsageBook,
        grace_s: float = 30.0,
        run_times: RunTimes | None = None,
    ) -> None:
        self.host = host
        self.cards = cards
        self.usage = usage
        self.pending = PendingIndex()
        self.gate = Gate()
        self.slots = SlotBook()
        self.held = HeldJobs()
        self._aside = Members()
        self.held.changed = self.gate.changed = self._put_aside
        self.live: dict[JobId, Live] = {}
        self.attempts: dict[JobId, int] = {}
        self.failures: dict[JobId, int] = {}
        self.oom_retries: dict[JobId, int] = {}
        self.claims = Claims()
        self.grace_s = grace_s
        self.run_times = run_times or RunTimes()
        self.finished: Counter[JobState] = Counter()
        self.causes: Counter[Cause] = Counter()
        self.preempted = 0
        self.groups: Mapping[GroupName, GroupTerms] = {}
        self.quotas = Quotas()
        self.plan: Plan | None = None
        self.capacity: Capacity | None = None

    def clock_set(self, by_s: float) -> None:
        """The clock jumped. Times that people gave, and when a job was submitted, stay what they are."""
        for live in self.live.values():
            live.clock_set(by_s)
        self.cards.clock_set(by_s)
        self.claims.clock_set(by_s)
        self.usage.clock_set(by_s)

    def snapshot(self, now: float) -> Snapshot:
        """The world at `now`; pending groups are live views, good until the next change."""
        pending = self.pending.groups()
        snapshot = Snapshot(
            now=now,
            host=self.host,
            gpus=self.cards.gpus(now, self.over()),
            leases=tuple(live.seen(now, self.grace_s) for live in self.live.values()),
            pending=pending,
            groups=self.groups,
            quotas=self.quotas,
            usage_gpu_s=self.usage.all(now),
            usage_accounts_gpu_s=self.usage.accounts(now),
            month=self.usage.month(now),
            estimates=self.run_times.of(pending),
            slots=self.slots.for_snapshot(now),
            claims=self.claims.seen(self.pending, self.live, now),
            hot=self.cards.hot,
        )
        return snapshot if self.capacity is None else self.capacity.placed(snapshot)

    def place_of(self, job: JobId) -> str:
        """Where the lease of a job is; this host, if it holds none."""
        live = self.live.get(job)
        return "" if live is None else live.lease.place

    def claim(self, start: Start) -> Live:
        """Move a job that the plan starts from the queue to the leases."""
        job = start.lease.job
        self.pending.remove(job, start.submitted_at)
        live = self.live[job] = Live(
            lease=start.lease,
            attempt=self.attempts.get(job, 0) + 1,
            submitted_at=start.submitted_at,
            failures=self.failures.get(job, 0),
            oom_retries=self.oom_retries.get(job, 0),
        )
        return live

    def unclaim(self, live: Live, submitted_at: float) -> None:
        """Undo a claim whose commit failed."""
        del self.live[live.job]
        self.pending.add(live.lease.key, Waiting(submitted_at, live.job))
        live.settled.set()

    def free(self, live: Live) -> None:
        """The attempt is over: its lease is free at once."""
        del self.live[live.job]
        self.attempts.pop(live.job, None)
        self.failures.pop(live.job, None)
        self.oom_retries.pop(live.job, None)
        live.settled.set()

    def requeue(
        self,
        key: GroupKey,
        waiting: Waiting,
        *,
        attempts: int,
        failures: int,
        oom_retries: int = 0,
        held: bool = False,
    ) -> None:
        """Put a job back into the queue for its next attempt; held: it is kept back from it."""
        self.attempts[waiting.job] = attempts
        if failures:
            self.failures[waiting.job] = failures
        if oom_retries:
            self.oom_retries[waiting.job] = oom_retries
        if held:
            self.held[waiting.job] = (key, waiting)
        else:
            self.pending.add(key, waiting)

    def ended(self, state: JobState, cause: Cause, count: int = 1) -> None:
        """So many jobs have come to their final end."""
        self.finished[state] += count
        self.causes[cause] += count

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state, as it is in memory now."""
        counts = {state.value: 0 for state in JobState} | {s.value: n for s, n in self.finished.items()}
        counts[JobState.PENDING] = len(self.pending) + len(self._aside) - len(self.held)
        counts[JobState.HELD] = len(self.held)
        for live in self.live.values():
            counts[live.state] += 1
        return counts

    def waiting(self, bearer: Bearer) -> int:
        """How many jobs of an account, a group or a service wait: in the queue, at the gate or held."""
        return self.pending.tally.of(bearer) + self._aside.tally.of(bearer)

    def _put_aside(self, job: JobId, key: GroupKey) -> None:
        self._aside.put(job, key, inside=job in self.held or job in self.gate)

    def waits(self, job: JobId) -> JobState | None:
        """The state of a job that waits: in the queue, at the gate or held; `None` if it does not."""
        if job in self.held:
            return JobState.HELD
        return JobState.PENDING if job in self.pending or job in self.gate else None

    def expects(self, job: JobId, attempt: int) -> bool:
        """Whether that attempt is under way, or is the next one of a job that waits."""
        if (live := self.live.get(job)) is not None:
            return live.attempt == attempt
        return self.waits(job) is not None and self.attempts.get(job, 0) + 1 == attempt

    def holds(self, job: JobId) -> bool:
        """Whether the job has not ended, as far as memory knows."""
        return job in self.live or self.waits(job) is not None

    def gate_reasons(self, job: JobId, most: int | None = None) -> list[NotBefore | Dependency]:
        """Why a job waits at the gate, of its dependencies the first `most`; empty if it is not there or held."""
        entry = None if job in self.held else self.gate.of(job)
        return self.reasons_of(entry, most) if entry else []

    def reasons_of(self, entry: Entry, most: int | None = None) -> list[NotBefore | Dependency]:
        """Why an entry waits, of its dependencies the first `most`."""
        return reasons(entry, self._standing, most)

    def _standing(self, job: JobId) -> JobState:
        live = self.live.get(job)
        return live.state if live else self.waits(job) or JobState.PENDING

    def leased(self) -> frozenset[GpuUuid]:
        """The cards that somebody holds."""
        return frozenset(uuid for live in self.live.values() for uuid in live.lease.gpus)

    def over(self) -> dict[GpuUuid, tuple[tuple[JobId, int], ...]]:
        """Of each card that is shared, who was read to have more of it than was asked for, by how many MiB, by id."""
        found: dict[GpuUuid, tuple[tuple[JobId, int], ...]] = {}
        for uuid, holders in self.users().items():
            if (card := self.cards.get(uuid)) is None:
                continue
            read_at = card.reading.read_at
            sharers = [one for one in holders if one.lease.key.shape.share and (one.started_at or read_at) < read_at]
            asked = {one.job: one.lease.key.shape.gpu_memory_mb for one in sharers}
            have = shares_of(card.use, asked) if asked else {}
            if over := tuple((job, have[job] - mb) for job, mb in asked.items() if have.get(job, 0) > mb):
                found[uuid] = over
        return found

    def users(self) -> dict[GpuUuid, list[Live]]:
        """Who holds each card, by job id."""
        users: dict[GpuUuid, list[Live]] = {}
        for live in sorted(self.live.values(), key=lambda live: int(live.job)):
            for uuid in live.lease.gpus:
                users.setdefault(uuid, []).append(live)
        return users

    def loads(self, default: Mapping[GpuUuid, float]) -> tuple[GpuLoad, ...]:
        """What running jobs do to their cards; `default` is the load of a job that does not tell its own."""
        return tuple(
            GpuLoad(
                job=live.job,
                gpu=uuid,
                load=0.0 if live.paused_since is not None else _load(live, default.get(uuid, 1.0)),
                memory_mb=live.memory_mb,
            )
            for live in self.live.values()
            if live.state is JobState.RUNNING
            for uuid in live.lease.gpus
        )


def _load(live: Live, default: float) -> float:
    return default if live.load is None else live.load
