"""What would help a waiting job: changes that were tried against the same snapshot with `plan()`, never guessed.

Pure. The cost is one pass for each try, and tries are bounded. Must not know who may make a change.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from engine.core.changes import (
    NUMBER_OF,
    AnyType,
    Anywhere,
    Change,
    FewerCores,
    FewerGpus,
    LessGpuMemory,
    LessMemory,
    LessPower,
    Preemptible,
    RaiseQuota,
    ResumeGpu,
    ShareGpu,
    ShorterLimit,
    changed,
    raising,
)
from engine.core.decisions import Plan, Reserve, Start
from engine.core.explain import outcome_of
from engine.core.model import GroupKey, Shape, Waiting, model_matches
from engine.core.overflow import runs_elsewhere
from engine.core.placement.fits import matches
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.reasons import (
    Booked,
    CoresBusy,
    GpuDrained,
    GpuForeign,
    GpuMemoryTaken,
    GpuQuarantined,
    GpuTooHot,
    MemoryBusy,
    NotEnoughGpus,
    PowerShort,
    QuotaReached,
    Reason,
    WouldDelay,
)
from engine.core.snapshot import Gpu, Snapshot

TRIES = 40
"""So many passes at most are spent on one job."""
MOST = 5
"""So many helps are told."""
SAVES_S = 600.0
"""Later than now, a change helps only if it halves the wait and saves at least so many seconds."""

Changes = tuple[Change, ...]
Ladder = Iterable[Changes]
"""Changes of one kind, the smallest first: one of a ladder is enough."""

_TAKEN = (GpuForeign, GpuMemoryTaken, PowerShort, WouldDelay, Booked)
_CARDS = (NotEnoughGpus, GpuTooHot, GpuDrained, GpuQuarantined, *_TAKEN)


@dataclass(slots=True, frozen=True, kw_only=True)
class Help:
    """With these changes, all of them, the job starts at `start_at` (Unix seconds), which may be now."""

    changes: Changes
    start_at: float


def what_if(
    snapshot: Snapshot, policy: Policy, key: GroupKey, waiting: Waiting, *, expected: float | None = None
) -> tuple[Help, ...]:
    """What makes a pending job start now or markedly sooner: now before later, smallest change first, at most `MOST`.

    snapshot: best a frozen one (`engine.core.forecast`); the answer is the same. expected: when it is foreseen to start
    as things are. Empty for a job that starts anyway.
    """
    decided = plan(snapshot, policy)
    start_at, reasons = _outcome(decided, key, waiting)
    if start_at == snapshot.now:
        return ()
    bar = _bar(snapshot.now, start_at if start_at is not None else expected)
    tries = _Tries(snapshot, policy, key, waiting)
    found = [tries.climb(ladder, bar) for ladder in _ladders(snapshot, key, decided, reasons)]
    if not any(one is not None and one.start_at == snapshot.now for one in found):
        found.append(tries.climb(_both(snapshot, key.shape, decided, reasons), bar))
    helps = {one.changes: one for one in found if one is not None}
    return tuple(islice(sorted(helps.values(), key=lambda one: _order(one, snapshot.now)), MOST))


def _outcome(decided: Plan, key: GroupKey, waiting: Waiting) -> tuple[float | None, tuple[Reason, ...]]:
    """When the plan lets it start, if it says so, and why not now."""
    try:
        outcome = outcome_of(decided, key, waiting)
    except KeyError:  # far back in a queue of which only the head was copied: it shares the head's fate
        reasons = next((hold.reasons for hold in decided.holds if hold.key == key), ())
        return None, reasons
    if isinstance(outcome, Start):
        return outcome.runs_at, ()
    return (outcome.start_at if isinstance(outcome, Reserve) else None), outcome.reasons


def _bar(now: float, expected: float | None) -> float:
    """A start is markedly sooner when it is no later than this."""
    if expected is None:
        return float("inf")
    return min(now + (expected - now) / 2, expected - SAVES_S)


class _Tries:
    """Tries changes out, as long as there are tries left."""

    def __init__(self, snapshot: Snapshot, policy: Policy, key: GroupKey, waiting: Waiting) -> None:
        self._snapshot = snapshot
        self._policy = policy
        self._key = key
        self._waiting = waiting
        self._left = TRIES

    def climb(self, ladder: Ladder, bar: float) -> Help | None:
        """The smallest change of a ladder that lets the job start now, else the smallest that brings it under `bar`."""
        sooner: Help | None = None
        for changes in ladder:
            if not self._left:
                break
            self._left -= 1
            start_at = self._start(changes)
            if start_at == self._snapshot.now:
                return Help(changes=changes, start_at=start_at)
            if sooner is None and start_at is not None and start_at <= bar:
                sooner = Help(changes=changes, start_at=start_at)
        return sooner

    def _start(self, changes: Changes) -> float | None:
        world, key = changed(self._snapshot, self._key, self._waiting, changes)
        return _outcome(plan(world, self._policy), key, self._waiting)[0]


def _ladders(snapshot: Snapshot, key: GroupKey, decided: Plan, reasons: Sequence[Reason]) -> Iterator[Ladder]:
    """What is worth trying, given the reasons."""
    shape = key.shape
    on_cards = shape.gpus > 0 and any(isinstance(reason, _CARDS) or _is_of_gpus(reason) for reason in reasons)
    yield _quotas(snapshot, reasons)
    if not snapshot.place:  # the nodes of a cluster are not rcq's to put back into use
        yield _drains(reasons)
    yield _limits(snapshot, shape, decided, reasons)
    if not key.preemptible:
        yield ((Preemptible(),),)
    if snapshot.cluster is not None and not key.anywhere and runs_elsewhere(shape):
        yield ((Anywhere(),),)
    yield _cores(shape, reasons)
    yield _memory(shape, reasons)
    yield _watts(snapshot, shape, reasons)
    if on_cards:
        yield ((FewerGpus(gpus=gpus, wanted=shape.gpus),) for gpus in range(shape.gpus - 1, 0, -1))
        if shape.gpu_type is not None:
            yield ((AnyType(gpu_type=shape.gpu_type),),)
        if shape.gpu_memory_mb:
            yield ((LessGpuMemory(gpu_memory_mb=size, wanted=shape.gpu_memory_mb),) for size in _sizes(snapshot, shape))
            if not shape.share:
                yield ((ShareGpu(gpu_memory_mb=shape.gpu_memory_mb),),)


def _is_of_gpus(reason: Reason) -> bool:
    return isinstance(reason, QuotaReached) and reason.resource.startswith("gpu")


def _quotas(snapshot: Snapshot, reasons: Sequence[Reason]) -> Iterator[Changes]:
    """Every quota in the way, all at once: raising one of two does not help."""
    raised = tuple(raising(snapshot.quotas, reason) for reason in reasons if isinstance(reason, QuotaReached))
    if raised:
        yield raised


def _drains(reasons: Sequence[Reason]) -> Iterator[Changes]:
    """Each drained card, then all of them."""
    cards = tuple(ResumeGpu(gpu=reason.gpu, index=reason.index) for reason in reasons if isinstance(reason, GpuDrained))
    yield from ((card,) for card in cards)
    if len(cards) > 1:
        yield cards


def _both(snapshot: Snapshot, shape: Shape, decided: Plan, reasons: Sequence[Reason]) -> Iterator[Changes]:
    """As many cards as are free, for no longer than until they are promised or booked to others."""
    free = [reason.free for reason in reasons if isinstance(reason, NotEnoughGpus) and 0 < reason.free < reason.wanted]
    for gpus in free:
        for shorter in _ends(snapshot, shape, decided):
            yield FewerGpus(gpus=gpus, wanted=shape.gpus), shorter


def _limits(snapshot: Snapshot, shape: Shape, decided: Plan, reasons: Sequence[Reason]) -> Iterator[Changes]:
    if any(isinstance(reason, WouldDelay | Booked) for reason in reasons):
        for shorter in _ends(snapshot, shape, decided):
            yield (shorter,)


def _ends(snapshot: Snapshot, shape: Shape, decided: Plan) -> Iterator[ShorterLimit]:
    """Limits that end just before what is promised or booked begins, the longest first."""
    edges = {reservation.start_at for reservation in decided.reservations} | {slot.start for slot in snapshot.slots}
    limits = {int(edge - snapshot.now) for edge in edges}
    for limit_s in sorted((limit for limit in limits if 0 < limit < shape.time_limit_s), reverse=True):
        yield ShorterLimit(time_limit_s=limit_s, wanted=shape.time_limit_s)


def _cores(shape: Shape, reasons: Sequence[Reason]) -> Iterator[Changes]:
    """As many as are free, or as a quota leaves."""
    for cores in _left(reasons, CoresBusy, "cpu_cores", shape.cpu_cores):
        yield (FewerCores(cpu_cores=cores, wanted=shape.cpu_cores),)


def _memory(shape: Shape, reasons: Sequence[Reason]) -> Iterator[Changes]:
    for size in _left(reasons, MemoryBusy, "memory_mb", shape.memory_mb):
        yield (LessMemory(memory_mb=size, wanted=shape.memory_mb),)


def _watts(snapshot: Snapshot, shape: Shape, reasons: Sequence[Reason]) -> Iterator[Changes]:
    """Lower limits, a tenth of its cards' own at a time, as far as every card that it may get can be held to."""
    if shape.share or not any(isinstance(reason, PowerShort) for reason in reasons):
        return
    cards = [gpu for gpu in snapshot.gpus if matches(gpu, shape)]
    least_w = [gpu.power_min_w for gpu in cards if gpu.power_min_w is not None and gpu.parent is None]
    own_w = max((gpu.power_w for gpu in cards if gpu.power_w is not None), default=0.0)
    wanted = int(own_w if shape.gpu_power_w is None else min(own_w, shape.gpu_power_w))
    if not wanted or len(least_w) < len(cards):
        return
    for tenths in range(9, 2, -1):
        watts = int(own_w) * tenths // 10
        if max(least_w) <= watts < wanted:
            yield (LessPower(gpu_power_w=watts, wanted=wanted),)


def _left(
    reasons: Sequence[Reason], busy: type[CoresBusy] | type[MemoryBusy], resource: str, wanted: int
) -> Iterator[int]:
    left = [reason.free for reason in reasons if isinstance(reason, busy)]
    left += [
        int(reason.limit - reason.used)
        for reason in reasons
        if isinstance(reason, QuotaReached) and reason.resource == resource
    ]
    if left and 0 < min(left) < wanted:
        yield min(left)


def _sizes(snapshot: Snapshot, shape: Shape) -> Iterator[int]:
    """What cards of its type have room for, if that is less than was asked for: a sharer what others leave of one."""
    taken: dict[str, int] = {}
    for lease in snapshot.leases:
        if lease.key.shape.share:
            for uuid in lease.gpus:
                taken[uuid] = taken.get(uuid, 0) + lease.key.shape.gpu_memory_mb
    rooms = {_room(gpu, taken.get(gpu.uuid, 0), shape) for gpu in snapshot.gpus if _is_of_type(gpu, shape)}
    yield from sorted((room for room in rooms if 0 < room < shape.gpu_memory_mb), reverse=True)


def _room(gpu: Gpu, taken_mb: int, shape: Shape) -> int:
    return gpu.open_mb - taken_mb - sum(mb for _, mb in gpu.over) if shape.share else gpu.open_mb


def _is_of_type(gpu: Gpu, shape: Shape) -> bool:
    return shape.gpu_type is None or model_matches(gpu.model, shape.gpu_type)


def _order(of: Help, now: float) -> tuple[bool, float, float, tuple[str, ...]]:
    return of.start_at > now, sum(map(_size, of.changes)), of.start_at, tuple(change.code for change in of.changes)


_FIXED: dict[type, float] = {Anywhere: 0.05, AnyType: 0.1, ShareGpu: 0.2, Preemptible: 0.3, ResumeGpu: 1.5}


def _size(change: Change) -> float:
    """How much is given up, 0 to 1; what only an admin can do comes behind what the job's owner can."""
    if isinstance(change, RaiseQuota):
        return 1.0 + change.by / (change.limit + change.by)
    if (field := NUMBER_OF.get(type(change))) is not None:
        less, wanted = getattr(change, field), getattr(change, "wanted")  # noqa: B009 - of the kinds that have it
        return float((wanted - less) / wanted)
    return _FIXED[type(change)]
