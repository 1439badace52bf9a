"""Who is handed to a cluster although there is no room: the next few in the order wait in its own queue.

So it always knows what comes next, whatever its own jobs and other people's do between two looks at it. Their number is
bounded, and quotas hold for them as for any start. Where strangers hold what a job needs, it goes there nevertheless:
the cluster gives what becomes free to who waits in its queue. Pure. Must not know what the cluster does with them.
"""

import heapq

from engine.core.preemption import will_find
from engine.core.standing import Entry
from engine.core.walk import Walk


def hand_over(walk: Walk) -> None:
    """Start as many of whom only want of room keeps from starting as the snapshot's `ahead` leaves, best first.

    Nobody goes for whom others are being stopped, or can be soon: it starts on the cards that they give up. Nobody
    behind it goes either: who waits in the cluster's queue would have those cards before it.
    """
    snapshot = walk.snapshot
    left = snapshot.ahead - sum(lease.waits for lease in snapshot.here)
    if left <= 0:
        return
    claimed = {claim.job for claim in snapshot.claims}
    first: dict[int, Entry] = {}
    for turn, _ in walk.order:
        first.setdefault(turn.number, walk.standings.entry(turn.number, turn.at))
    queue = list(first.values())
    heapq.heapify(queue)
    while queue and left > 0:
        entry = heapq.heappop(queue)
        turn = entry.turn
        if entry.version != walk.ledger.version:
            now = walk.standings.entry(turn.number, turn.at)
            if now.rank > entry.rank:  # its owner was billed for the one before
                heapq.heappush(queue, now)
                continue
            turn = now.turn
        soonest = None
        if not walk.standings.breaches(turn.number):
            caps = walk.ledger.type_caps(turn.key)
            soonest = walk.timeline.earliest(turn.want, caps) or walk.timeline.after_strangers(turn.want, caps)
        if soonest is None or walk.ledger.memory_breaches(turn.key, soonest[1]):
            continue
        if will_find(walk, turn.key, soonest[0]):
            return
        walk.hand_over(turn, soonest)
        left -= 1
        after = walk.standings.first(turn.number, turn.at + 1, claimed)
        if after is not None:
            heapq.heappush(queue, walk.standings.entry(turn.number, after))
