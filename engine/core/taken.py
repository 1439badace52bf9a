"""The timeline of a place with all its leases on it, also of those that wait in the place's own queue.

Pure. Must not know who asks, nor what is to be started.
"""

from collections.abc import Iterable

from engine.core.backfill import Timeline
from engine.core.estimate import foreseen_end, latest_end
from engine.core.model import GpuUuid
from engine.core.policy import Policy
from engine.core.snapshot import Lease, Snapshot
from engine.core.wants import Want


def timeline_of(
    snapshot: Snapshot, leases: Iterable[Lease], hot: frozenset[GpuUuid], policy: Policy, *, by_limits: bool
) -> Timeline:
    """What is taken from now on: by what runs, and then by what waits, in the order in which it was handed over.

    Who waits has room now, on cards of its own, or takes the soonest that there is, as if that were promised to it.
    """
    timeline = Timeline(snapshot, hot, policy, by_limits=by_limits)
    mine = [lease for lease in leases if lease.place == snapshot.place]
    for lease in (*(one for one in mine if not one.waits), *(one for one in mine if one.waits)):
        take(timeline, lease, by_limits=by_limits)
    return timeline


def take(timeline: Timeline, lease: Lease, *, by_limits: bool) -> None:
    """One more lease of the place, which came after all that are on the timeline."""
    if lease.waits:
        _wait(timeline, lease, by_limits=by_limits)
    else:
        timeline.lease(lease)


def queue_of(snapshot: Snapshot, policy: Policy) -> tuple[tuple[Lease, float | None, tuple[GpuUuid, ...]], ...]:
    """Who waits in the place's own queue: from when on each is to run there and on which cards, as far as foreseen.

    `None` for who waits for what strangers hold, or is out of use: nobody knows how long.
    """
    running = [lease for lease in snapshot.here if not lease.waits]
    timeline = timeline_of(snapshot, running, snapshot.hot, policy, by_limits=False)
    return tuple((lease, *_wait(timeline, lease, by_limits=False)) for lease in snapshot.here if lease.waits)


def _wait(timeline: Timeline, lease: Lease, *, by_limits: bool) -> tuple[float | None, tuple[GpuUuid, ...]]:
    end = (latest_end if by_limits else foreseen_end)(lease, timeline.now)
    want = Want(lease.key.shape, end - timeline.now, lease.key.owner.account)
    has_room = timeline.startable(want, timeline.cards(lease.gpus))
    soonest = None if has_room else timeline.earliest(want)
    if soonest is None:
        timeline.lease(lease)
        return timeline.now if has_room else None, lease.gpus
    timeline.promise(lease.job, want, soonest[1], soonest[0])
    return soonest[0], tuple(gpu.uuid for gpu in soonest[1])
