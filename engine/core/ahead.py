"""Who is handed to a cluster although there is no room: the next few in the order wait in its own queue.

So it always knows what comes next, whatever its own jobs and other people's do between two looks at it. Their number is
bounded, and quotas hold for them as for any start. Where strangers hold what a job needs, it goes there nevertheless:
the cluster gives what becomes free to who waits in its queue. Pure. Must not know what the cluster does with them.
"""

import heapq

from engine.core.model import model_matches
from engine.core.preemption import will_find
from engine.core.reasons import QuotaReached
from engine.core.snapshot import Gpu
from engine.core.standing import Entry, Turn
from engine.core.walk import Walk


def hand_over(walk: Walk) -> None:
    """Start as many of whom only want of room keeps from starting as the snapshot's `ahead` leaves, best first.

    Nobody goes for whom others are being stopped, or can be soon: it starts on the cards that they give up. Nobody
    else goes then either: who waits in the cluster's queue would have those cards before it.
    """
    snapshot = walk.snapshot
    left = snapshot.ahead - sum(lease.waits for lease in snapshot.here)
    if left <= 0 or walk.keeps_cleared:
        return
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
        soonest = None if walk.standings.breaches(turn.number) else _soonest(walk, turn)
        if limits := _limits(walk, turn, soonest):
            walk.hold_also(turn, limits)
        if soonest is None or limits:
            continue
        if will_find(walk, turn.key, soonest[0]):
            return
        walk.hand_over(turn, soonest)
        left -= 1
        if turn.at + 1 < len(turn.group.jobs):
            heapq.heappush(queue, walk.standings.entry(turn.number, turn.at + 1))


def _limits(walk: Walk, turn: Turn, soonest: tuple[float, tuple[Gpu, ...]] | None) -> tuple[QuotaReached, ...]:
    """What its owner's quotas say of the cards that it would have, or else of the type that it asks for."""
    if soonest is not None:
        return walk.ledger.memory_breaches(turn.key, soonest[1])
    kind, least = turn.key.shape.gpu_type, turn.key.shape.gpus
    if kind is None:
        return ()
    caps = walk.ledger.type_caps(turn.key)
    return tuple(cap.reached for cap in caps if cap.left < least and model_matches(kind, cap.gpu_type))


def _soonest(walk: Walk, turn: Turn) -> tuple[float, tuple[Gpu, ...]] | None:
    """When and where it would start: as it is promised, if its owner's caps still leave it those cards."""
    timeline, caps = walk.timeline, walk.ledger.type_caps(turn.key)
    promise = next((one for one in walk.reservations if one.job == turn.waiting.job), None)
    if promise is not None:
        gpus = timeline.cards(promise.gpus)
        if all(sum(map(cap.covers, gpus)) <= cap.left for cap in caps):
            return promise.start_at, gpus
    return timeline.earliest(turn.want, caps) or timeline.after_strangers(turn.want, caps)
