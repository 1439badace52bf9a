"""Which uploads are just being given to jobs, and which are just being removed: never both.

Owned by the event loop. Must not know files, nor how jobs are taken in.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from engine.api.complaints import wrong
from engine.daemon.answers import not_ready
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields, uploads_of
from engine.store.errors import StoreError
from engine.store.uploads import Uploads


class UploadClaims:
    """Judges the staged files of jobs that are submitted."""

    def __init__(self, store: Uploads) -> None:
        self._store = store
        self._claimed: Counter[str] = Counter()
        self._going: set[str] = set()

    async def claim(self, account: str, jobs: Sequence[JobFields]) -> list[Refused | None]:
        """Why each of these cannot have its files, if so. Until `release` none of these goes. Raises Refused."""
        wanted = _uploads(jobs)
        if not wanted:
            return [None] * len(jobs)
        self._claimed.update(wanted)  # before it is looked at: what is removed meanwhile is going, or is not there
        try:
            known = await self._store.known(wanted)
        except StoreError as error:
            self.release(jobs)
            raise not_ready(error) from error
        mine = {number for number, one in known.items() if one.account == account and number not in self._going}
        return [_judged(job, mine) for job in jobs]

    def release(self, jobs: Sequence[JobFields]) -> None:
        """They are in the books by now, or were not taken after all."""
        self._claimed.subtract(_uploads(jobs))
        self._claimed = +self._claimed

    @contextmanager
    def going(self, uploads: Iterable[str]) -> Iterator[list[str]]:
        """Those of these that may be removed meanwhile: nobody is just being given them, or will be."""
        free = [one for one in uploads if not self._claimed[one] and one not in self._going]
        self._going.update(free)
        try:
            yield free
        finally:
            self._going.difference_update(free)


def _uploads(jobs: Sequence[JobFields]) -> set[str]:
    return {one for job in jobs if job.files or job.snapshot for one in uploads_of(job)}


def _judged(job: JobFields, mine: set[str]) -> Refused | None:
    for at, one in enumerate(job.files):
        if one.upload not in mine:
            return wrong(f"files.{at}.upload", "is no upload of yours (any more); upload the file again and use its id")
    if job.snapshot is not None and not mine.issuperset(job.snapshot.uploads):
        return wrong("snapshot.upload", "is no upload of yours (any more); submit the job with its code again")
    return None
