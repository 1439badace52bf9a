"""One pass: from a snapshot and a policy to a plan. The daemon, the simulator, "why" and the benchmarks call this.

Pure. Cost follows the number of pending groups: of equal jobs only the first that does not fit is looked at.
"""

from engine.core.ahead import hand_over
from engine.core.clusterreasons import on_cluster
from engine.core.decisions import Plan, Preempt, Start
from engine.core.ledger import Ledger
from engine.core.model import GpuUuid
from engine.core.overflow import spill
from engine.core.placement.thermal import hot_cards
from engine.core.policy import Policy
from engine.core.preemption import find, makes_way
from engine.core.snapshot import Snapshot
from engine.core.standing import Standings
from engine.core.taken import take, timeline_of
from engine.core.walk import Walk

MOST_PREEMPTORS = 8
"""For so many jobs at most others are stopped in one pass."""


def plan(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide what starts now, where, who is stopped for whom, what is promised, and why the rest waits."""
    decided = _planned(snapshot, policy)
    if snapshot.cluster is not None:
        return spill(decided, snapshot, policy, _planned)
    return on_cluster(decided, snapshot) if snapshot.place else decided


def _planned(snapshot: Snapshot, policy: Policy) -> Plan:
    """The same for one place."""
    # 1. which cards are too hot, with the memory of the last pass
    hot = hot_cards(snapshot.gpus, snapshot.hot, policy.thermal)
    # 2. who holds what, and what everybody has used
    standings = Standings(snapshot, policy, Ledger(snapshot, policy))
    # 3. go through the pending jobs in order until nothing more starts
    starts: list[Start] = []
    walk = _settled(snapshot, policy, standings, hot, starts)
    # 4. who may have others stopped for it, and whom; those cards are its own from now on
    preemptions: list[Preempt] = []
    while len({preempt.by.job for preempt in preemptions}) < MOST_PREEMPTORS:
        found = find(walk)
        if not found:
            break
        preemptions += found
        snapshot = makes_way(snapshot, policy, found)
        walk = _settled(snapshot, policy, standings, hot, starts)
    # 5. a few of those that found no room wait in the cluster's own queue rather than here
    hand_over(walk)
    # 6. every pending job now has exactly one outcome
    return Plan(
        now=snapshot.now,
        starts=tuple(starts),
        reservations=tuple(walk.reservations),
        holds=tuple(walk.holds),
        hot=hot,
        preemptions=tuple(preemptions),
    )


def _settled(
    snapshot: Snapshot, policy: Policy, standings: Standings, hot: frozenset[GpuUuid], starts: list[Start]
) -> Walk:
    """Walk until nothing more starts; adds to `starts`.

    Whenever a start may have changed what was promised before it, or who comes first, all is walked anew from the top:
    the last walk starts nothing, so planning again would start nothing either. Where nothing is promised, nobody waits
    for anything but room and quotas, and the order of who does not start is of no account.
    """
    by_limits = standings.by_limits
    leases = [*snapshot.leases, *(start.lease for start in starts)]
    taken = timeline_of(snapshot, leases, hot, policy, by_limits=by_limits)
    while True:
        before = len(starts)
        walk = Walk(snapshot, policy, standings, hot, starts=starts, timeline=taken.copied())
        if walk.settled() and (len(starts) == before or not walk.reservations):
            return walk
        for start in starts[before:]:
            take(taken, start.lease, by_limits=by_limits)
        standings.ledger.settle()
