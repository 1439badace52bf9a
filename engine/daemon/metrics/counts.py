"""What nobody else keeps and Prometheus wants counted: how long passes and waits took, lines of files, Xids.

All begin at 0 with the engine. Must not know who reads them.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Histogram, disable_created_metrics

from engine.core.model import GpuUuid
from engine.daemon.books import Live
from engine.daemon.cards import Cards
from engine.daemon.metrics.catalogue import METRICS
from engine.protocol.responses import IngestReport

disable_created_metrics()  # type: ignore[no-untyped-call]  # of the library: a series more for each counter, which says when this process began: that is told already

PASS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""From a pass over an idle box to one that nobody would put up with."""
WAIT_S = (0.01, 0.03, 0.1, 1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 12 * 3600.0, 86_400.0, 7 * 86_400.0)
"""From a job that started at once to one that waited for a week."""


class Counts:
    """Hears of what happens. passes, waits: histograms of seconds. xids: events by card and number."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        self.passes = _histogram("rcq_pass_seconds", PASS_S)
        self.waits = _histogram("rcq_job_wait_seconds", WAIT_S)
        self.xids: Counter[tuple[GpuUuid, int]] = Counter()
        self._seen: dict[GpuUuid, float] = {}
        self._lines: Counter[str] = Counter()
        self._reports: list[IngestReport] = []

    def started(self, live: Live) -> None:
        """An attempt runs. Of a later one the wait is not told: its job has run before."""
        if live.attempt == 1 and live.started_at is not None:
            self.waits.observe(max(0.0, live.started_at - live.submitted_at))

    def look(self, _now: float) -> None:
        """There are new readings; each tells of the events since the one before."""
        for card in self._cards.all():
            reading = card.reading
            if self._seen.get(reading.uuid) != reading.read_at:
                self._seen[reading.uuid] = reading.read_at
                self.xids.update((reading.uuid, xid) for xid in reading.xids)

    @contextmanager
    def following(self, report: IngestReport) -> Iterator[None]:
        """Count the lines of a file while it comes in, and after; those of a dry run are none."""
        if report.dry_run:
            yield
            return
        self._reports.append(report)
        try:
            yield
        finally:
            self._reports = [one for one in self._reports if one is not report]
            self._lines += _lines(report)

    def lines(self) -> Counter[str]:
        """Lines by what became of them, with those of the files that are on their way."""
        return sum(map(_lines, self._reports), self._lines.copy())


def _lines(report: IngestReport) -> Counter[str]:
    return Counter(accepted=report.accepted, rejected=report.rejected)


def _histogram(name: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, METRICS[name].meaning, buckets=buckets, registry=None)
