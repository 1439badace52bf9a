"""A trace on virtual time, decided by the engine's own `plan()`.

Pure: jobs in, schedule out; it takes no longer than its passes do. This module must not know file formats.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from engine.core.baselines import Planner
from engine.core.decisions import Plan
from engine.core.fairshare import charge, month_with
from engine.core.knowledge import Knowledge
from engine.core.model import PendingGroup
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot
from engine.core.trace import Box, Estimates, Ran, TraceJob
from engine.core.warmth import NEVER, Warmth
from engine.core.world import World


def apply(snapshot: Snapshot, decided: Plan, policy: Policy) -> Snapshot:
    """The snapshot as it is right after the plan's starts: leases taken, owners charged, queues shorter."""
    sizes = {gpu.uuid: gpu.memory_mb for gpu in snapshot.all_gpus}
    usage = dict(snapshot.usage_gpu_s)
    within = dict(snapshot.usage_accounts_gpu_s)
    for start in decided.starts:
        owner = start.lease.key.owner
        billed = charge(start.lease, start.lease.expected_end, sizes, policy.core_weight)
        usage[owner.group] = usage.get(owner.group, 0.0) + billed
        if owner in within:
            within[owner] += billed
    started = {start.lease.job for start in decided.starts}
    waiting = (
        PendingGroup(group.key, tuple(entry for entry in group.jobs if entry.job not in started))
        for group in snapshot.pending
    )
    return replace(
        snapshot,
        leases=(*snapshot.leases, *(start.lease for start in decided.starts)),
        pending=tuple(group for group in waiting if group.jobs),
        usage_gpu_s=usage,
        usage_accounts_gpu_s=within,
        month=month_with(snapshot.month, (start.lease for start in decided.starts), sizes),
        hot=decided.hot,
    )


def simulate(
    trace: Sequence[TraceJob],
    box: Box,
    policy: Policy,
    *,
    planner: Planner = plan,
    estimates: Estimates = Estimates.LIMIT,
    warmth: Warmth | None = None,
    quantile: float = 0.5,
) -> Iterator[Ran]:
    """Run the trace to its end and yield each job as it ends.

    A pass runs at every arrival and every end, and when a job that may be stopped has run its minimum. Jobs are planned
    by what `estimates` tells and end after their real run time; who is stopped begins again from nothing. warmth: the
    cards' heat, for one simulation only; jobs on cards that it slows down run longer, whatever their time limits.
    Without it cards stay as the box has them. quantile: of earlier runs which is expected, where history tells. A job
    that may never start is never yielded.
    """
    if estimates is Estimates.ACTUAL:
        trace = [replace(job, key=replace(job.key, kind=job.job)) for job in trace]
    arrivals = sorted(trace, key=lambda job: (job.submit_s, job.job))
    world = World(arrivals, box, policy, Knowledge(estimates, trace, quantile), warmth)
    at = 0
    while True:
        now = min(arrivals[at].submit_s if at < len(arrivals) else NEVER, world.next_event())
        if (look := world.next_look()) < now:
            world.pass_time(look)
            continue
        if now == NEVER:
            return
        world.pass_time(now)
        # 1. who has ended gives back its lease, and what it was charged too much; who was stopped waits again
        yield from world.end(now)
        # 2. who has arrived waits
        while at < len(arrivals) and arrivals[at].submit_s <= now:
            world.arrive(arrivals[at])
            at += 1
        # 3. one pass
        world.act(planner(world.snapshot(now), policy))
