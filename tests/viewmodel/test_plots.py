"""Plots out of characters: exact widths, nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from rcq_tui.viewmodel.plots import area, columns, fills, gathered, in_parts, round_top, y_labels
from rcq_tui.viewmodel.text import width
from rcq_tui.viewmodel.timeaxis import Scale, clock_axis

ROLES = ("a", "b", "c")
amounts = st.floats(0, 1e6)
values = st.lists(st.one_of(st.none(), amounts), max_size=300)


def flat(lines):
    return ["".join(text for text, _ in line) for line in lines]


def test_an_area_by_hand():
    assert area([0, 1, 2, None, 4], 6, 2, top=4) == [
        "     █",
        " ▁▄█ █",
    ]
    assert area([0, 4], 2, 2, top=4, ascii_only=True) == [" #", ".#"]


@given(values, st.integers(1, 120), st.integers(1, 20), st.floats(0, 1e6), st.booleans())
def test_an_area_has_its_size_and_tells_gaps_from_nothing(given_values, cells, rows, top, ascii_only):
    lines = area(given_values, cells, rows, top=top, ascii_only=ascii_only)
    assert [width(line) for line in lines] == [cells] * rows
    if len(given_values) <= cells:
        newest = lines[-1][cells - len(given_values) :]
        assert [sign == " " for sign in newest] == [value is None for value in given_values]
    assert not ascii_only or all(line.isascii() for line in lines)


def test_columns_by_hand():
    like = fills(["a", "b"])
    lines = columns([[2, 1], [0, 0], [0.4, 3.6]], 9, 4, top=4, like=like)
    assert flat(lines) == [
        "      ▓▓ ",
        "▓▓    ▓▓ ",
        "██    ▓▓ ",
        "██    ▓▓ ",
    ]
    assert lines[2] == [("██", "a"), ("    ", "text"), ("▓▓", "b"), (" ", "text")]


stacks = st.lists(st.lists(amounts, min_size=3, max_size=3), max_size=100)


@given(stacks, st.integers(1, 120), st.integers(1, 20), st.booleans())
def test_columns_have_their_size_and_are_as_high_as_their_parts(given_stacks, cells, rows, ascii_only):
    top = round_top(max((sum(stack) for stack in given_stacks), default=0))
    lines = columns(given_stacks, cells, rows, top=top, like=fills(ROLES, ascii_only=ascii_only))
    assert [width(line) for line in flat(lines)] == [cells] * rows
    step = min(8, max(1, cells // max(1, len(given_stacks))))
    shown = given_stacks[-(cells // step) :]
    for at, stack in enumerate(shown):
        high = sum(line[at * step] != " " for line in flat(lines))
        assert abs(high - sum(stack) / top * rows) <= 1.1
        assert (high > 0) == (sum(stack) > 0)


@given(st.lists(amounts, max_size=120), st.integers(1, 60))
def test_gathering_loses_nothing(given_values, most):
    sums, run = gathered(given_values, most)
    assert len(sums) <= most
    assert run >= 1
    assert abs(sum(sums) - sum(given_values)) <= 1e-6 * max(1, sum(given_values))
    if given_values:
        assert sums[-1] == sum(given_values[-run:])


@given(st.lists(amounts, min_size=3, max_size=3), st.integers(1, 200), st.floats(0, 4e6))
def test_the_parts_of_a_bar_fill_it_as_their_sum_does(parts, cells, whole):
    line = in_parts(parts, cells, whole=whole, like=fills(ROLES))
    [text] = flat([line])
    assert width(text) == cells
    full = 0 if whole <= 0 else round(min(1.0, sum(parts) / whole) * cells)
    assert abs(len(text.rstrip()) - full) <= 1  # sums of floats may differ in their last digit
    for part, sign in zip(parts, "█▓▒", strict=True):
        if whole > 0 and sum(parts) <= whole:
            assert abs(text.count(sign) - part / whole * cells) <= 1.01


@given(st.floats(1e-9, 1e12))
def test_the_top_of_an_axis_is_round_and_near(most):
    top = round_top(most)
    assert most <= top <= most * 1.5 + 1e-12


@given(st.integers(2, 40), amounts)
def test_labels_of_an_axis_are_equally_wide(rows, top):
    labels = y_labels(rows, top, lambda value: f"{value:g}h")
    assert len(labels) == rows
    assert len({width(label) for label in labels}) == 1
    assert labels[0].strip() == f"{top:g}h"
    assert labels[-1].strip() == "0h"


@given(st.floats(60, 1e7), st.integers(4, 300))
def test_an_axis_of_the_past_has_room_for_what_it_says(span, cells):
    scale = Scale(1_772_373_900.0, 1_772_373_900.0 + span, cells)
    line = clock_axis(scale, lambda at: f"{int(at) % 86_400 // 3600:02d}:{int(at) % 3600 // 60:02d}")
    assert len(line) <= cells
