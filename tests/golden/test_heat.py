"""Stories about heat: which of several equal cards a job gets, and when a hot one comes back."""

import pytest
from worlds import A100, card, key, waiting, world

from engine.core.model import GpuUuid
from engine.core.placement.thermal import hot_cards, warmth
from engine.core.plan import plan
from engine.core.policy import Policy, Thermal
from engine.core.reasons import GpuTooHot

POLICY = Policy()
WARM = Policy(thermal=Thermal(neighbour=1.0))


def box(*celsius, **more):
    return [card(index, temperature_c=heat, **more) for index, heat in enumerate(celsius)]


def goes_to(cards, policy=POLICY):
    (start,) = plan(world(cards, [waiting(key(), ("job", 0))]), policy).starts
    return start.lease.gpus[0].removeprefix("GPU-")


def why(one):
    """Why nothing starts on the only card, which is hot."""
    decided = plan(world([one], [waiting(key(), ("job", 0))]), POLICY)
    assert not decided.starts
    told = [found for outcome in (*decided.holds, *decided.reservations) for found in outcome.reasons]
    (reason,) = [found for found in told if isinstance(found, GpuTooHot)]
    return reason


def test_of_two_cool_cards_the_one_with_the_cooler_neighbours_is_taken():
    """Three cards in a row, 1 and 2 a degree apart, and 0 warms the air at 1."""
    cards = box(74.0, 40.0, 41.0)
    assert goes_to(cards, Policy(thermal=Thermal(neighbour=0.0))) == "1", "its own temperature alone"
    assert goes_to(cards) == "2", "40 + 0.2 x mean(74, 41) = 51.5 against 41 + 0.2 x 40 = 49"


def test_a_card_far_cooler_is_taken_beside_the_hottest_all_the_same():
    assert goes_to(box(74.0, 30.0, 55.0, 55.0)) == "1"


def test_hot_cards_and_cards_out_of_use_warm_their_neighbours_too():
    cards = [*box(92.0, 40.0, 40.0), card(3, temperature_c=88.0, drained=True), card(4, temperature_c=42.0)]
    assert goes_to(cards, WARM) == "2", "40 + mean(40, 88) = 104; card 1: 106, card 4: 130"


def test_tightness_comes_before_heat():
    cards = [card(0, A100, temperature_c=25.0), card(1, temperature_c=70.0), card(2, temperature_c=72.0)]
    assert goes_to(cards, WARM) == "1"


@pytest.mark.parametrize(
    ("celsius", "warm"),
    [
        ((50.0,), {"GPU-0": 60.0}),
        ((50.0, 30.0, None), {"GPU-0": 56.0, "GPU-1": 40.0}),
        ((50.0, None, 30.0), {"GPU-0": 60.0, "GPU-2": 36.0}),
        ((40.0, 60.0, 80.0), {"GPU-0": 52.0, "GPU-1": 72.0, "GPU-2": 92.0}),
    ],
)
def test_warmth_is_a_cards_own_and_a_part_of_its_neighbours(celsius, warm):
    assert warmth(box(*celsius), Thermal(neighbour=0.2)) == pytest.approx(warm)


def test_instances_of_one_card_are_not_each_others_neighbours():
    parts = [card(0, temperature_c=60.0, parent=GpuUuid("GPU-A")), card(1, temperature_c=60.0, parent=GpuUuid("GPU-A"))]
    found = warmth([*parts, card(2, temperature_c=40.0)], Thermal(neighbour=0.5))
    assert found == {"GPU-0": 80.0, "GPU-1": 80.0, "GPU-2": 70.0}


@pytest.mark.parametrize(
    ("margin", "was_hot", "hot"), [(6.0, False, False), (5.0, False, True), (10.0, True, True), (10.1, True, False)]
)
def test_margins_have_a_hysteresis_of_their_own(margin, was_hot, hot):
    one = card(0, temperature_c=60.0, margin_c=margin)
    before = frozenset([one.uuid]) if was_hot else frozenset()
    assert (one.uuid in hot_cards([one], before, Thermal())) is hot


def test_a_margin_alone_tells_heat():
    one = card(0, margin_c=2.0)
    reason = why(one)
    assert (reason.temperature_c, reason.margin_c, reason.margin_min_c) == (None, 2.0, 5.0)


def test_the_reason_tells_what_slows_the_card_down_and_that_it_is_critical():
    one = card(0, temperature_c=91.0, throttled=True, throttle=("hw-thermal",))
    reason = why(one)
    assert (reason.throttle, reason.critical_c) == (("hw-thermal",), 90.0)
