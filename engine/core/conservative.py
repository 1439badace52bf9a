"""Conservative backfill: everybody who waits is promised the earliest place, in order of submission.

Promises count free cards, cores and memory; which cards, the start settles. So a job that shares a card is promised a
whole one, and on a box of several card types a promise may be too early. For the simulator alone, as `baselines` is.
Pure.
"""

import heapq
from bisect import bisect_left, insort
from collections import Counter

from engine.core.baselines import Pass, expected_ends
from engine.core.decisions import Plan
from engine.core.model import Shape
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot


def conservative(snapshot: Snapshot, policy: Policy) -> Plan:
    """Conservative backfill (Mu'alem and Feitelson 2001), all promises made anew in each pass.

    It stops as soon as nothing else can start now: promises that would change nothing any more are not made.
    """
    run, pending = Pass(snapshot, policy), snapshot.pending
    outline = _Outline(run)
    queue = [(run.by_submission(number), number) for number in range(len(pending))]
    heapq.heapify(queue)
    sizes = Counter(group.key.shape.gpus for group in pending)
    while queue and min(sizes) <= outline.idle_cards:
        _, number = heapq.heappop(queue)
        shape = pending[number].key.shape
        _decide(run, outline, number)
        if run.left(number):
            heapq.heappush(queue, (run.by_submission(number), number))
        elif sizes[shape.gpus] > 1:
            sizes[shape.gpus] -= 1
        else:
            del sizes[shape.gpus]
    return run.plan()


def _decide(run: Pass, outline: "_Outline", number: int) -> None:
    """Start or promise a group's first job, or leave it where cards out of use leave it no place."""
    key = run.snapshot.pending[number].key
    run_s = max(1.0, run.snapshot.run_s(key))
    start_at = outline.earliest(key.shape, run_s)
    if start_at is None:
        run.skip(number)
        return
    outline.take(key.shape, start_at, start_at + run_s)
    usable = run.room.usable(key.shape) if start_at == run.now else None
    if usable is not None:
        run.start(number, usable)
    elif start_at > run.now:
        run.reserve(number, start_at)
    else:
        run.skip(number)


class _Outline:
    """What is free from each instant to the next, in step: cards, cores, MiB. The last step lasts for ever."""

    def __init__(self, run: Pass) -> None:
        later = run.room.copy()
        self._at = [run.now]
        self._free = [(len(later.empty), later.cores, later.memory_mb)]
        self._found: dict[tuple[int, int, int], list[tuple[float, float]]] = {}
        for end, leases in expected_ends(run.snapshot.leases, run.now):
            for lease in leases:
                later.give_back(lease.key.shape, lease.gpus)
            self._at.append(end)
            self._free.append((len(later.empty), later.cores, later.memory_mb))

    @property
    def idle_cards(self) -> int:
        """Cards that are free now and not promised from now on."""
        return self._free[0][0]

    def earliest(self, shape: Shape, run_s: float) -> float | None:
        """The first instant from which `shape` fits for `run_s` seconds; `None` if it never does."""
        wanted = (shape.gpus, shape.cpu_cores, shape.memory_mb)
        if not _within(wanted, self._free[-1]):
            return None
        # room only shrinks: who wants as much for at least as long cannot start before who asked earlier
        found = self._found.setdefault(wanted, [])
        known = max((start for longest, start in found if longest <= run_s), default=self._at[0])
        at, step = self._at, bisect_left(self._at, known)
        looked = step
        while looked < len(at) and at[looked] < at[step] + run_s:
            if not _within(wanted, self._free[looked]):
                step = looked + 1
            looked += 1
        insort(found, (run_s, at[step]))
        return at[step]

    def take(self, shape: Shape, start: float, end: float) -> None:
        """Book what `shape` wants from `start` to `end`."""
        first, last = self._cut(start), self._cut(end)
        for step in range(first, last):
            cards, cores, memory_mb = self._free[step]
            self._free[step] = (cards - shape.gpus, cores - shape.cpu_cores, memory_mb - shape.memory_mb)

    def _cut(self, instant: float) -> int:
        """The number of the step that begins at `instant`, made if there is none."""
        step = bisect_left(self._at, instant)
        if step == len(self._at) or self._at[step] != instant:
            self._at.insert(step, instant)
            self._free.insert(step, self._free[step - 1])
        return step


def _within(wanted: tuple[int, int, int], free: tuple[int, int, int]) -> bool:
    return wanted[0] <= free[0] and wanted[1] <= free[1] and wanted[2] <= free[2]
