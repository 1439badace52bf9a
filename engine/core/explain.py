"""Where a pending job stands and what a plan decided about it.

Pure: reads a snapshot and the plan made of it. No words are made here.
"""

from bisect import bisect_left
from dataclasses import dataclass

from engine.core.decisions import Hold, Plan, Reserve, Start
from engine.core.ledger import Ledger
from engine.core.model import GroupKey, PendingGroup, Waiting
from engine.core.ordering import Score, head_rank, rank, score
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot


@dataclass(slots=True, frozen=True, kw_only=True)
class Explanation:
    """A pending job's place: `position` 1 is looked at first, of `pending` in all; score and the plan's outcome."""

    position: int
    pending: int
    score: Score
    outcome: Start | Reserve | Hold


def explain(snapshot: Snapshot, policy: Policy, plan: Plan, key: GroupKey, waiting: Waiting) -> Explanation:
    """Explain one pending job of `snapshot` by the plan made of it. Raises KeyError if it is not pending there."""
    ledger = Ledger(snapshot, policy)
    own = score(key, waiting.submitted_at, snapshot.now, ledger, policy)
    before = rank(waiting, own, entitled=ledger.entitled(key))

    def ahead(group: PendingGroup) -> int:
        return bisect_left(
            range(len(group.jobs)), before, key=lambda at: head_rank(group, at, snapshot.now, ledger, policy)[0]
        )

    return Explanation(
        position=1 + sum(ahead(group) for group in snapshot.pending),
        pending=sum(len(group.jobs) for group in snapshot.pending),
        score=own,
        outcome=outcome_of(plan, key, waiting),
    )


def outcome_of(plan: Plan, key: GroupKey, waiting: Waiting) -> Start | Reserve | Hold:
    """The one outcome that covers a job. Raises KeyError if the plan does not cover it."""
    for start in plan.starts:
        if start.lease.job == waiting.job:
            return start
    for reservation in plan.reservations:
        if reservation.job == waiting.job:
            return reservation
    for hold in plan.holds:
        if hold.key == key:
            at = bisect_left(hold.jobs, waiting)
            if hold.skip <= at < len(hold.jobs) and hold.jobs[at] == waiting:
                return hold
    raise KeyError(waiting.job)
