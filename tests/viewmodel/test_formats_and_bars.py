"""Short forms tell the truth, bars keep their width."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.lifecycle import JobState
from rcq_tui.viewmodel.bars import gauge, mark_cell, sparkline
from rcq_tui.viewmodel.formats import counted, degrees, duration, exact, memory, moment, percent, until
from rcq_tui.viewmodel.states import FINISHED, GPU_STATES, JOB_STATES, LIVE, colour, symbol

NOON = 1_772_366_400.0  # Sunday 2026-03-01 12:00 UTC


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (-3, "0s"), (0.9, "0s"), (59, "59s"), (192, "3m12s"), (7500, "2h05m"), (100_800, "1d4h")],
)
def test_duration(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("mb", "shown"),
    [
        (None, "-"), (0, "0M"), (1000, "1000M"), (1024, "1G"), (3277, "3.2G"), (2047, "2G"), (49_140, "48G"),
        (131_072, "128G"), (1_572_864, "1.5T"),
    ],
)  # fmt: skip
def test_memory(mb: int | None, shown: str) -> None:
    assert memory(mb) == shown


def test_times_say_as_much_as_needed() -> None:
    assert moment(NOON, NOON + 60) == "12:00"
    assert moment(NOON, NOON + 86_400) == "Sun 12:00"
    assert moment(NOON, NOON + 30 * 86_400) == "2026-03-01 12:00"
    assert exact(NOON) == "2026-03-01 12:00:00"
    assert (moment(None, NOON), exact(None)) == ("-", "-")
    assert (until(NOON + 192, NOON), until(NOON, NOON)) == ("in 3m12s", "now")


def test_numbers_with_units() -> None:
    assert (percent(0.5), percent(None), degrees(68.4), degrees(None)) == ("50%", "-", "68°C", "-")
    assert (counted(1, "GPU"), counted(0, "GPU")) == ("1 GPU", "0 GPUs")


def test_gauge_fills_by_eighths_and_says_unknown() -> None:
    assert gauge(0.5, 4) == "██  "
    assert gauge(0.53, 4) == "██▏ "
    assert gauge(1.7, 3) == "███"
    assert gauge(None, 3) == "···"
    assert gauge(0.5, 4, ascii_only=True) == "##--"
    assert gauge(0.5, 4, mark=0.75) == "██ │"
    assert gauge(0.0, 4, mark=1.0, ascii_only=True) == "---|"
    assert mark_cell(1.0, 4) == 3


@given(st.none() | st.floats(-1, 2), st.integers(1, 40), st.none() | st.floats(0, 1), st.booleans())
def test_gauge_keeps_its_width(ratio: float | None, cells: int, mark: float | None, plain: bool) -> None:
    bar = gauge(ratio, cells, mark=mark, ascii_only=plain)
    assert len(bar) == cells
    assert bar.isascii() or not plain


def test_sparkline_has_the_newest_at_the_right_and_gaps_blank() -> None:
    assert sparkline([0.0, 0.5, 1.0], 5) == "  ▁▅█"
    assert sparkline([0.0, None, 1.0], 3) == "▁ █"
    assert sparkline([0, 1, 0, 1], 2) == "▅▅"
    assert sparkline([0.0, 1.0], 2, ascii_only=True) == "_@"
    assert sparkline([], 3) == "   "


def test_every_state_has_a_symbol_of_its_own_and_a_colour() -> None:
    assert set(JOB_STATES) == {state.value for state in JobState} == {*LIVE, *FINISHED}
    assert len({symbol(state) for state in JOB_STATES}) == len(JOB_STATES)
    assert len({symbol(state) for state in GPU_STATES}) == len(GPU_STATES)
    assert all(symbol(state, ascii_only=True).isascii() for state in [*JOB_STATES, *GPU_STATES])
    assert (symbol("frozen"), colour("frozen")) == ("?", "quiet")
    assert symbol("paused") not in {symbol(state) for state in [*JOB_STATES, *GPU_STATES]}
    assert (symbol("paused", ascii_only=True), colour("paused")) == ("|", "warn")
