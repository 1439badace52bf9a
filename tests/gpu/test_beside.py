"""This host's cards and a cluster's as one provider: neither hides or delays the other."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from engine.core.model import GpuUuid
from engine.gpu.beside import BesideCluster
from engine.gpu.none import NoGpus
from engine.gpu.unavailable import DriverUnavailable
from engine.protocol.errors import RcqError
from engine.readings import GpuReading, NodeReading
from engine.slurm.errors import SlurmAway


class Cards:
    """A provider with so many cards. error: raised instead; gate: what a reading waits for."""

    def __init__(self, prefix: str, count: int, node: str | None = None) -> None:
        self.prefix, self.count, self.node = prefix, count, node
        self.error: RcqError | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.readings = 0

    def read(self) -> tuple[GpuReading, ...]:
        self.readings += 1
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        return tuple(
            GpuReading(uuid=GpuUuid(f"{self.prefix}{at}"), index=at, model="A", memory_mb=1, read_at=0, node=self.node)
            for at in range(self.count)
        )

    def nodes(self) -> tuple[NodeReading, ...]:
        one = NodeReading(name="n1", read_at=0, state="IDLE", closed=None, cpu_cores=1, memory_mb=1)
        return (one,) if self.node else ()

    def close(self) -> None:
        pass


@pytest.fixture
def home() -> Cards:
    return Cards("GPU-", 2)


@pytest.fixture
def cluster() -> Iterator[Cards]:
    made = Cards("slurm/", 2, node="n1")
    yield made
    made.gate.set()


def both(home: object, cluster: Cards, patience_s: float = 10.0) -> BesideCluster:
    return BesideCluster(home, cluster, patience_s)  # type: ignore[arg-type]


def seen(provider: BesideCluster) -> list[tuple[int, str]]:
    return [(card.index, card.uuid) for card in provider.read()]


def test_this_hosts_cards_come_first(home: Cards, cluster: Cards) -> None:
    provider = both(home, cluster)
    assert seen(provider) == [(0, "GPU-0"), (1, "GPU-1"), (2, "slurm/0"), (3, "slurm/1")]
    assert [node.name for node in provider.nodes()] == ["n1"]


def test_a_host_without_cards_has_the_clusters(cluster: Cards) -> None:
    assert seen(both(NoGpus(), cluster)) == [(0, "slurm/0"), (1, "slurm/1")]


def test_a_cluster_that_is_away_hides_no_card_of_this_host(
    home: Cards, cluster: Cards, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.error = SlurmAway("no controller")
    provider = both(home, cluster)
    assert seen(provider) == [(0, "GPU-0"), (1, "GPU-1")]
    cluster.error = None
    with_both = seen(provider)
    cluster.error = SlurmAway("no controller")
    assert seen(provider) == with_both  # as they were last read
    seen(provider)
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING, logging.ERROR]


def test_a_driver_that_is_gone_hides_no_card_of_the_cluster(home: Cards, cluster: Cards) -> None:
    provider = both(home, cluster)
    seen(provider)
    home.error = DriverUnavailable("gone")
    assert seen(provider) == [(2, "slurm/0"), (3, "slurm/1")]


def test_neither_is_an_error_that_names_both(home: Cards, cluster: Cards) -> None:
    home.error, cluster.error = DriverUnavailable("gone"), SlurmAway("no controller")
    with pytest.raises(RcqError, match=r"gone.*no controller|no controller.*gone"):
        both(home, cluster).read()


def test_a_cluster_that_hangs_delays_nobody_and_is_asked_once(home: Cards, cluster: Cards) -> None:
    provider = both(home, cluster, patience_s=0.01)
    cluster.gate.clear()
    began = time.monotonic()
    for _ in range(3):
        assert seen(provider) == [(0, "GPU-0"), (1, "GPU-1")]
    assert time.monotonic() - began < 5
    assert (home.readings, cluster.readings) == (3, 1)
    cluster.gate.set()
    assert provider._under_way is not None
    provider._under_way.join(20)
    assert seen(provider)[2:] == [(2, "slurm/0"), (3, "slurm/1")]
