"""One attempt's resources over its life, as somebody may see them: out of memory where it runs, else off the disk.

Must not know how they are sampled or written.
"""

from engine.api.asks import Identity
from engine.bookkeeping import Charted
from engine.core.model import JobId
from engine.daemon.access import Action
from engine.daemon.answers import not_ready
from engine.daemon.books import Books
from engine.daemon.lookup import Lookup
from engine.daemon.series import Series
from engine.protocol.errors import Refused
from engine.protocol.series import JobSeries, SeriesPoints
from engine.store.errors import StoreError
from engine.store.rows import StoredJob
from engine.store.series import SeriesBooks


class JobSeriesService:
    """Makes the answer."""

    def __init__(self, *, books: Books, lookup: Lookup, series: Series, store: SeriesBooks) -> None:
        self._books = books
        self._lookup = lookup
        self._series = series
        self._store = store

    async def of(self, who: Identity, job: int, attempt: int | None) -> JobSeries:
        """Of that attempt, or of the last that began; without points where there are none (any more).

        JOB_NOT_FOUND, NOT_FOUND for an attempt that there never was.
        """
        stored = await self._lookup.find(who, job, Action.SEE_JOB)
        last = self._last_attempt(stored)
        if attempt is not None and attempt > last:
            began = f"its last attempt is {last}" if last else "no attempt of it has begun"
            raise Refused("NOT_FOUND", f"Job {job} has no attempt {attempt}: {began}.")
        try:
            on_disk = await self._store.of(job)
        except StoreError as error:
            raise not_ready(error) from error
        known = {charted.attempt: charted for charted in on_disk} | self._series.of(JobId(str(job)))
        wanted = last if attempt is None else attempt
        return _view(stored, wanted, sorted(known), known.get(wanted))

    def _last_attempt(self, stored: StoredJob) -> int:
        """The books are ahead of the disk by the commits that are on their way."""
        live = self._books.live.get(JobId(str(stored.id)))
        return max(stored.attempt, live.attempt if live is not None else 0)


def _view(stored: StoredJob, attempt: int, attempts: list[int], charted: Charted | None) -> JobSeries:
    rows = charted.points if charted is not None else []
    return JobSeries(
        id=stored.id,
        attempt=attempt,
        attempts=attempts,
        gpus=charted.gpus if charted is not None else stored.gpus,
        step_s=charted.step_s if charted is not None else 1.0,
        start_at=charted.start_at if charted is not None else None,
        points=SeriesPoints(
            gpu_utilization=[row[0] for row in rows],
            gpu_memory_mb=[None if row[1] is None else round(row[1]) for row in rows],
            power_w=[row[2] for row in rows],
        ),
    )
