"""What is about to be done to jobs, asked in words that name them, and what became of it.

Pure: `now` is an argument. Must not know how it is done or who draws the words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.protocol.responses import JobRow
from rcq_tui.viewmodel.arrays import how_many as how_many_indices
from rcq_tui.viewmodel.details import cancel_question, standing
from rcq_tui.viewmodel.formats import counted
from rcq_tui.viewmodel.pieces import Line
from rcq_tui.viewmodel.queue import what, who
from rcq_tui.viewmodel.text import clean, pad

MOST_NAMED = 8
"""Jobs that a question names, each on a line."""
MANY = 20
"""So many jobs are not touched for one key: their number has to be typed."""
_LABEL_CELLS = 11


@dataclass(slots=True, frozen=True, kw_only=True)
class Deed:
    """step: as the engine calls it. ask: `Cancel`. done: `cancelled`. too_late: of jobs that it no longer concerns."""

    step: str
    ask: str
    done: str
    too_late: str


CANCEL = Deed(step="cancel", ask="Cancel", done="cancelled", too_late="had ended already")
HOLD = Deed(step="hold", ask="Hold", done="on hold", too_late="not pending")
RELEASE = Deed(step="release", ask="Release", done="released", too_late="not held")
REQUEUE = Deed(step="requeue", ask="Run again", done="queued again", too_late="not to be run again now")

_RUNNING = frozenset({"running", "scheduled"})


def how_many(jobs: Sequence[JobRow]) -> int:
    """Jobs; a row that stands for several elements counts all of them."""
    return sum(job.folded or 1 for job in jobs)


def named(job: JobRow) -> str:
    """`job 7`, or `100 elements of array 7`."""
    if job.folded is None:
        return f"job {job.id}"
    return f"{counted(job.folded, 'element')} of array {job.array_parent}"


def title(deed: Deed, jobs: Sequence[JobRow]) -> str:
    """The question: `Cancel job 7?`, `Cancel 12 jobs?`"""
    return f"{deed.ask} {named(jobs[0]) if len(jobs) == 1 else counted(how_many(jobs), 'job')}?"


def lines(jobs: Sequence[JobRow], now: float, cells: int) -> list[Line]:
    """What is meant: everything that identifies one job, or a line for each of the first ones."""
    if len(jobs) == 1 and jobs[0].folded is None:
        facts = cancel_question(jobs[0], now)
        return [
            [(pad(label, _LABEL_CELLS), "quiet"), (pad(value, cells - _LABEL_CELLS), "text")] for label, value in facts
        ]
    made = [_line(job, now, cells) for job in jobs[:MOST_NAMED]]
    if len(jobs) > MOST_NAMED:
        made.append([(pad(f"and {how_many(jobs[MOST_NAMED:]):,} more", cells), "quiet")])
    return made


def _line(job: JobRow, now: float, cells: int) -> Line:
    state = clean(job.state) if job.folded else standing(job, now).partition(",")[0]
    return [
        (pad(str(job.id), 8, right=True) + "  ", "title"),
        (pad(f"{who(job)}  {what(job)}", cells - 31) + "  ", "text"),
        (pad(state, 19), "quiet"),
    ]


def warning(deed: Deed, jobs: Sequence[JobRow]) -> str:
    """What yes does to them."""
    run = [job for job in jobs if job.state in _RUNNING]
    if deed is CANCEL:
        if not run:
            return "It leaves the queue." if how_many(jobs) == 1 else "They leave the queue."
        if how_many(jobs) == 1:
            return "It is running: all of its processes are ended."
        verb = "is" if how_many(run) == 1 else "are"
        return f"{how_many(run):,} of them {verb} running: all of their processes are ended."
    if deed is REQUEUE:
        if run:
            running = "It is running" if how_many(jobs) == 1 else f"{how_many(run):,} of them run"
            return f"{running}: what runs is stopped, and begins anew from the start."
        return "It is run once more, with the same id and request." if how_many(jobs) == 1 else "Each is run once more."
    return ""


def left_untold(row: JobRow) -> bool:
    """Whether a row that stands for several elements names only the first of them."""
    return how_many_indices(clean(row.elements)) < (row.folded or 0)


def to_type(jobs: Sequence[JobRow], account: str | None) -> str:
    """What has to be typed before it is done: how many there are, if that is many or some are other people's."""
    others = [job for job in jobs if job.account != account]
    many = how_many(jobs) >= MANY or (len(jobs) > 1 and others)
    return str(how_many(jobs)) if many else ""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of several. first: the first thing that the engine refused, in its words."""

    done: int = 0
    too_late: int = 0
    refused: int = 0
    first: str = ""

    def add_refused(self, jobs: int, why: str) -> None:
        """So many more that the engine did not do."""
        self.refused += jobs
        self.first = self.first or why


def summary(deed: Deed, outcome: Outcome) -> str:
    """`18 cancelled, 2 had ended already, 1 refused. Job 7 …`"""
    parts = [f"{outcome.done:,} {deed.done}"]
    if outcome.too_late:
        parts.append(f"{outcome.too_late:,} {deed.too_late}")
    if outcome.refused:
        parts.append(f"{outcome.refused:,} refused")
    said = ", ".join(parts) + "."
    return f"{said} {clean(outcome.first)}" if outcome.first else said
