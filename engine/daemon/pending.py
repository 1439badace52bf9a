"""The queue in memory: pending jobs grouped by what they have in common, in submission order.

Owned by the event loop. Adding and removing cost O(log n); groups are handed out as live views, so that a pass pays
for groups and not for jobs. Must not know the store, leases or why a job waits.
"""

from collections.abc import Iterable

from sortedcontainers import SortedList

from engine.core.model import GroupKey, JobId, PendingGroup, Waiting
from engine.daemon.tally import Tally

MANY = 8
"""More than one job in so many: then building a queue anew costs less than removing them."""


class PendingIndex:
    """Pending jobs by group; one dictionary entry per job finds its group again. changes: counts every change."""

    def __init__(self) -> None:
        self._groups: dict[GroupKey, PendingGroup] = {}
        self._group_of: dict[JobId, PendingGroup] = {}
        self.tally = Tally()
        self.changes = 0

    def __len__(self) -> int:
        return len(self._group_of)

    def __contains__(self, job: JobId) -> bool:
        return job in self._group_of

    def groups(self) -> tuple[PendingGroup, ...]:
        """Live views; none is empty."""
        return tuple(self._groups.values())

    def key_of(self, job: JobId) -> GroupKey | None:
        """The key of a pending job's group, `None` unless it is pending."""
        group = self._group_of.get(job)
        return None if group is None else group.key

    def waiting(self, job: JobId, guess: float) -> Waiting | None:
        """A pending job's place in its group, found at once if `guess` is when it counts as submitted."""
        group = self._group_of.get(job)
        if group is None or (found := Waiting(guess, job)) in group.jobs:
            return None if group is None else found
        return next(waiting for waiting in group.jobs if waiting.job == job)

    def holds(self, key: GroupKey, job: JobId, submitted_at: float) -> bool:
        """Whether the job is pending in this group, at the place that it was submitted at."""
        group = self._group_of.get(job)
        return group is not None and group.key == key and Waiting(submitted_at, job) in group.jobs

    def add(self, key: GroupKey, waiting: Waiting) -> None:
        """Queue one job."""
        self.add_all([(key, waiting)])

    def add_all(self, jobs: Iterable[tuple[GroupKey, Waiting]]) -> None:
        """Queue jobs; cheap for many of equal keys."""
        self.changes += 1
        for key, batch in _by_key(jobs):
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = PendingGroup(key=key, jobs=SortedList(batch))
            else:
                group.jobs.update(batch)  # type: ignore[attr-defined]  # ours is always a SortedList
            self.tally.add(key, len(batch))
            self._group_of.update((waiting.job, group) for waiting in batch)

    def take(self, jobs: Iterable[JobId]) -> list[tuple[GroupKey, Waiting]]:
        """Take out those of the jobs that are pending; for many of a group it costs one walk through it."""
        found: dict[int, tuple[PendingGroup, set[JobId]]] = {}
        for job in jobs:
            if (group := self._group_of.pop(job, None)) is not None:
                found.setdefault(id(group), (group, set()))[1].add(job)
        taken: list[tuple[GroupKey, Waiting]] = []
        for group, leaving in found.values():
            out = [waiting for waiting in group.jobs if waiting.job in leaving]
            taken += [(group.key, waiting) for waiting in out]
            self.tally.add(group.key, -len(out))
            self._drop(group, out, leaving)
        self.changes += bool(taken)
        return taken

    def _drop(self, group: PendingGroup, out: list[Waiting], leaving: set[JobId]) -> None:
        """In place, as the group is a live view. Few are removed one by one, of many the rest is queued anew."""
        queue: SortedList[Waiting] = group.jobs
        if len(out) == len(queue):
            queue.clear()
            del self._groups[group.key]
        elif len(out) * MANY < len(queue):
            for waiting in out:
                queue.remove(waiting)
        else:
            stay = [waiting for waiting in queue if waiting.job not in leaving]
            queue.clear()
            queue.update(stay)

    def remove(self, job: JobId, submitted_at: float) -> GroupKey | None:
        """Take one job out; its key, or `None` if it is not pending (or not any more as of `submitted_at`)."""
        group = self._group_of.get(job)
        if group is None or Waiting(submitted_at, job) not in group.jobs:
            return None
        del self._group_of[job]
        self.changes += 1
        self.tally.add(group.key, -1)
        group.jobs.remove(Waiting(submitted_at, job))  # type: ignore[attr-defined]  # likewise
        if not group.jobs:
            del self._groups[group.key]
        return group.key


def _by_key(jobs: Iterable[tuple[GroupKey, Waiting]]) -> Iterable[tuple[GroupKey, list[Waiting]]]:
    """By the key object: a batch has many jobs of few objects, and a key is slow to hash. Equal ones may repeat."""
    batches: dict[int, tuple[GroupKey, list[Waiting]]] = {}
    for key, waiting in jobs:
        found = batches.get(id(key))
        if found is None:
            found = batches[id(key)] = (key, [])  # the key is kept, so that no other object gets its id meanwhile
        found[1].append(waiting)
    return batches.values()
