"""Five-field cron lines: whether one makes sense, and when it comes next, in the host's time zone.

As cron reads them: weekday 0 and 7 are Sunday, and of a day of the month and a weekday either is enough. Must not know
what recurs.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

FIELDS = {"minute": "minute", "hour": "hour", "day": "day of the month", "month": "month", "day_of_week": "weekday"}
"""The fields of a line in their order, as the trigger and as people call them."""
YEARS = 12
"""A line that does not come within so many years never does: the 29th of February is at most 8 years away."""
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = re.compile(r"(?:\*|([0-7]|[a-z]{3})(?:-([0-7]|[a-z]{3}))?)(?:/([1-7]))?")


def check(line: str, now: float) -> None:
    """Raises ValueError saying which field is wrong, or that the line never comes."""
    parts = line.split()
    if len(parts) != len(FIELDS):
        told = ", ".join(FIELDS.values())
        raise ValueError(f"{line!r} has {len(parts)} of the five fields {told}; write for example 30 2 * * 1-5")
    for (name, title), part in zip(FIELDS.items(), parts, strict=True):
        try:
            CronTrigger(**{name: _read(name, part)})
        except ValueError as error:
            raise ValueError(f"{title} {part!r} cannot be: {error}") from None
    next_time(line, now)


def next_time(line: str, after: float) -> float:
    """When the line comes next, Unix seconds, later than `after`. Raises ValueError if it never does."""
    moment = datetime.fromtimestamp(after + 1e-3, UTC)  # a line's times are whole minutes: never the same one again
    found = _trigger(line, moment.year).get_next_fire_time(None, moment)
    if found is None:
        raise ValueError(f"{line!r} never comes: there is no such day")
    return float(found.timestamp())


@lru_cache(maxsize=256)
def _trigger(line: str, year: int) -> BaseTrigger:
    names = dict(zip(FIELDS, line.split(), strict=True))
    given = {name: _read(name, part) for name, part in names.items()}
    years = f"{year}-{year + YEARS}"
    if names["day"].startswith("*") or names["day_of_week"].startswith("*"):
        return CronTrigger(year=years, **given)
    by_day = CronTrigger(year=years, **{**given, "day_of_week": "*"})
    return OrTrigger([by_day, CronTrigger(year=years, **{**given, "day": "*"})])


def _read(name: str, part: str) -> str:
    """A field as the trigger reads it, whose weekday 0 is Monday and whose weeks end on Sunday."""
    if name != "day_of_week":
        return part
    days = {day for one in part.lower().split(",") for day in _weekdays(one)}
    return ",".join(name for name in _WEEKDAYS[1:] if name in days)


def _weekdays(part: str) -> list[str]:
    match = _WEEKDAY.fullmatch(part)
    if match is None:
        raise ValueError("write 0 to 7 or sun to sat, alone, as 1-5 or as */2")
    first, last, step = match.groups()
    if part.startswith("*"):
        return list(_WEEKDAYS[: 7 : int(step or 1)])
    begin = _number(first)
    end = _number(last) if last else 6 if step else begin
    if end < begin:
        end += 7
    return [_WEEKDAYS[at % 7] for at in range(begin, end + 1, int(step or 1))]


def _number(day: str) -> int:
    if day.isdigit():
        return int(day)
    if day not in _WEEKDAYS:
        raise ValueError(f"there is no weekday {day}; they are sun mon tue wed thu fri sat")
    return _WEEKDAYS.index(day)
