"""Five-field lines: when they come next, in the host's time zone, and what is wrong with one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.daemon import cron

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def _host_in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("apscheduler.triggers.cron.get_localzone", lambda: BERLIN)
    cron._trigger.cache_clear()  # its triggers know the zone of the test before
    yield
    cron._trigger.cache_clear()


def at(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=BERLIN).timestamp()


SUNDAY_NOON = "2026-03-01 12:00"


@pytest.mark.parametrize(
    ("line", "after", "comes"),
    [
        ("30 2 * * 1-5", SUNDAY_NOON, "2026-03-02 02:30"),
        ("0 12 * * *", SUNDAY_NOON, "2026-03-02 12:00"),  # never the same time again
        ("*/20 * * * *", SUNDAY_NOON, "2026-03-01 12:20"),
        ("0 0 * * 0", SUNDAY_NOON, "2026-03-08 00:00"),
        ("0 0 * * 7", SUNDAY_NOON, "2026-03-08 00:00"),
        ("0 0 * * 1", SUNDAY_NOON, "2026-03-02 00:00"),
        ("0 0 * * sun", SUNDAY_NOON, "2026-03-08 00:00"),
        ("0 0 * * FRI-MON", "2026-03-03 00:00", "2026-03-06 00:00"),
        ("0 0 * * */2", SUNDAY_NOON, "2026-03-03 00:00"),  # sun tue thu sat
        ("0 0 13 * 5", SUNDAY_NOON, "2026-03-06 00:00"),  # the 13th or a Friday
        ("0 0 13 * 5", "2026-03-12 12:00", "2026-03-13 00:00"),
        ("0 0 14 * 5", "2026-03-13 12:00", "2026-03-14 00:00"),
        ("0 0 29 2 *", SUNDAY_NOON, "2028-02-29 00:00"),
        ("0 0 1 jan *", SUNDAY_NOON, "2027-01-01 00:00"),
        ("30 2 * * *", "2026-03-28 12:00", "2026-03-29 03:30"),  # 2:30 is no time of that night
    ],
)
def test_when_a_line_comes_next(line: str, after: str, comes: str) -> None:
    cron.check(line, at(after))
    found = datetime.fromtimestamp(cron.next_time(line, at(after)), UTC).astimezone(BERLIN)
    assert found.strftime("%Y-%m-%d %H:%M") == comes


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("* * * *", "has 4 of the five fields minute, hour, day of the month, month, weekday"),
        ("", "has 0 of the five"),
        ("@daily", "has 1 of the five"),
        ("60 * * * *", "minute '60' cannot be"),
        ("* 24 * * *", "hour '24' cannot be"),
        ("* * 0 * *", "day of the month '0' cannot be"),
        ("* * * 13 *", "month '13' cannot be"),
        ("* * * foo *", "month 'foo' cannot be"),
        ("* * * * 8", "weekday '8' cannot be"),
        ("* * * * foo", "weekday 'foo' cannot be: there is no weekday foo"),
        ("5-1 * * * *", "minute '5-1' cannot be"),
        ("x * * * *", "minute 'x' cannot be"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6 *", "never comes"),
    ],
)
def test_what_is_wrong_with_a_line(line: str, told: str) -> None:
    with pytest.raises(ValueError, match="^.*" + told.replace("*", r"\*")):
        cron.check(line, at(SUNDAY_NOON))
