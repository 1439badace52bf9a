"""Figures over time: means of steps, gaps, merged neighbours, and going on with what was kept."""

from hypothesis import given
from hypothesis import strategies as st

from engine.daemon.steps import MOST, Steps


def test_a_step_is_the_mean_of_what_was_told_in_it() -> None:
    steps = Steps(100.0, 10.0, 2)
    for at, figures in [(100.0, (1.0, None)), (105.0, (3.0, 8.0)), (112.0, (5.0, None)), (139.0, (7.0, 1.0))]:
        steps.add(at, figures)
    assert steps.rows() == [(2.0, 8.0), (5.0, None), (None, None), (7.0, 1.0)]
    steps.add(90.0, (9.0, 9.0))
    steps.add(121.0, (9.0, 9.0))  # a clock that went back
    assert steps.rows()[2] == (None, None)


def test_when_they_are_used_up_neighbours_merge_and_gaps_stay_gaps() -> None:
    steps = Steps(0.0, 1.0, 1)
    for at in range(MOST):
        steps.add(float(at), (None if at in {0, 1, 2} else float(at),))
    assert (len(steps.rows()), steps.step_s) == (MOST, 1.0)
    steps.add(float(MOST), (1000.0,))
    rows = steps.rows()
    assert (len(rows), steps.step_s) == (MOST // 2 + 1, 2.0)
    assert rows[:3] == [(None,), (3.0,), (4.5,)]
    assert rows[-1] == (1000.0,)


def test_a_long_silence_is_a_gap_whatever_its_length() -> None:
    steps = Steps(0.0, 1.0, 1)
    steps.add(0.5, (4.0,))
    steps.add(1e9, (6.0,))
    rows = steps.rows()
    assert len(rows) <= MOST
    assert rows[0] == (4.0,)
    assert rows[-1] == (6.0,)
    assert set(rows[1:-1]) == {(None,)}


@given(
    ends=st.lists(st.integers(1, 2000), min_size=1, max_size=40),
    broken_at=st.integers(0, 40),
)
def test_whoever_goes_on_ends_where_one_would_have_that_was_never_interrupted(ends, broken_at) -> None:
    """Exactly, where each step is told once: a step that was not over is one sample."""
    whole, broken, at = Steps(0.0, 1.0, 1), Steps(0.0, 1.0, 1), 0
    for place, more in enumerate(ends):
        if place == broken_at:
            broken = Steps.of(broken.start_at, broken.step_s, broken.rows(), 1)
        at += more
        for one in (whole, broken):
            one.add(float(at), (1.0,))
        assert len(whole.rows()) <= MOST
    assert whole.step_s == broken.step_s
    assert whole.rows() == broken.rows()
