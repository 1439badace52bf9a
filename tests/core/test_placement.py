"""Which cards a job gets, and which are too hot."""

import pytest
from worlds import A100, A6000, card, key, lease, waiting, world

from engine.core.model import GpuUuid, Shape, model_matches
from engine.core.placement.possible import impossible
from engine.core.placement.thermal import hot_cards
from engine.core.plan import plan
from engine.core.policy import Policy, Thermal
from engine.core.snapshot import Host

POLICY = Policy()


def got(snapshot):
    return {
        start.lease.job: [uuid.removeprefix("GPU-") for uuid in start.lease.gpus]
        for start in plan(snapshot, POLICY).starts
    }


@pytest.mark.parametrize(
    ("gpu_type", "matches"),
    [
        ("a100", True),
        ("A100", True),
        ("a100 80gb", True),
        ("a10", False),
        ("nvidia", True),
        ("sxm4-80GB", True),
        ("a6000", False),
    ],
)
def test_types_match_whole_words_of_the_model_name(gpu_type, matches):
    assert model_matches(A100, gpu_type) is matches


def test_big_cards_stay_for_big_jobs():
    cards = [card(0, A100), card(1, A6000), card(2, A6000)]
    small, big = key("ann"), key("bob", gpu_memory_mb=60_000)
    assert got(world(cards, [waiting(small, ("small", 60)), waiting(big, ("big", 0))])) == {
        "small": ["1"],
        "big": ["0"],
    }


def test_among_equal_cards_the_coolest_then_the_lowest_index():
    warm = dict.fromkeys((0, 4), 60.0) | dict.fromkeys((1, 3), 35.0) | {2: 40.0}
    cards = [card(index, temperature_c=warm.get(index)) for index in range(6)]
    assert got(world(cards, [waiting(key(), ("a", 3), ("b", 2), ("c", 1))])) == {"a": ["1"], "b": ["3"], "c": ["2"]}


def test_sharers_fill_the_fullest_card_that_has_room():
    shared = key(share=True, gpu_memory_mb=20_000)
    snapshot = world([card(0), card(1)], [waiting(shared, ("a", 3), ("b", 2), ("c", 1))])
    assert got(snapshot) == {"a": ["0"], "b": ["0"], "c": ["1"]}


def test_a_sharer_never_joins_a_whole_card_job_nor_the_other_way_round():
    shared, whole = key(share=True, gpu_memory_mb=1_000), key("bob")
    assert got(world(1, [waiting(shared, ("a", 1))], [lease("x", whole, 0)])) == {}
    assert got(world(1, [waiting(whole, ("a", 1))], [lease("x", shared, 0)])) == {}


def test_hysteresis():
    thermal = Thermal(threshold_c=75.0, resume_c=70.0)

    def hot(temperature_c, before, **more):
        uuid = GpuUuid("GPU-0")
        return bool(hot_cards([card(0, temperature_c=temperature_c, **more)], frozenset([uuid] * before), thermal))

    assert [hot(t, False) for t in (69.9, 74.9, 75.0, 90.0)] == [False, False, True, True]
    assert [hot(t, True) for t in (69.9, 70.0, 74.9, 75.0)] == [False, True, True, True]
    assert hot(None, True) and not hot(None, False)
    assert hot(40.0, False, throttled=True)


def test_a_hot_card_is_skipped_and_named():
    snapshot = world([card(0, temperature_c=80.0)], [waiting(key(), ("a", 1))])
    decided = plan(snapshot, POLICY)
    codes = {reason.code: reason for reason in decided.reservations[0].reasons}
    assert codes["GPU_HOT"].temperature_c == 80.0
    assert (codes["GPUS_BUSY"].wanted, codes["GPUS_BUSY"].free, codes["GPUS_BUSY"].matching) == (1, 0, 1)


@pytest.mark.parametrize(
    ("shape", "resource", "most"),
    [
        (Shape(gpus=4), "gpus", 3),
        (Shape(gpus=2, gpu_type="a100"), "gpu_type", 1),
        (Shape(gpus=2, gpu_memory_mb=80_000), "gpu_memory_mb", 49_140),
        (Shape(cpu_cores=65), "cpu_cores", 64),
        (Shape(memory_mb=256_001), "memory_mb", 256_000),
    ],
)
def test_impossible_requests_are_told_what_is_short(shape, resource, most):
    cards = [card(0), card(1), card(2, A100)]
    (found,) = impossible(shape, cards, Host(cpu_cores=64, memory_mb=256_000))
    assert (found.resource, found.most) == (resource, most)


def test_possible_requests_pass():
    assert (
        impossible(
            Shape(gpus=1, gpu_type="a100", gpu_memory_mb=81_920), [card(0, A100)], Host(cpu_cores=1, memory_mb=0)
        )
        == ()
    )
    assert impossible(Shape(gpus=0), [], Host(cpu_cores=1, memory_mb=0)) == ()


def test_a_card_that_is_out_of_use_is_told_of_also_while_a_job_is_on_it():
    cards = [card(0, drained=True), card(1, quarantined=True, cause="driver"), card(2, A100, drained=True), card(3)]
    wanted = waiting(key("bob", gpus=2, gpu_type="a6000"), ("x", 1.0))
    leases = [
        lease("a", key("ann"), 0),
        lease("b", key("ann"), 1),
        lease("c", key("ann"), 2),
        lease("d", key("ann"), 3),
    ]
    decided = plan(world(cards, [wanted], leases), POLICY)
    (held,) = (*decided.holds, *decided.reservations)
    told = [(reason.code, getattr(reason, "index", None)) for reason in held.reasons]
    assert told == [("GPU_DRAINED", 0), ("GPU_QUARANTINED", 1), ("GPUS_BUSY", None)]
