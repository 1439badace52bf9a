"""The heat of a card: exact whatever the step, and always on the way to where it comes to rest."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gpu.thermal import SLOWED_SHARE, heat_share, inlet_c, power_w, speed, steady_c, step_c

celsius = st.floats(-20, 150)
seconds = st.floats(0, 100_000)
time_constants = st.floats(0.5, 600)


def test_after_one_time_constant_63_percent_of_the_way_is_done() -> None:
    assert step_c(20.0, 120.0, 15.0, 15.0) == pytest.approx(20 + 100 * (1 - 1 / math.e))


def test_an_a100_at_its_limit_comes_to_rest_where_it_was_measured() -> None:
    """0.10 K/W over 21 degrees at 400 W."""
    rest = steady_c(21.0, 0.10, power_w(60.0, 400.0, 1.0))
    assert rest == pytest.approx(61.0)
    assert step_c(27.0, rest, 1e9, 18.0) == pytest.approx(rest)


def test_power_rises_in_a_straight_line() -> None:
    assert [power_w(60.0, 400.0, load) for load in (0.0, 0.5, 1.0)] == [60.0, 230.0, 400.0]


@pytest.mark.parametrize("elapsed", [0.0, -1.0, -1e9])
def test_no_time_and_a_clock_set_back_change_nothing(elapsed: float) -> None:
    assert step_c(50.0, 90.0, elapsed, 10.0) == 50.0


@given(start=celsius, target=celsius, elapsed=seconds, constant=time_constants)
def test_it_never_overshoots(start: float, target: float, elapsed: float, constant: float) -> None:
    low, high = sorted((start, target))
    assert low - 1e-9 <= step_c(start, target, elapsed, constant) <= high + 1e-9


@given(start=celsius, target=celsius, elapsed=seconds, constant=time_constants, part=st.floats(0, 1))
def test_two_steps_are_one_step(start: float, target: float, elapsed: float, constant: float, part: float) -> None:
    between = step_c(start, target, elapsed * part, constant)
    twice = step_c(between, target, elapsed * (1 - part), constant)
    assert twice == pytest.approx(step_c(start, target, elapsed, constant), abs=1e-6)


@given(start=celsius, ambient=st.floats(0, 45), resistance=st.floats(0.01, 0.5), watts=st.floats(0, 700))
def test_it_tends_to_ambient_plus_resistance_times_power(
    start: float, ambient: float, resistance: float, watts: float
) -> None:
    rest = steady_c(ambient, resistance, watts)
    assert rest == pytest.approx(ambient + resistance * watts)
    assert step_c(start, rest, 60 * 20.0, 20.0) == pytest.approx(rest, abs=1e-6)


@given(start=celsius, target=celsius, constant=time_constants, early=seconds, late=seconds)
def test_more_time_is_nearer(start: float, target: float, constant: float, early: float, late: float) -> None:
    early, late = sorted((early, late))
    far = abs(step_c(start, target, early, constant) - target)
    assert abs(step_c(start, target, late, constant) - target) <= far + 1e-9


def test_a_quad_of_3090_keeps_more_than_95_percent_at_280_of_350_watts() -> None:
    """Their idle 20 W do no work: 260 of 330 W are left."""
    assert 0.95 < speed((280 - 20) / (350 - 20)) < 0.97


def test_speed_breaks_down_below_the_lowest_voltage() -> None:
    """There half the power is half the speed."""
    assert speed(0.25) == pytest.approx(speed(0.5) / 2)
    assert speed(0.0) == 0.0
    assert speed(1.0) == 1.0


@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_more_power_is_never_slower_and_never_free(low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert 0.0 <= low <= speed(low) <= speed(high) <= 1.0


@given(low=st.floats(20, 130), high=st.floats(20, 130))
def test_a_hotter_card_is_never_allowed_more(low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert 1.0 >= heat_share(low, 83, 95) >= heat_share(high, 83, 95) >= SLOWED_SHARE
    assert heat_share(82.9, 83, 95) == 1.0
    assert heat_share(89, 83, 95) == pytest.approx(0.75)


@given(powers=st.lists(st.floats(0, 500), min_size=1, max_size=8), coupling=st.floats(0, 0.1))
def test_the_air_of_a_stack_is_the_sum_of_what_each_neighbour_does_alone(powers: list[float], coupling: float) -> None:
    for at in range(len(powers)):
        alone = [[watts if other == one else 0.0 for other, watts in enumerate(powers)] for one in range(len(powers))]
        parts = [inlet_c(20.0, coupling, one, at) - 20.0 for one in alone]
        assert inlet_c(20.0, coupling, powers, at) == pytest.approx(20.0 + sum(parts))
        assert parts[at] == 0.0
