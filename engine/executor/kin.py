"""Whose process is that? Up its parents to a shepherd that is watched, or to a process that was adopted.

Kept by the event loop and asked from any thread: what is asked is replaced as a whole, never changed in place. Must not
know cards, nor what is done with the answer.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from engine.core.model import JobId
from engine.executor import records, tree

Identity = tuple[int, int]
"""Pid and start time in clock ticks since the boot: one process beyond doubt."""

MOST_STEPS = 64
"""No chain of parents is longer, but for one that is made to be."""
REMEMBERED = 4096
"""Answers that are kept until whoever is watched changes."""


class Kin:
    """Tells processes of jobs from all others. `awaited`: attempts whose start is under way, with their directories."""

    def __init__(self, awaited: Callable[[], Mapping[JobId, tuple[str, int]]]) -> None:
        self._awaited = awaited
        self._roots: Mapping[Identity, JobId] = MappingProxyType({})
        self._known: dict[Identity, JobId | None] = {}

    def add(self, root: Identity, job: JobId) -> None:
        """From now on that process, and whatever descends from it, is the job's."""
        self._roots = {**self._roots, root: job}
        self._known = {}

    def drop(self, job: JobId) -> None:
        """The job has ended: nobody is its kin any more."""
        self._roots = {root: whose for root, whose in self._roots.items() if whose != job}
        self._known = {}

    def job_of(self, pid: int) -> JobId | None:
        """Whose process that is; `None` for a stranger's and for one that has ended. Costs some reads of /proc."""
        awaited = self._awaited()  # before the roots: a start that gets through meanwhile is found among those
        known, roots = self._known, self._roots
        found = tree.stat(pid)
        if found is None:
            return None
        asked = (found.pid, found.start)
        if asked in known and (known[asked] is not None or not awaited):
            return known[asked]
        job = _up(found, roots, _shepherds(awaited))
        if len(known) >= REMEMBERED:
            known.clear()
        known[asked] = job
        return job


def _up(found: tree.Stat | None, roots: Mapping[Identity, JobId], young: Mapping[Identity, JobId]) -> JobId | None:
    for _ in range(MOST_STEPS):
        if found is None or found.pid <= 1:
            return None
        one = (found.pid, found.start)
        if (job := roots.get(one) or young.get(one)) is not None:
            return job
        found = tree.stat(found.parent)
    return None


def _shepherds(awaited: Mapping[JobId, tuple[str, int]]) -> dict[Identity, JobId]:
    """Shepherds that have claimed an attempt and were not reported yet, by their claims."""
    found: dict[Identity, JobId] = {}
    for job, (path, attempt) in awaited.items():
        claim = records.of_attempt(path, attempt)
        pid, start = claim.get("shepherd"), claim.get("shepherd_start")
        if isinstance(pid, int) and isinstance(start, int):
            found[pid, start] = job
    return found
