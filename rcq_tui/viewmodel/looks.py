"""What the queue shows: which jobs, in which order, as the engine is asked for it and as the title line tells it.

Pure. Must not know what draws the lines or how the engine is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from engine.protocol.listings import SORTS
from engine.protocol.responses import Stats
from rcq_tui.viewmodel.formats import counted
from rcq_tui.viewmodel.states import FINISHED, LEASED, LIVE, WAITING
from rcq_tui.viewmodel.text import clean, cut

Line = list[tuple[str, str]]

WHICH = ("live", "all", "finished")
"""What the key for finished jobs goes through: without them, with them, nothing else."""

_LARGEST_FIRST = frozenset({"id", "submitted", "started", "ended", "priority", "gpus"})
"""Of these people look for the newest or the largest."""

SORTED_COLUMN = {
    "id": "id", "submitted": "submitted", "started": "started", "ended": "ended", "priority": "priority",
    "gpus": "gpus", "time_limit": "limit", "name": "what", "account": "who",
}  # fmt: skip
"""Order to the column that shows it."""

_WORDS = {"time_limit": "time limit"}


@dataclass(slots=True, frozen=True, kw_only=True)
class Look:
    """Which jobs are wanted. which: of WHICH. search: as typed. sort: of SORTS; reverse: the other way than usual.

    fold: elements of one array in one state are one row. array: only the elements of this array, each on its own.
    """

    mine: bool = False
    which: str = "live"
    search: str = ""
    sort: str = "queue"
    reverse: bool = False
    fold: bool = True
    array: int | None = None

    @property
    def finished(self) -> bool:
        """Whether finished jobs are among them."""
        return self.which != "live" or self.array is not None

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        return (self.sort in _LARGEST_FIRST) != self.reverse

    @property
    def searched(self) -> str:
        """What the engine is to look for."""
        inside = "" if self.array is None else f"array:{self.array} "
        return (inside + self.search).strip()


class Part(NamedTuple):
    """One listing of the engine's; the queue is some of them, one behind the other. order: `asc` or `desc`."""

    states: tuple[str, ...]
    sort: str
    order: str


def parts(look: Look) -> tuple[Part, ...]:
    """What to ask for: what runs, what waits, what has ended (the newest end first), or all of it by one order."""
    which = "all" if look.array is not None else look.which
    if look.sort != "queue":
        states = {"live": LIVE, "all": LIVE + FINISHED, "finished": FINISHED}[which]
        return (Part(states, look.sort, "desc" if look.descending else "asc"),)
    live = (Part(LEASED, "queue", "asc"), Part(WAITING, "queue", "asc"))
    ended = (Part(FINISHED, "ended", "desc"),)
    return {"live": live, "all": live + ended, "finished": ended}[which]


def next_which(which: str) -> str:
    """The choice behind this one."""
    return WHICH[(WHICH.index(which) + 1) % len(WHICH)]


def sorted_by(look: Look, sort: str) -> Look:
    """By this order, its usual way; chosen again, the other way."""
    if sort == look.sort != "queue":
        return replace(look, reverse=not look.reverse)
    return replace(look, sort=sort, reverse=False)


def next_sort(look: Look) -> Look:
    """By the next order."""
    return replace(look, sort=SORTS[(SORTS.index(look.sort) + 1) % len(SORTS)], reverse=False)


def remembered(look: Look) -> dict[str, Any]:
    """What of it the next start begins with: choices, but neither a search nor an opened array."""
    return {"mine": look.mine, "which": look.which, "sort": look.sort, "reverse": look.reverse, "fold": look.fold}


def look_of(kept: Mapping[str, Any]) -> Look:
    """The look that was remembered; what is not of a known kind counts as if nothing was."""
    usual = Look()
    which, sort = kept.get("which"), kept.get("sort")
    return Look(
        mine=kept.get("mine") is True,
        which=which if which in WHICH else usual.which,
        sort=sort if sort in SORTS else usual.sort,
        reverse=kept.get("reverse") is True,
        fold=kept.get("fold") is not False,
    )


class Extent(NamedTuple):
    """How much of the queue is here.

    before: rows that were let go above the first. rows: those that are here; jobs: how many jobs they stand for.

    more: there are further ones. total: jobs of all of it, where that is known. searched: jobs that were looked at so
    far. busy: it is being looked for.
    """

    before: int = 0
    rows: int = 0
    jobs: int = 0
    more: bool = False
    total: int | None = None
    searched: int = 0
    busy: bool = False


def queue_title(look: Look, extent: Extent, stats: Stats | None, marked: int, *, ascii_only: bool = False) -> Line:
    """What the queue shows and what it leaves out. marked: rows that have a mark."""
    line: Line = [("Queue", "title")]
    if marked:
        line.append((f"  {marked:,} marked", "warn"))
    line.append((f"  {_scope(look)}", "quiet"))
    if look.sort != "queue":
        sign = ("v" if look.descending else "^") if ascii_only else ("▼" if look.descending else "▲")
        line.append((f"  by {_WORDS.get(look.sort, look.sort)} {sign}", "info"))
    if look.search:
        hits = f"{extent.jobs:,}{'+' if extent.more or extent.before or extent.busy else ''}"
        line.append((f"  filter “{cut(clean(look.search), 40)}”: {hits}", "info"))
    line += _rest(look, extent, stats)
    return [(text.replace("“", '"').replace("”", '"'), role) for text, role in line] if ascii_only else line


def _scope(look: Look) -> str:
    if look.array is not None:
        return f"array {look.array}, its elements"
    whose = "my jobs" if look.mine else "everybody's jobs"
    return {"live": whose, "all": f"{whose}, finished too", "finished": f"{whose}, finished only"}[look.which]


def _rest(look: Look, extent: Extent, stats: Stats | None) -> Line:
    known = 0 if stats is None else sum(stats.jobs.values())
    if extent.busy and extent.searched:
        of = f" of {known:,}" if known >= extent.searched else ""
        return [(f"  searched {extent.searched:,}{of}", "quiet")]
    if not extent.more and not extent.before:
        return []
    total = extent.total if extent.total is not None else _counted(look, stats)
    of = f" of {total:,}" if total is not None and total > extent.jobs else ""
    if extent.before:
        return [(f"  lines {extent.before + 1:,} to {extent.before + extent.rows:,}", "quiet")]
    return [(f"  the first {counted(extent.jobs, 'job')}{of}", "quiet")]


def _counted(look: Look, stats: Stats | None) -> int | None:
    """How many there are, where the engine's own figures tell it."""
    if stats is None or look.mine or look.search or look.array is not None:
        return None
    states = {"live": LIVE, "all": LIVE + FINISHED, "finished": FINISHED}[look.which]
    return sum(stats.jobs.get(state, 0) for state in states)


def empty_words(look: Look, extent: Extent) -> str:
    """What is said where there is no row."""
    if extent.busy:
        return "Looking …"
    if look.search:
        return "No job matches the filter. Esc drops it."
    if look.array is not None:
        return "This array has no elements here. Esc goes back."
    if look.mine:
        return "You have no jobs here. s submits one, m shows everybody's."
    return (
        "Nothing has ended yet. f shows what waits."
        if look.which == "finished"
        else "Nothing is queued. s submits a job."
    )
