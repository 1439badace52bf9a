"""Pinned cores: of each job its own, near its GPUs, and never more than there are."""

import pytest

from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.snapshot import Lease
from engine.daemon.books import Live
from engine.daemon.cores import Cores, listed, nodes_of_host
from engine.readings import GpuReading

NODES = {core: core // 4 for core in range(8)}


def live_of(world, job: str, cores: int, gpus: tuple[str, ...] = ()) -> Live:
    owner = Owner(account=AccountName("ann"), group=GroupName("bio"))
    key = GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=Shape(cpu_cores=cores))
    uuids = tuple(GpuUuid(gpu) for gpu in gpus)
    lease = Lease(job=JobId(job), key=key, gpus=uuids, started_at=0.0, expected_end=1.0)
    live = world.books.live[JobId(job)] = Live(lease=lease, attempt=1)
    return live


@pytest.fixture
def books(world):
    """Two cards, one on each node."""
    world.books.cards._cards.clear()
    readings = [
        GpuReading(uuid=f"GPU-{at}", index=at, model="A", memory_mb=1, read_at=world.clock.now(), numa_node=at)
        for at in (0, 1)
    ]
    world.books.cards.update(readings, {})
    return world


def test_cores_are_those_of_the_node_of_the_card(books) -> None:
    cores = Cores(books.books, NODES)
    assert cores.give(live_of(books, "1", 2, ("GPU-1",))) == (4, 5)
    assert cores.give(live_of(books, "2", 2, ("GPU-0",))) == (0, 1)
    assert cores.give(live_of(books, "3", 3, ("GPU-1",))) == (
        0 + 2,
        6,
        7,
    )  # two are left there, one comes from elsewhere


def test_without_a_card_the_node_with_most_room(books) -> None:
    cores = Cores(books.books, NODES)
    cores.give(live_of(books, "1", 1, ("GPU-0",)))
    assert cores.give(live_of(books, "2", 2)) == (4, 5)


def test_nobody_is_pinned_where_too_few_are_left(books) -> None:
    cores = Cores(books.books, NODES)
    assert len(cores.give(live_of(books, "1", 7))) == 7
    assert cores.give(live_of(books, "2", 2)) == ()
    assert len(cores.give(live_of(books, "3", 1))) == 1


def test_the_same_attempt_asked_twice_keeps_its_cores(books) -> None:
    cores = Cores(books.books, NODES)
    live = live_of(books, "1", 3)
    assert cores.give(live) == cores.give(live)


def test_the_cores_of_who_ended_are_free_again(books) -> None:
    cores = Cores(books.books, NODES)
    live = live_of(books, "1", 8)
    cores.give(live)
    books.books.free(live)
    assert len(cores.give(live_of(books, "2", 8))) == 8


def test_kernel_lists() -> None:
    assert list(listed("0-2,8,10-11\n")) == [0, 1, 2, 8, 10, 11]
    assert list(listed("\n")) == []


def test_nodes_are_read_from_the_kernel_and_only_usable_cores_count(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 5})
    for node, text in ((0, "0-3\n"), (1, "4-7\n")):
        (tmp_path / f"node{node}").mkdir()
        (tmp_path / f"node{node}" / "cpulist").write_text(text)
    assert nodes_of_host(tmp_path) == {0: 0, 1: 0, 5: 1}
    assert nodes_of_host(tmp_path / "none") == {0: 0, 1: 0, 5: 0}
