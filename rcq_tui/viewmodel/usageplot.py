"""Usage by day as columns that stand on each other: groups, the accounts of a group, or one account.

Pure. Lines are cells with their paint, as in `planbars`. Must not know what draws them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.protocol.people import Me
from engine.protocol.usagedays import AccountDays, GroupDays, UsageDays
from rcq_tui.viewmodel.plots import Fill, column_cells, columns, gathered, joined, round_top, y_labels
from rcq_tui.viewmodel.text import clean, cut, width
from rcq_tui.viewmodel.usage import kwh

Line = list[tuple[str, str]]
_MOST_PARTS = 4
_LEAST_ROWS = 2


class Part(NamedTuple):
    """One that used something: its name and its figure for each day."""

    name: str
    values: Sequence[float]


@dataclass(slots=True, frozen=True, kw_only=True)
class Shown:
    """Which figures are plotted. key: group and account, empty for all. energy: kilowatt-hours, else GPU-hours."""

    key: tuple[str, str] = ("", "")
    energy: bool = False
    ascii_only: bool = False

    @property
    def unit(self) -> str:
        """In words."""
        return "kWh" if self.energy else "GPU-hours"

    def says(self, amount: float) -> str:
        """An amount of it."""
        return (
            kwh(amount)
            if 0 < amount < (10 if self.energy else 1)
            else f"{amount:.1f}"
            if 0 < amount < 10
            else f"{amount:.0f}"
        )


def parts(days: UsageDays, shown: Shown, me: Me | None) -> list[Part]:
    """Who stands in the columns, the viewer's own first, then who used most; those who do not fit are one."""
    found = _rows(days, shown)
    own = (me.group if not shown.key[0] else me.account) if me else None
    found.sort(key=lambda one: (one.name != own, -sum(one.values), one.name))
    rest = found[_MOST_PARTS - 1 :]
    if len(rest) <= 1:
        return found
    summed = [sum(values) for values in zip(*(one.values for one in rest), strict=True)]
    return [*found[: _MOST_PARTS - 1], Part(f"{len(rest)} others", summed)]


def _rows(days: UsageDays, shown: Shown) -> list[Part]:
    group_name, account = shown.key
    if not group_name:
        return [Part(one.group, _values(one, shown)) for one in days.items]
    group = next((one for one in days.items if one.group == group_name), None)
    if group is None:
        return []
    if not account:
        known = [Part(one.account, _values(one, shown)) for one in group.accounts]
        left = [max(0.0, all_ - sum(some)) for all_, some in _beside(_values(group, shown), known)]
        return [*known, Part("others", left)] if sum(left) > 1e-6 else known
    return [Part(one.account, _values(one, shown)) for one in group.accounts if one.account == account]


def _beside(values: Sequence[float], known: Sequence[Part]) -> list[tuple[float, list[float]]]:
    return [(value, [part.values[at] for part in known]) for at, value in enumerate(values)]


def _values(row: GroupDays | AccountDays, shown: Shown) -> list[float]:
    return list(row.energy_kwh) if shown.energy else [seconds / 3600 for seconds in row.gpu_s]


def plot(days: UsageDays, shown: Shown, me: Me | None, cells: int, rows: int) -> list[Line]:
    """Title, columns with their axis, days, and who is who: `rows` lines of at most `cells` cells."""
    found = parts(days, shown, me)
    total = sum(sum(part.values) for part in found)
    head = [(cut(_title(days, shown, found, total), cells), "title/")]
    if total <= 0:
        return [head, [(cut("Nothing was used in these days.", cells), "quiet/")]]
    high = max(_LEAST_ROWS, rows - 3)
    sums = [gathered(part.values, max(1, cells - 12))[0] for part in found]
    run = gathered([0.0] * len(days.days), max(1, cells - 12))[1]
    stacks = list(zip(*sums, strict=True))
    top = round_top(max(sum(stack) for stack in stacks))
    labels = y_labels(high, top, shown.says)
    room = max(1, cells - width(labels[0]) - 1)
    like = _fills(found, me, shown)
    drawn = columns(stacks, room, high, top=top, like=like)
    bar = "|" if shown.ascii_only else "┤"
    lines: list[Line] = [head]
    for label, line in zip(labels, drawn, strict=True):
        lines.append([(label, "quiet/"), (bar, "grid/"), *line])
    lines.append([(" " * (width(labels[0]) + 1) + _axis(days.days, run, len(stacks), room), "quiet/")])
    return [*lines, _legend(found, like, cells)]


def _title(days: UsageDays, shown: Shown, found: Sequence[Part], total: float) -> str:
    whom = " of ".join(clean(one) for one in reversed(shown.key) if one) or "all groups"
    today = sum(part.values[-1] for part in found if part.values)
    return f"{shown.unit} a day of {whom}, {len(days.days)} days: {shown.says(total)}, today {shown.says(today)}"


def _fills(found: Sequence[Part], me: Me | None, shown: Shown) -> list[Fill]:
    """Own ones in their own colour and the first sign; the others by their place."""
    signs = "#=+:" if shown.ascii_only else "█▓▒░"
    own = {me.group, me.account} if me else set()
    return [
        Fill(signs[at % len(signs)], "mine/" if part.name in own and at == 0 else f"hue{at % 4}/")
        for at, part in enumerate(found)
    ]


def _axis(days: Sequence[str], run: int, count: int, cells: int) -> str:
    """The days that columns begin with, as many as have room; the last is today."""
    step = column_cells(count, cells)[0]
    first = len(days) - run * count
    line, last = "", (count - 1) * step
    for at in range(count):
        cell, label = at * step, days[max(0, first + at * run)][5:]
        ends_by = last - 1 if at < count - 1 else cells
        label = label if at < count - 1 else "today"
        if (not line or cell > len(line)) and cell + len(label) <= ends_by:
            line = line.ljust(cell) + label
    return line


def _legend(found: Sequence[Part], like: Sequence[Fill], cells: int) -> Line:
    pieces: Line = []
    for part, fill in zip(found, like, strict=True):
        pieces += [(fill.sign * 2, fill.role), (f" {clean(part.name)}   ", "text/")]
    kept: Line = []
    for text, paint in pieces:
        room = cells - sum(width(one) for one, _ in kept)
        kept.append((cut(text, max(0, room)), paint))
    return joined(kept)
