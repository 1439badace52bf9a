"""The box in virtual time: what waits, what runs, what everybody used, and the events to come.

Pure. This module must not know how a plan is made.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from engine.core.decisions import Plan, Start
from engine.core.fairshare import charge, decayed
from engine.core.knowledge import Knowledge
from engine.core.model import (
    AccountName,
    GpuUuid,
    GroupKey,
    GroupName,
    JobId,
    Owner,
    PendingGroup,
    ServiceName,
    Waiting,
)
from engine.core.policy import Policy
from engine.core.snapshot import Claim, Lease, Month, Snapshot
from engine.core.trace import Box, Ran, TraceJob
from engine.core.warmth import NEVER, Warmth

MONTH_S = 30 * 86_400.0
"""A simulated month: a trace has no calendar."""
DONE_S = 1e-6
"""Less work than this is none: what is left of a job's work is a sum of many parts."""
MOVED_S = 1e-7
"""An end that moves by less stays where it is."""


class World:
    """Everything that a simulation remembers between passes."""

    def __init__(
        self, trace: Sequence[TraceJob], box: Box, policy: Policy, knowledge: Knowledge, warmth: Warmth | None
    ) -> None:
        self._jobs = {job.job: job for job in trace}
        self._box = box
        self._policy = policy
        self._knowledge = knowledge
        self._warmth = warmth
        self._sizes = {gpu.uuid: gpu.memory_mb for gpu in box.gpus}
        self._pending: dict[GroupKey, list[Waiting]] = {}
        self._running: dict[JobId, Lease] = {}
        self._claims: dict[JobId, Claim] = {}
        self._attempts: dict[JobId, int] = defaultdict(int)
        self._promised: dict[JobId, tuple[float, float]] = {}
        self._expected_s: dict[JobId, float] = {}
        self._usage: dict[GroupName, float] = defaultdict(float)
        self._within: dict[Owner, float] = defaultdict(float)
        self._used_at = 0.0
        self._months: dict[tuple[int, str, str], float] = defaultdict(float)
        self._hot: frozenset[GpuUuid] = frozenset()
        self._now = 0.0
        self._work_s: dict[JobId, float] = {}
        self._due: dict[JobId, float] = {}
        self._ends: list[tuple[float, JobId, int]] = []
        self._wakes: list[float] = []

    def next_event(self) -> float:
        """When something happens next but for arrivals; NEVER if nothing does."""
        return min(self._ends[0][0] if self._ends else NEVER, self._wakes[0] if self._wakes else NEVER)

    def next_look(self) -> float:
        """When the cards want to be looked at; NEVER if that makes no difference to anybody."""
        if self._warmth is None or not (self._running or (self._hot and self._pending)):
            return NEVER
        return self._warmth.due

    def pass_time(self, now: float) -> None:
        """Let the time pass: cards warm or cool, and jobs work as fast as those let them.

        A card that came back wakes a pass if jobs wait.
        """
        if self._warmth is not None:
            elapsed_s = now - self._now
            for job, lease in self._running.items():
                self._work_s[job] -= elapsed_s * self._warmth.speed(lease)
            self._now = now
            self._warmth.pass_time(now)
            hot = self._warmth.hot(self._hot)
            if self._hot - hot and self._pending:
                heapq.heappush(self._wakes, now)
            self._hot = hot
            self._foresee(self._warmth)

    def _foresee(self, warmth: Warmth) -> None:
        """When each job will have done its work at the speeds of now."""
        for job, lease in self._running.items():
            speed = warmth.speed(lease)
            end = self._now + max(0.0, self._work_s[job]) / speed if speed else NEVER
            if lease.ending:
                end = min(end, lease.expected_end)
            if abs(end - self._due[job]) > MOVED_S:
                self._end_at(job, end)
        while self._ends and self._outdated(*self._ends[0]):
            heapq.heappop(self._ends)  # it would wake a pass for nothing

    def _outdated(self, end: float, job: JobId, attempt: int) -> bool:
        """Whether a job is no longer to end then: it was stopped sooner, or its speed changed."""
        return attempt != self._attempts[job] or job not in self._running or end != self._due[job]

    def _end_at(self, job: JobId, end: float) -> None:
        self._due[job] = end
        heapq.heappush(self._ends, (end, job, self._attempts[job]))

    def arrive(self, job: TraceJob) -> None:
        """A job waits from now on."""
        self._pending.setdefault(job.key, []).append(Waiting(job.submit_s, job.job))

    def end(self, now: float) -> Iterator[Ran]:
        """All that ends at `now`; who was stopped waits again, as of its submission."""
        while self._wakes and self._wakes[0] <= now:
            heapq.heappop(self._wakes)
        while self._ends and self._ends[0][0] <= now:
            end, ended, attempt = heapq.heappop(self._ends)
            if self._outdated(end, ended, attempt):
                continue
            lease = self._running.pop(ended)
            job, expected_s = self._jobs[ended], self._expected_s[ended]
            self._refund(lease, now)
            if lease.ending and self._left_s(lease, now) > 0:
                self._requeue(job)
                continue
            self._knowledge.learn(job if self._warmth is None else replace(job, runtime_s=now - lease.started_at))
            first, last = self._promised.pop(ended, (None, None))
            yield Ran(
                job=job,
                start_s=lease.started_at,
                end_s=now,
                gpus=lease.gpus,
                expected_s=expected_s,
                first_promise_s=first,
                last_promise_s=last,
                attempts=attempt,
            )

    def snapshot(self, now: float) -> Snapshot:
        """The world at `now`, as a pass sees it."""
        faded = decayed(1.0, now - self._used_at, self._policy.half_life_s)
        for used in (self._usage, self._within):
            for bearer in used:
                used[bearer] *= faded  # type: ignore[index]  # each of its own kind
        self._used_at = now
        return Snapshot(
            now=now,
            host=self._box.host,
            gpus=self._warmth.cards if self._warmth else self._box.gpus,
            leases=tuple(self._running.values()),
            pending=tuple(PendingGroup(key, jobs) for key, jobs in self._pending.items()),
            groups=self._box.groups,
            quotas=self._box.quotas,
            usage_gpu_s=self._usage,
            usage_accounts_gpu_s=self._within,
            month=self._month(now),
            estimates=self._knowledge.of(self._pending),
            claims=tuple(self._claims.values()),
            hot=self._hot,
        )

    def act(self, decided: Plan) -> None:
        """Do what a plan says."""
        now = decided.now
        self._hot = decided.hot
        for promise in decided.reservations:
            first, _ = self._promised.get(promise.job, (promise.start_at, 0.0))
            self._promised[promise.job] = (first, promise.start_at)
        for start in decided.starts:
            self._start(start, now)
        for preempt in decided.preemptions:
            victim = preempt.victim
            end = min(now + self._policy.preemption.grace_s, self._due[victim.job])
            self._running[victim.job] = replace(victim, ending=True, expected_end=end)
            self._end_at(victim.job, end)
            self._claims[preempt.by.job] = preempt.by
        if self._warmth is not None:
            self._warmth.carry(tuple(self._running.values()))
            self._foresee(self._warmth)

    def _start(self, start: Start, now: float) -> None:
        lease = start.lease
        job = lease.job
        queue = self._pending[lease.key]
        queue.remove(Waiting(start.submitted_at, job))
        if not queue:
            del self._pending[lease.key]
        self._claims.pop(job, None)
        self._running[job] = lease
        self._attempts[job] += 1
        self._expected_s[job] = lease.expected_end - lease.started_at
        self._charge(lease.key, charge(lease, lease.expected_end, self._sizes, self._policy.core_weight))
        self._use(lease, lease.expected_end - lease.started_at, now)
        self._work_s[job] = self._jobs[job].runtime_s
        self._end_at(job, now + self._jobs[job].runtime_s)
        if lease.key.preemptible and self._policy.preemption.enabled:
            heapq.heappush(self._wakes, now + self._policy.preemption.min_run_s)

    def _left_s(self, lease: Lease, now: float) -> float:
        """Seconds of work at full speed that a job has before it; 0 if that is next to nothing."""
        if self._warmth is None:
            return max(0.0, lease.started_at + self._jobs[lease.job].runtime_s - now)
        left_s = self._work_s[lease.job]
        return left_s if left_s > DONE_S else 0.0

    def _requeue(self, job: TraceJob) -> None:
        queue = self._pending.setdefault(job.key, [])
        queue.append(Waiting(job.submit_s, job.job))
        queue.sort()

    def _refund(self, lease: Lease, now: float) -> None:
        """Correct what was charged at the start to what it ran, as far as that has not faded."""
        expected_s = self._expected_s.pop(lease.job)
        whole = charge(lease, lease.started_at + 1.0, self._sizes, self._policy.core_weight)
        rest_s = now - lease.started_at - expected_s
        self._charge(lease.key, decayed(whole * rest_s, now - lease.started_at, self._policy.half_life_s))
        self._use(lease, rest_s, lease.started_at)

    def _charge(self, key: GroupKey, gpu_s: float) -> None:
        owner = key.owner
        self._usage[owner.group] = max(0.0, self._usage[owner.group] + gpu_s)
        self._within[owner] = max(0.0, self._within[owner] + gpu_s)

    def _use(self, lease: Lease, seconds: float, at: float) -> None:
        """Count plain GPU-seconds in the month of `at`."""
        plain = charge(lease, lease.started_at + 1.0, self._sizes, 0.0) * seconds
        owner = lease.key.owner
        for scope, name in (("account", owner.account), ("group", owner.group), ("service", lease.key.service)):
            if name is not None:
                self._months[int(at // MONTH_S), scope, name] += plain

    def _month(self, now: float) -> Month:
        this = int(now // MONTH_S)
        rows = [(scope, name, used) for (month, scope, name), used in self._months.items() if month == this]
        return Month(
            accounts={AccountName(name): used for scope, name, used in rows if scope == "account"},
            groups={GroupName(name): used for scope, name, used in rows if scope == "group"},
            services={ServiceName(name): used for scope, name, used in rows if scope == "service"},
        )
