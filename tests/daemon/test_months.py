"""Calendar months in UTC, at their edges."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.daemon.months import by_month, end_of_month, month_of


def at(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[misc]


@pytest.mark.parametrize(
    ("moment", "month", "end"),
    [
        (at(2026, 11, 1), "2026-11", at(2026, 12, 1)),
        (at(2026, 11, 30, 23, 59, 59), "2026-11", at(2026, 12, 1)),
        (at(2026, 12, 31, 23), "2026-12", at(2027, 1, 1)),
        (at(2028, 2, 29, 12), "2028-02", at(2028, 3, 1)),
        (0.0, "1970-01", at(1970, 2, 1)),
    ],
)
def test_a_moment_is_in_one_month(moment, month, end):
    assert (month_of(moment), end_of_month(moment)) == (month, end)


def test_a_run_over_two_midnights_is_in_three_months():
    assert list(by_month(at(2026, 10, 31, 23), at(2026, 12, 1, 2))) == [
        ("2026-10", 3600.0),
        ("2026-11", 30 * 86_400.0),
        ("2026-12", 7200.0),
    ]
    assert list(by_month(5.0, 5.0)) == []


@given(st.floats(0, 4e9), st.floats(0, 1e8))
def test_no_second_is_lost_or_counted_twice(since, length):
    pieces = list(by_month(since, since + length))
    assert sum(seconds for _, seconds in pieces) == pytest.approx(since + length - since, abs=1e-3)
    assert len({month for month, _ in pieces}) == len(pieces)
    assert all(seconds > 0 for _, seconds in pieces)
