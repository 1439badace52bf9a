"""Gangs get the best-linked cards, single jobs leave linked pairs whole, and MIG instances stand alone."""

from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, JobId, Owner, PendingGroup, Shape, Waiting
from engine.core.placement.packing import gang, preferred
from engine.core.placement.possible import impossible
from engine.core.placement.topology import HOST_BRIDGE, NVLINK, SYSTEM, Spot, best_linked, linked
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import Gpu, Host, Snapshot

PAIRS = [(0, 2), (1, 3)]
"""NVLink bridges across a box whose neighbours are not linked."""


def cards(count: int, pairs: list[tuple[int, int]] = (), **given) -> tuple[Gpu, ...]:
    """Cards with a bridge of four NVLinks between each pair; all else on one host bridge."""
    bridges = {frozenset(pair) for pair in pairs}
    return tuple(
        Gpu(
            uuid=GpuUuid(f"GPU-{at}"),
            index=at,
            model="A6000",
            memory_mb=48_000,
            temperature_c=40.0,
            links=tuple(
                0 if at == to else NVLINK + 4 if frozenset((at, to)) in bridges else HOST_BRIDGE for to in range(count)
            ),
            **given,
        )
        for at in range(count)
    )


def snapshot(gpus: tuple[Gpu, ...], wanted: int, **given) -> Snapshot:
    key = GroupKey(
        owner=Owner(account=AccountName("ann"), group=GroupName("vision")),
        service=None,
        priority=5,
        preemptible=False,
        shape=Shape(gpus=wanted, time_limit_s=3600),
    )
    pending = (PendingGroup(key, (Waiting(0.0, JobId("1")),)),)
    return Snapshot(now=10.0, host=Host(cpu_cores=64, memory_mb=1), gpus=gpus, pending=pending, **given)


def taken(gpus: tuple[Gpu, ...], wanted: int) -> list[str]:
    (start,) = plan(snapshot(gpus, wanted), Policy()).starts
    return list(start.lease.gpus)


def test_a_pair_goes_to_a_bridge_and_not_to_the_lowest_indices() -> None:
    assert taken(cards(4, PAIRS), 2) == ["GPU-0", "GPU-2"]


def test_a_warm_bridge_beats_a_cool_pair_without_one() -> None:
    warm = [replace(gpu, temperature_c=60.0) if gpu.index in (0, 2) else gpu for gpu in cards(4, [(0, 2)])]
    assert taken(tuple(warm), 2) == ["GPU-0", "GPU-2"]


def test_of_two_bridges_the_cooler_one() -> None:
    warm = [replace(gpu, temperature_c=60.0) if gpu.index == 0 else gpu for gpu in cards(4, PAIRS)]
    assert taken(tuple(warm), 2) == ["GPU-1", "GPU-3"]


def test_a_single_job_leaves_bridges_whole() -> None:
    assert taken(cards(4, [(0, 1)]), 1) == ["GPU-2"]
    assert taken(cards(4, [(2, 3)]), 1) == ["GPU-0"]


def test_without_bridges_a_single_job_goes_to_the_coolest() -> None:
    warm = [replace(gpu, temperature_c=60.0 - gpu.index) for gpu in cards(4)]
    assert taken(tuple(warm), 1) == ["GPU-3"]


def test_three_cards_keep_a_bridge_among_them() -> None:
    assert {"GPU-1", "GPU-3"} <= set(taken(cards(4, [(1, 3)]), 3))


def test_small_cards_come_first_whatever_the_links() -> None:
    sizes = [replace(gpu, memory_mb=80_000) if gpu.index in (0, 2) else gpu for gpu in cards(4, [(0, 2)])]
    assert taken(tuple(sizes), 2) == ["GPU-1", "GPU-3"]


def test_a_gang_never_gets_mig_instances() -> None:
    mig = tuple(replace(gpu, parent=GpuUuid("GPU-x")) for gpu in cards(2))
    assert plan(snapshot(mig, 2), Policy()).starts == ()
    assert len(taken(mig, 1)) == 1
    (lack,) = impossible(Shape(gpus=2), mig, Host(cpu_cores=64, memory_mb=1))
    assert (lack.resource, lack.wanted, lack.most) == ("gpus", 2, 0)
    assert impossible(Shape(gpus=1), mig, Host(cpu_cores=64, memory_mb=1)) == ()


def test_who_may_have_mig_instances_does_not_depend_on_who_asked_before() -> None:
    single, gang_of = (replace(snapshot((), wanted).pending[0].key, priority=9) for wanted in (1, 2))
    mig = tuple(replace(gpu, parent=GpuUuid("GPU-x")) for gpu in cards(2))
    for first, then in ((single, gang_of), (gang_of, single)):
        waits = (
            PendingGroup(first, (Waiting(0.0, JobId("1")),)),
            PendingGroup(replace(then, priority=1), (Waiting(5.0, JobId("2")),)),
        )
        (start,) = plan(replace(snapshot(mig, 1), pending=waits), Policy()).starts
        assert start.lease.key.shape.gpus == 1


@st.composite
def linked_boxes(draw: st.DrawFn) -> tuple[tuple[Gpu, ...], int]:
    count = draw(st.integers(1, 8))
    level = st.sampled_from([SYSTEM, HOST_BRIDGE, NVLINK + 1, NVLINK + 4])
    matrix = {pair: draw(level) for pair in combinations(range(count), 2)}
    made = tuple(
        replace(
            gpu,
            memory_mb=draw(st.sampled_from([24_000, 48_000])),
            temperature_c=draw(st.sampled_from([40.0, 50.0, None])),
            links=tuple(matrix.get((min(gpu.index, to), max(gpu.index, to)), 0) for to in range(count)),
        )
        for gpu in cards(count)
    )
    return made, draw(st.integers(1, count))


@given(linked_boxes())
def test_the_set_is_as_tight_as_any_and_none_as_tight_is_better_linked(box: tuple[tuple[Gpu, ...], int]) -> None:
    gpus, wanted = box
    places = {gpu.uuid: at for at, gpu in enumerate(gpus)}
    best_first = preferred([(gpu, gpu.memory_mb) for gpu in gpus], Shape(gpus=wanted))
    chosen = gang(best_first, wanted, (), places)
    assert chosen is not None
    assert len(set(chosen)) == wanted

    def measures(some: tuple[Gpu, ...]) -> tuple[int, tuple[int, int]]:
        found = linked([Spot(places[gpu.uuid], gpu.links) for gpu in some])
        return (-sum(gpu.memory_mb for gpu in some), tuple(found))

    assert measures(chosen) == max(measures(some) for some in combinations(gpus, wanted))


def test_many_cards_are_grown_not_counted() -> None:
    pairs = [(at, at + 32) for at in range(32)]
    many = tuple(Spot(gpu.index, gpu.links) for gpu in cards(64, pairs))
    assert linked(best_linked((), many, 8)).total >= 4 * (NVLINK + 4)
