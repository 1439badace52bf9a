"""Points in time as typed."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rcq_tui.cli.pasttime import end, past
from rcq_tui.cli.times import instant

NOON = 1_772_366_400.0  # 2026-03-01 12:00 UTC, a Sunday


@pytest.fixture(autouse=True)
def _utc(home: Path) -> None:
    """`home` sets the time zone."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOON), (" NOW ", NOON), ("+2h", NOON + 7200), ("now+90m", NOON + 5400), ("now + 1d", NOON + 86_400),
        ("+30", NOON + 30), ("22:00", NOON + 36_000), ("9:00", NOON + 75_600), ("12:00", NOON + 86_400),
        ("12:00:01", NOON + 1), ("today 9:00", NOON - 10_800), ("tomorrow 9:00", NOON + 75_600),
        ("Tomorrow 23:59", NOON + 129_540), ("2026-03-01T22:00", NOON + 36_000), ("2026-03-01 22:00", NOON + 36_000),
        ("2026-03-02", NOON + 43_200), ("2026-03-01T22:00:00Z", NOON + 36_000),
        ("2026-03-01T22:00+01:00", NOON + 32_400),
    ],
)  # fmt: skip
def test_instants(text: str, expected: float) -> None:
    assert instant(text, NOON) == expected


@pytest.mark.parametrize(
    "text", ["", "later", "+", "+2x", "24:00", "9:60", "9", "22", "tomorrow", "tomorrow 25:00", "2026-13-01", "-2h"]
)
def test_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        instant(text, NOON)


def test_tomorrow_keeps_the_clock_time_where_the_clocks_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    evening = 1_774_724_400.0  # 2026-03-28 20:00 in Berlin; that night the clocks go forward
    assert instant("tomorrow 9:00", evening) - evening == 12 * 3600
    assert instant("9:00", evening) - evening == 12 * 3600


def test_what_is_over_may_be_told_as_listings_tell_it() -> None:
    assert past("7d", NOON) == NOON - 604_800
    assert past("1772366340.25", NOON) == NOON - 59.75
    assert past("1772366340", NOON) == end("1772366340", NOON) == NOON - 60
    for ahead in ("1772366401", "9" * 400, "2026-04-01", "tomorrow 9:00", "+1h"):
        with pytest.raises(argparse.ArgumentTypeError, match="still to come"):
            past(ahead, NOON)


def test_a_stretch_may_end_on_a_date_that_is_still_to_come() -> None:
    assert end("2026-04-01", NOON) == NOON + 30.5 * 86_400
    assert end("7d", NOON) == NOON - 604_800
    with pytest.raises(argparse.ArgumentTypeError, match="still to come"):
        end("tomorrow 9:00", NOON)


@pytest.mark.parametrize("read", [past, end])
def test_a_time_of_day_is_the_last_that_went_by_and_no_duration(read: Callable[[str, float], float]) -> None:
    assert read("9:00", NOON) == NOON - 3 * 3600
    assert read("12:00:00", NOON) == NOON
    assert read("22:00", NOON) == NOON - 14 * 3600
    with pytest.raises(argparse.ArgumentTypeError, match="neither"):
        read("25:00", NOON)
