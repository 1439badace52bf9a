"""An attempt that holds a lease, as it stands now. Must not know who starts, stops or shows it."""

import asyncio
from dataclasses import dataclass, field, replace

from engine.bookkeeping import Bill
from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid, JobId
from engine.core.snapshot import CLUSTER, Lease
from engine.protocol.fields import JobFields


@dataclass(slots=True, kw_only=True, eq=False)
class Live:
    """An attempt that holds a lease.

    state: `scheduled` until the executor runs it. started_at: Unix seconds, from then on. submitted_at: of its job, in
    the queue. failures: earlier attempts that count against the retries, oom_retries: those after which it was given
    more GPU memory. stopping: why it was told to stop, with stop_message for its owner, and since when, Unix seconds.
    to_end: preempted, it goes to the end of the queue. paused_since: it stands still since then, Unix seconds;
    paused_s: seconds that it did before. tried: the executor was asked to start it, so it may run. bill: what its owner
    is charged for it. settled: set as soon as the start went through, or will not happen. fields: known once it was
    launched. load, memory_mb: what it does to a simulated card. cores: the CPU cores that it is kept on, if it is.
    node: the machine of a cluster that runs it. held_next: told to stop, it is kept back (`held`) after that.
    """

    lease: Lease
    attempt: int
    state: JobState = JobState.SCHEDULED
    started_at: float | None = None
    submitted_at: float = 0.0
    failures: int = 0
    oom_retries: int = 0
    stopping: Cause | None = None
    stop_message: str | None = None
    stopping_since: float | None = None
    to_end: bool = False
    paused_since: float | None = None
    paused_s: float = 0.0
    tried: bool = False
    bill: Bill | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    fields: JobFields | None = None
    load: float | None = None
    memory_mb: int = 0
    cores: tuple[int, ...] = ()
    node: str | None = None
    held_next: bool = False

    @property
    def job(self) -> JobId:
        """Whose attempt it is."""
        return self.lease.job

    @property
    def on_cluster(self) -> bool:
        """Whether its lease is on the cluster."""
        return self.lease.place == CLUSTER

    @property
    def waits(self) -> bool:
        """Whether it was released to the cluster, which does not run it yet: that may take days."""
        return self.on_cluster and self.state is JobState.SCHEDULED

    @property
    def cancelled(self) -> bool:
        """Whether somebody wants the job ended."""
        return self.stopping is Cause.CANCELLED

    def stood_still(self, now: float) -> float:
        """Seconds that it was paused until now; who is told to stop goes on for that."""
        if self.paused_since is None:
            return self.paused_s
        until = now if self.stopping_since is None else min(now, self.stopping_since)
        return self.paused_s + max(0.0, until - self.paused_since)

    def limit_at(self) -> float | None:
        """When its time limit ends it, Unix seconds; `None` before it started, and while that is put off."""
        if self.started_at is None or self.paused_since is not None:
            return None
        return self.started_at + self.lease.key.shape.time_limit_s + self.paused_s

    def go_on(self, now: float) -> None:
        """It stands still no more."""
        self.paused_s, self.paused_since = self.stood_still(now), None

    def began(self, started_at: float, node: str | None, gpus: tuple[GpuUuid, ...] | None) -> float:
        """The cluster runs it since then, there, on these cards; by how many seconds its lease has moved."""
        lease, off_s = self.lease, started_at - self.lease.started_at
        self.node = node
        self.lease = replace(
            lease,
            started_at=started_at,
            expected_end=lease.expected_end + off_s,
            gpus=lease.gpus if gpus is None else gpus,
            waits=False,
        )
        return off_s

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: what is remembered of the attempt happened as long ago as before."""
        lease = self.lease
        self.lease = replace(lease, started_at=lease.started_at + by_s, expected_end=lease.expected_end + by_s)
        self.started_at = None if self.started_at is None else self.started_at + by_s
        self.stopping_since = None if self.stopping_since is None else self.stopping_since + by_s
        self.paused_since = None if self.paused_since is None else self.paused_since + by_s

    def seen(self, now: float, grace_s: float) -> Lease:
        """The lease as the plan sees it: one whose end is near says so, with the end of its grace.

        What it stood still moves its ends on. One that waits on the cluster has all of its run before it.
        """
        if self.waits:
            return self._seen_waiting(now, grace_s)
        still_s, lease = self.stood_still(now), self.lease
        if still_s:
            lease = replace(lease, paused_s=still_s, expected_end=lease.expected_end + still_s)
        began = lease.started_at if self.started_at is None else self.started_at
        limit_at = began + lease.key.shape.time_limit_s + still_s
        since = limit_at if self.stopping_since is None else min(limit_at, self.stopping_since)
        if now < since:
            return lease
        return replace(lease, ending=True, expected_end=since + grace_s)

    def _seen_waiting(self, now: float, grace_s: float) -> Lease:
        lease = self.lease
        if self.stopping_since is not None:
            return replace(lease, waits=True, ending=True, started_at=now, expected_end=now + grace_s)
        run_s = lease.expected_end - lease.started_at
        return replace(lease, waits=True, started_at=now, expected_end=now + run_s)
