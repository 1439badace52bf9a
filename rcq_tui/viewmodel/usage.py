"""Usage as cells of a table, and a line of words on where each of its numbers comes from.

Must not know a clock or how the table is laid out. Light enough for the command line.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rcq_tui.viewmodel.formats import exact
from rcq_tui.viewmodel.text import clean

Report = Mapping[str, Any]
Row = Mapping[str, Any]

TITLES = ("NAME", "SHARE", "QUOTA", "USAGE", "FAIR", "MONTH", "KWH", "GPUS", "GUARANTEED")
SINCE = ("SINCE", "SINCE KWH")


def titles(report: Report) -> tuple[str, ...]:
    """The columns that the report fills."""
    return TITLES if report["since"] is None else (*TITLES, *SINCE)


def rows(report: Report) -> list[list[str]]:
    """A row for each group, and under it one for each of its accounts, set in."""
    return [cells for group in report["items"] for cells in _group(group, asked=report["since"] is not None)]


def sources(report: Report) -> list[tuple[str, str]]:
    """Where each number comes from: a column's title and a line of words."""
    days, core = f"{report['half_life_s'] / 86_400:g} days", f"{report['core_weight']:g}"
    unused = "" if report["policy"] == "fair-share" else f"; the policy {clean(report['policy'])} does not ask for it"
    told = [
        ("SHARE", f"the group's weight against the others'; all groups together have {report['shares']:g}"),
        (
            "QUOTA",
            f"GPU-hours that are its due: a group's share of the {hours(report['total_gpu_s'])} that all groups used, "
            "an account's equal part of what its group used",
        ),
        (
            "USAGE",
            f"GPU-hours, a core counted as {core} of a card: what ran, halved every {days}, "
            "and the expected run of what runs",
        ),
        (
            "FAIR",
            "QUOTA / USAGE, an account's times its group's, between 0.1 and 2: "
            f"a job's score is multiplied by its account's{unused}",
        ),
        ("MONTH", f"plain GPU-hours in {clean(report['month'])} (UTC), expected runs included, of the limit if any"),
        (
            "KWH",
            "energy of the cards in that month, as measured, shared cards in parts; nothing before it was measured",
        ),
        ("GPUS", "cards held now, of the most that may be held"),
        ("GUARANTEED", "cards that are the group's whenever it wants them; idle, they are lent"),
    ]
    if report["since"] is not None:
        told.append((SINCE[0], f"plain GPU-hours that ran since {exact(report['since'])}"))
        told.append((SINCE[1], "energy from then on; of a job across that time its part by time"))
    return told


def _group(group: Row, *, asked: bool) -> Iterator[list[str]]:
    terms = [clean(group["group"]), f"{group['share']:g}"]
    yield [*terms, *_used(group), str(group["guarantee_gpus"]), *_since(group, asked=asked)]
    for account in group["accounts"]:
        yield [f"  {clean(account['account'])}", "", *_used(account), "", *_since(account, asked=asked)]


def _used(row: Row) -> list[str]:
    limit = row["month_limit_gpu_h"]
    return [
        hours(row["quota_gpu_s"]),
        hours(row["usage_gpu_s"]),
        f"{row['fair']:.2f}",
        _of(hours(row["month_gpu_s"]), None if limit is None else f"{limit:g}"),
        kwh(row.get("month_energy_kwh", 0.0)),
        _of(str(row["gpus"]), None if row["gpus_limit"] is None else str(row["gpus_limit"])),
    ]


def _since(row: Row, *, asked: bool) -> list[str]:
    return [hours(row["since_gpu_s"]), kwh(row.get("since_energy_kwh") or 0.0)] if asked else []


def _of(used: str, limit: str | None) -> str:
    return used if limit is None else f"{used} of {limit}"


def kwh(energy: float) -> str:
    """Kilowatt-hours: three digits that tell something, where there are any."""
    return f"{energy:.3f}" if energy < 1 else f"{energy:.2f}" if energy < 10 else f"{energy:.1f}"


def hours(gpu_s: float) -> str:
    """GPU-seconds as GPU-hours."""
    return f"{gpu_s / 3600:.1f}"
