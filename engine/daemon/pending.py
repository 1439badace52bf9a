"""The queue in memory: pending jobs grouped by what they have in common, in submission order.

Owned by the event loop. Adding and removing cost O(log n); groups are handed out as live views, so that a pass pays
for groups and not for jobs. Must not know the store, leases or why a job waits.
"""

from collections.abc import Iterable

from sortedcontainers import SortedList

from engine.core.model import GroupKey, JobId, PendingGroup, Waiting


class PendingIndex:
    """Pending jobs by group; one dictionary entry per job finds its group again."""

    def __init__(self) -> None:
        self._groups: dict[GroupKey, PendingGroup] = {}
        self._group_of: dict[JobId, PendingGroup] = {}

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

    def add(self, key: GroupKey, waiting: Waiting) -> None:
        """Queue one job."""
        self.add_all([(key, waiting)])

    def add_all(self, jobs: Iterable[tuple[GroupKey, Waiting]]) -> None:
        """Queue jobs; cheap for many of equal keys."""
        batches: dict[GroupKey, list[Waiting]] = {}
        for key, waiting in jobs:
            batches.setdefault(key, []).append(waiting)
        for key, batch in batches.items():
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = PendingGroup(key=key, jobs=SortedList(batch))
            else:
                group.jobs.update(batch)  # type: ignore[attr-defined]  # ours is always a SortedList
            self._group_of.update((waiting.job, group) for waiting in batch)

    def remove(self, job: JobId, submitted_at: float) -> GroupKey | None:
        """Take one job out; its key, or `None` if it is not pending."""
        group = self._group_of.pop(job, None)
        if group is None:
            return None
        group.jobs.remove(Waiting(submitted_at, job))  # type: ignore[attr-defined]  # likewise
        if not group.jobs:
            del self._groups[group.key]
        return group.key
