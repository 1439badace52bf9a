"""The jobs that their owners keep back, by id. Tells whoever asked of each that comes or goes.

Owned by the event loop. Must not know who counts them.
"""

from collections.abc import Callable, Iterator, MutableMapping

from engine.core.model import GroupKey, JobId, Waiting


class HeldJobs(MutableMapping[JobId, tuple[GroupKey, Waiting]]):
    """Each job's pending group and its place in there. changed: called after a job has come or gone."""

    def __init__(self) -> None:
        self._jobs: dict[JobId, tuple[GroupKey, Waiting]] = {}
        self.changed: Callable[[JobId, GroupKey], None] = lambda job, key: None

    def __getitem__(self, job: JobId) -> tuple[GroupKey, Waiting]:
        return self._jobs[job]

    def __setitem__(self, job: JobId, held: tuple[GroupKey, Waiting]) -> None:
        self._jobs[job] = held
        self.changed(job, held[0])

    def __delitem__(self, job: JobId) -> None:
        key, _ = self._jobs.pop(job)
        self.changed(job, key)

    def __iter__(self) -> Iterator[JobId]:
        return iter(self._jobs)

    def __len__(self) -> int:
        return len(self._jobs)
