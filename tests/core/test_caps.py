"""Caps of hot cards: early, with hysteresis, of working cards alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import card

from engine.core.placement.caps import EARLY_C, capped
from engine.core.placement.thermal import hot_cards
from engine.core.policy import Thermal

CAPS = Thermal(threshold_c=75.0, resume_c=70.0, power_cap=True)


def at(temperature_c, **more):
    return card(0, "a", temperature_c=temperature_c, **more)


@pytest.mark.parametrize(
    ("temperature_c", "before", "after"),
    [
        (72.9, False, False), (73.0, False, True), (70.0, True, True), (69.9, True, False),
        (None, True, True), (None, False, False),
    ],
)  # fmt: skip
def test_capped_before_the_threshold_until_it_is_cool(temperature_c, before, after):
    one = at(temperature_c)
    assert capped([one], frozenset([one.uuid] if before else []), CAPS) == frozenset([one.uuid] if after else [])


def test_a_card_that_throttles_is_capped_however_cool_it_says_it_is():
    one = at(40.0, throttled=True)
    assert capped([one], frozenset(), CAPS) == {one.uuid}


def test_a_card_that_no_longer_works_gets_its_limit_back_at_once():
    assert capped([], frozenset([at(90.0).uuid]), CAPS) == frozenset()


def test_nothing_is_capped_where_caps_are_off():
    assert capped([at(120.0, throttled=True)], frozenset(), Thermal()) == frozenset()


@given(st.lists(st.floats(20, 110), max_size=8), st.floats(40, 90), st.floats(0, 30))
def test_every_hot_card_is_capped_and_the_early_ones_are_no_cooler_than_resume(temperatures, resume_c, band_c):
    thermal = Thermal(threshold_c=resume_c + band_c, resume_c=resume_c, power_cap=True)
    cards = [card(number, "a", temperature_c=c) for number, c in enumerate(temperatures)]
    found = capped(cards, frozenset(), thermal)
    assert hot_cards(cards, frozenset(), thermal) <= found
    least = max(resume_c, thermal.threshold_c - EARLY_C)
    assert all((one.temperature_c >= least) == (one.uuid in found) for one in cards)
