"""One scrape's figures, put together name by name as the catalogue has them. Must not know where a figure is read."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from engine.daemon.metrics.catalogue import METRICS, Part

_KINDS: dict[str, Callable[..., GaugeMetricFamily | CounterMetricFamily]] = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
}
_PROCESS = ProcessCollector(registry=None)


class Page:
    """What one reader may know. parts: whose metrics it takes; of others nothing is kept.

    later: figures that take a look at the disk, read when the page is written out, off the event loop.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = frozenset(parts)
        self._families: dict[str, Family] = {}
        self.later: list[Callable[[], None]] = []

    def __contains__(self, part: Part) -> bool:
        return part in self._parts

    def put(self, name: str, value: float | None, *labels: str) -> None:
        """One figure with its labels' values; `None`: it is not known, and left out."""
        metric = METRICS[name]
        if value is None or metric.part not in self._parts:
            return
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = _KINDS[metric.kind](name, metric.meaning, labels=metric.labels)
        family.add_metric(labels, value)  # type: ignore[attr-defined]  # both kinds have it

    def take(self, name: str, family: Iterable[Family]) -> None:
        """A histogram, as whoever keeps it tells it."""
        if METRICS[name].part in self._parts:
            self._families.update((name, one) for one in family)

    def collect(self) -> Iterator[Family]:
        """Everything in the catalogue's order, then the engine's process where the engine's own figures are told."""
        for read in self.later:
            read()
        yield from (self._families[name] for name in METRICS if name in self._families)
        if Part.ENGINE in self._parts:
            yield from self.process()

    @staticmethod
    def process() -> Iterable[Family]:
        """This process's own figures, by the library."""
        return _PROCESS.collect()
