"""What a stranger's job waits for: `after` in both of its forms, `begin` as a number or as ISO 8601 text.

Pure. Must not know HTTP, nor whether the jobs exist.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.api.complaints import invalid, unknown, wrong
from engine.api.schema import MAX_AFTER, MAX_MOMENT
from engine.protocol.errors import Refused
from engine.protocol.fields import WHENS, After

_KEYS = ("id", "when")
_LARGEST = 2**63 - 1


def read_gate(given: Mapping[str, Any]) -> dict[str, Any] | Refused:
    """The fields of these that were given, in canonical form, or what is wrong."""
    found: dict[str, Any] = {}
    if "after" in given:
        after = _after(given["after"])
        if isinstance(after, Refused):
            return after
        found["after"] = after
    if "begin" in given:
        try:
            found["begin"] = moment(given["begin"])
        except ValueError as error:
            return wrong("begin", str(error))
    if given.get("cron") is not None and found.get("after"):
        return wrong("cron", "a recurring job cannot wait for others; give one of cron and after")
    return found


def moment(value: Any) -> float:
    """Unix seconds of a number or of ISO 8601 text, local time unless it names its zone. Raises ValueError."""
    told = "must be Unix seconds or a time such as 2026-12-01T08:00 or 2026-12-01T08:00+01:00"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip()).timestamp()
        except (ValueError, OverflowError, OSError):
            raise ValueError(told) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(told)
    if not 0 <= value <= MAX_MOMENT:  # so no NaN either, and no integer that a float cannot hold
        raise ValueError(f"must be between 0 and {MAX_MOMENT:.0f}")
    return float(value)


def _after(given: list[Any]) -> list[After] | Refused:
    if len(given) > MAX_AFTER:
        return wrong("after", f"names {len(given)} jobs; {MAX_AFTER} is the most")
    found: dict[int, After] = {}
    for at, one in enumerate(given):
        read = _condition(f"after.{at}", one)
        if isinstance(read, Refused):
            return read
        if read.id in found:
            return wrong(f"after.{at}", f"names job {read.id} a second time")
        found[read.id] = read
    return list(found.values())


def _condition(field: str, given: Any) -> After | Refused:
    if not isinstance(given, dict):
        given = {"id": given}
    strange = [name for name in given if name not in _KEYS]
    if strange:
        return invalid([{"field": f"{field}.{name}", "message": unknown(name, _KEYS)} for name in strange[:5]])
    number, when = given.get("id"), given.get("when", "ok")
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= _LARGEST:
        return wrong(field, 'must be the id of a job, or {"id": 12, "when": "any"}')
    if when not in WHENS:
        return wrong(f"{field}.when", f"must be one of {', '.join(WHENS)}")
    return After(id=number, when=when)
