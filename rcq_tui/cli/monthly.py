"""What was used in a stretch of time, as `rcq usage` prints it: a month's report, as a table or as CSV.

Must not know how it is asked for.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.exports import export
from rcq_tui.viewmodel.text import clean

FIELDS = ("since", "until", "group", "account", "service", "jobs", "gpu_hours", "energy_kwh")
COLUMNS = (
    Column("GROUP", least=6),
    Column("ACCOUNT", least=6),
    Column("SERVICE", least=6),
    Column("JOBS", right=True),
    Column("GPU-HOURS", right=True),
    Column("KWH", right=True),
)
OTHERS = "(others)"
"""In place of accounts that one may not know of."""
_S_PER_HOUR = 3600.0
_DIGITS = 6


def month(text: str) -> tuple[float, float]:
    """Beginning and end of `2026-10` in UTC, as quotas count months: Unix seconds. Raises ArgumentTypeError."""
    try:
        begin = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        end = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no month; write it as 2026-10") from error
    return begin.timestamp(), end.timestamp()


def this_month(now: float) -> float:
    """When the month of that moment began in UTC, Unix seconds."""
    return month(datetime.fromtimestamp(now, UTC).strftime("%Y-%m"))[0]


def report(span: dict[str, Any], chosen: Any) -> int:
    """Print an answer of `GET /v1/usage/span`; the exit code."""
    if chosen.format == "csv":
        return export(chosen, [{"items": [_row(span, item) for item in span["items"]]}], FIELDS)
    room = terminal_width()
    print("\n".join([*table(COLUMNS, [*map(_cells, span["items"]), _total(span["items"])], room), "", _between(span)]))
    return 0


def _row(span: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """As numbers: a spreadsheet adds them up, and files of several months go together.

    In UTC, as months are: elsewhere October would seem to begin on a day of September.
    """
    hours, energy = round(item["gpu_s"] / _S_PER_HOUR, _DIGITS), round(item["energy_kwh"], _DIGITS)
    since, until = (datetime.fromtimestamp(span[name], UTC).isoformat() for name in ("since", "until"))
    return {**item, "since": since, "until": until, "gpu_hours": hours, "energy_kwh": energy}


def _cells(item: dict[str, Any]) -> Sequence[str]:
    who = OTHERS if item["account"] is None else clean(item["account"])
    return [clean(item["group"]), who, clean(item["service"] or "-"), *_figures([item])]


def _total(items: list[dict[str, Any]]) -> Sequence[str]:
    return ["all", "", "", *_figures(items)]


def _figures(items: list[dict[str, Any]]) -> list[str]:
    hours = sum(item["gpu_s"] for item in items) / _S_PER_HOUR
    return [str(sum(item["jobs"] for item in items)), f"{hours:.1f}", f"{sum(one['energy_kwh'] for one in items):.2f}"]


def _between(span: dict[str, Any]) -> str:
    begin, end = (f"{datetime.fromtimestamp(span[name], UTC):%Y-%m-%d %H:%M}" for name in ("since", "until"))
    return f"from {begin} to {end} UTC; what runs across an end counts by its time inside"
