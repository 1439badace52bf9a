"""Sends lines of jobs to the engine, hears what becomes of them, and puts it into words.

Must not know files or options.
"""

import os
from dataclasses import dataclass
from typing import Any

from engine.protocol.errors import Unreachable
from rcq_tui.cli.errorfile import ErrorFile
from rcq_tui.cli.progress import Progress
from rcq_tui.client.source import Descriptor
from rcq_tui.client.wholelines import Stop, WholeLines
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.text import clean

TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}
SHOWN_ERRORS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How lines are to be taken in. resume: those whose job is there already are done."""

    form: str
    dry_run: bool = False
    resume: bool = False

    def again(self, what: str = "the rest") -> str:
        """What to do after a break, as a sentence behind another; nothing where nothing was submitted."""
        if self.dry_run:
            return ""
        return f" Run the same command again{'' if self.resume else ' with --resume'}: it adds {what}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of the lines. report: the engine's. lines: the last one it told of. cut_short: somebody stopped.

    broken: why the source could not be read to its end.
    """

    report: dict[str, Any]
    lines: int = 0
    cut_short: bool = False
    broken: str | None = None


def take(wire: Wire, lines: WholeLines, wish: Wish, progress: Progress, errors: ErrorFile | None = None) -> Taken:
    """Send them to their end, or until they are stopped. errors: gets every error as it comes.

    Raises Refused, and Unreachable if the report does not come, saying how far the engine had told to be.
    """
    query = {
        "format": wish.form,
        "progress": 1,
        "wait": 1,
        "dry_run": 1 if wish.dry_run else None,
        "resume": 1 if wish.resume else None,
        "all_errors": 1 if errors else None,
    }
    report: dict[str, Any] | None = None
    try:
        for answer in wire.upload("/v1/ingest", query, lines, TYPES[wish.form], progress.sent):
            if errors is not None:
                errors.begin()
            if "report" in answer:
                report = dict(answer["report"])
            elif "progress" in answer:
                told = answer["progress"]
                progress.told(told, told.get("known", 0) if wish.resume else 0)
            elif "waiting" in answer:
                progress.held_back()
            elif errors is not None and not errors.write(answer):
                lines.stop()
    except Unreachable as error:
        raise Unreachable(f"{error} {progress.so_far()}{wish.again()}") from error
    finally:
        progress.end()
    if report is None:
        raise Unreachable(f"the engine's answer ended without a report. {progress.so_far()}{wish.again()}")
    progress.done()
    return Taken(report=report, lines=progress.lines, cut_short=lines.cut_short, broken=lines.broken)


def take_in(wire: Wire, source: int, wish: Wish) -> Taken:
    """Take in what a file descriptor gives, without anything around it. Raises as `take` does."""
    with Stop() as stop:
        lines = WholeLines(Descriptor(source), stop, quoted=wish.form == "csv")
        return take(wire, lines, wish, Progress(os.fstat(source).st_size))


def gone_in(taken: Taken, wish: Wish) -> bool:
    """Some lines have their job, by this run or by an earlier one that it resumes."""
    return bool(taken.report["accepted"] or (wish.resume and taken.report.get("known")))


def summary(taken: Taken, wish: Wish, errors_at: str | None = None) -> list[str]:
    """The report as lines: the counts and ids, then the first errors, then what to do about it."""
    report = taken.report
    lines = [_head(taken, wish), *(_error(error) for error in report["errors"][:SHOWN_ERRORS])]
    more = report["rejected"] - SHOWN_ERRORS
    if errors_at and report["rejected"]:
        told = "" if errors_at.lower().endswith((".ndjson", ".jsonl")) else " with --format ndjson"
        where = f"every error with its line is in {clean(errors_at)}"
        lines.append(f"  {where}; mend `input` there and ingest that file{told}")
    elif more > 0:
        lines.append(f"  … and {more} more: --errors FILE writes them all")
    if report.get("known") and not wish.resume:
        lines.append(f"  {report['known']} of them were there already: --resume counts those as done")
    if taken.cut_short and wish.again():
        lines.append(f" {wish.again()}")
    return lines


def _head(taken: Taken, wish: Wish) -> str:
    report = taken.report
    would = "would be " if report["dry_run"] else ""
    counts = [f"{report['accepted']} {would}accepted"]
    if wish.resume:
        counts = [f"{report.get('known', 0)} were there already", f"{report['accepted']} {would}added"]
    head = ", ".join([*counts, f"{report['rejected']} {would}rejected"])
    if report["first_id"] is not None:
        head += f", ids {report['first_id']} to {report['last_id']}"
    return f"interrupted after {taken.lines} lines: {head}" if taken.cut_short else head


def _error(error: dict[str, Any]) -> str:
    whose = f" ({clean(error['job_id'])})" if error.get("job_id") else ""
    return f"  line {error['line']}{whose}: {clean(error['code'])}: {clean(error['message'])}"
