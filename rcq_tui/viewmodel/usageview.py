"""Usage on the screen: lines with bars for each group and account, and a sentence about the one under the cursor.

Pure. Must not know a clock, what draws the lines, or the days (`usageplot`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.protocol.people import AccountUsage, GroupUsage, Me, UsageReport, UsageRow
from rcq_tui.viewmodel.bars import meter
from rcq_tui.viewmodel.formats import percent
from rcq_tui.viewmodel.text import clean
from rcq_tui.viewmodel.usage import hours, kwh

Piece = tuple[str, str]
Line = list[Piece]

EVERYBODY: tuple[str, str] = ("", "")
"""The key of the first line: all groups together."""
_NEAR = 0.9
"""From this part of a limit on, it is said in another colour."""


@dataclass(slots=True, frozen=True, kw_only=True)
class UsageLine:
    """key: group and account, empty for all of them. cells: name, GPUs, month, quota, usage, factor, energy."""

    key: tuple[str, str]
    cells: Sequence[Piece]


def groups_of(report: UsageReport, me: Me | None) -> list[GroupUsage]:
    """The viewer's own group first."""
    own = me.group if me else None
    return sorted(report.items, key=lambda one: (one.group != own, one.group))


def accounts_of(group: GroupUsage, me: Me | None) -> list[AccountUsage]:
    """The viewer first, then who used most."""
    own = me.account if me else None
    return sorted(group.accounts, key=lambda one: (one.account != own, -one.month_gpu_s, one.account))


def usage_lines(report: UsageReport, me: Me | None, bar: int, *, ascii_only: bool = False) -> list[UsageLine]:
    """A line for all groups, one for each, and under it one for each of its accounts. bar: cells of a bar."""
    star = "*" if ascii_only else "★"
    lines = [UsageLine(key=EVERYBODY, cells=_all(report, bar))]
    for group in groups_of(report, me):
        lines.append(_line((group.group, ""), group.group, group, report, (bar, ascii_only)))
        for one in accounts_of(group, me):
            own = me is not None and one.account == me.account
            name = f"  {star if own else ' '}{clean(one.account)}"
            lines.append(_line((group.group, one.account), name, one, report, (bar, ascii_only)))
    return lines


def _all(report: UsageReport, bar: int) -> list[Piece]:
    month, energy = (sum(row.month_gpu_s for row in report.items), sum(row.month_energy_kwh for row in report.items))
    gpus = sum(row.gpus for row in report.items)
    blank = " " * bar
    return [
        ("all groups" if len(report.items) != 1 else "the group", "title"),
        (f"{blank} {gpus}", "text"),
        (f"{blank} {hours(month)}", "text"),
        ("", "text"),
        ("", "text"),
        ("", "text"),
        (kwh(energy), "text"),
    ]


def _line(key: tuple[str, str], name: str, row: UsageRow, report: UsageReport, looks: tuple[int, bool]) -> UsageLine:
    limit_h = row.month_limit_gpu_h
    month = None if limit_h is None else limit_h * 3600
    role = "text" if key[1] else "title"
    return UsageLine(
        key=key,
        cells=[
            (clean(name) if not key[1] else name, role),
            _of(row.gpus, row.gpus_limit, (str(row.gpus), str(row.gpus_limit)), looks),
            _of(row.month_gpu_s, month, (hours(row.month_gpu_s), "" if limit_h is None else f"{limit_h:g}"), looks),
            (_part(row.quota_gpu_s, report), "quiet"),
            (_part(row.usage_gpu_s, report), "warn" if row.usage_gpu_s > row.quota_gpu_s else "text"),
            (f"{row.fair:.2f}", "ok" if row.fair >= 1 else "warn"),
            (kwh(row.month_energy_kwh), "text"),
        ],
    )


def _of(used: float, limit: float | None, words: tuple[str, str], looks: tuple[int, bool]) -> Piece:
    """`━━━─── 3 of 4`; without a limit the amount alone, under those that have one."""
    cells, ascii_only = looks
    if limit is None:
        return (" " * cells + f" {words[0]}", "text")
    ratio = used / limit if limit > 0 else 1.0
    filled, rest = meter(ratio, cells, ascii_only=ascii_only)
    role = "bad" if ratio >= 1 else "warn" if ratio >= _NEAR else "ok"
    return (f"{filled}{rest} {words[0]} of {words[1]}", role)


def _part(gpu_s: float, report: UsageReport) -> str:
    return percent(gpu_s / report.total_gpu_s) if report.total_gpu_s > 0 else "-"


def about(report: UsageReport, key: tuple[str, str]) -> list[str]:
    """What the factor of a line comes from and does, and what may be held."""
    group = next((one for one in report.items if one.group == key[0]), None)
    if group is None:
        days = f"{report.half_life_s / 86_400:g} days"
        return [
            f"{hours(report.total_gpu_s)} GPU-hours count now; what ran counts half after {days}.",
            "The month's columns are plain GPU-hours and kWh in " + clean(report.month) + " (UTC).",
        ]
    row: UsageRow = group
    name = f"Group {clean(group.group)}"
    if key[1]:
        found = next((one for one in group.accounts if one.account == key[1]), None)
        if found is None:
            return [""]
        row, name = found, clean(found.account)
    return [_why(name, row, report), _held(row, group if not key[1] else None)]


def _why(name: str, row: UsageRow, report: UsageReport) -> str:
    if report.policy != "fair-share":
        return f"{name}: the policy {clean(report.policy)} does not ask for shares."
    if report.total_gpu_s <= 0:
        return f"{name}: nothing counts yet, so nobody goes before anybody."
    used, due = percent(row.usage_gpu_s / report.total_gpu_s), percent(row.quota_gpu_s / report.total_gpu_s)
    does = (
        "go before those of others"
        if row.fair > 1.005
        else "go behind those of others"
        if row.fair < 0.995
        else "go even"
    )
    return f"{name} used {used} of what counts, and {due} is its due: its jobs score times {row.fair:.2f}, they {does}."


def _held(row: UsageRow, group: GroupUsage | None) -> str:
    of = "" if row.gpus_limit is None else f" of at most {row.gpus_limit}"
    held = f"It holds {row.gpus}{of} GPUs"
    limit = row.month_limit_gpu_h
    month = (
        f", and ran {hours(row.month_gpu_s)}" + ("" if limit is None else f" of {limit:g}") + " GPU-hours this month"
    )
    guarantee = f"; {group.guarantee_gpus} are its own whenever it wants them" if group and group.guarantee_gpus else ""
    return held + month + guarantee + "."
