"""What tests of further attempts have in common: ids, the audit log, preemptions on order."""

from dataclasses import replace

from engine.core.decisions import Preempt
from engine.core.model import JobId
from engine.core.snapshot import Claim


def id_of(number):
    return JobId(str(number))


async def audit_of(world, action):
    return [row.entry for row in await world.store.audit.page() if row.entry.action == action]


def preempting(world, monkeypatch, *pairs):
    """From the next plan on, once: each (victim, for whom) is preempted by priority."""
    plan, left = world.engine.passes._plan, dict(pairs)

    def scripted(snapshot, policy):
        decided = plan(snapshot, policy)
        leases = {lease.job: lease for lease in snapshot.leases}
        waiting = {one.job: (group.key, one) for group in snapshot.pending for one in group.jobs}
        found = []
        for victim in [job for job in left if id_of(job) in leases and id_of(left[job]) in waiting]:
            lease, (key, by) = leases[id_of(victim)], waiting[id_of(left.pop(victim))]
            claim = Claim(job=by.job, key=key, submitted_at=by.submitted_at, gpus=lease.gpus)
            found.append(Preempt(victim=lease, by=claim, rule="priority", lost_gpu_s=1.0))
        return replace(decided, preemptions=tuple(found))

    monkeypatch.setattr(world.engine.passes, "_plan", scripted)
