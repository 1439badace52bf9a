"""`rcq ingest`: many jobs from a file, a FIFO or standard input, which is streamed and never read whole."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from engine.protocol.errors import EXIT_DONE, EXIT_FAILED, EXIT_PARTLY, Unreachable
from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.failures import Failed, UsageError
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.progress import Progress
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.text import clean

FORMATS = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv"}
"""Suffix → format."""
TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}
SHOWN_ERRORS = 10
_TIMEOUT_S = 120.0


def run(argv: list[str]) -> int:
    """Take a file of jobs in."""
    options = parser(
        "ingest",
        "Submit the jobs of an NDJSON or CSV file. Good lines go in whatever the bad ones hold.\n"
        "Exit code: 0 all, 3 some, 1 none.",
        "rcq ingest sweep.ndjson\nrcq ingest jobs.csv --errors bad.ndjson\nmake-jobs | rcq ingest - --format ndjson",
    )
    options.add_argument("file", metavar="FILE", help="the file, or - for standard input")
    options.add_argument("--format", choices=sorted(TYPES), help="unless the suffix tells: .ndjson .jsonl .csv")
    options.add_argument("--dry-run", action="store_true", help="check every line, submit nothing")
    options.add_argument("--errors", metavar="FILE", help="write every error with its line to FILE, as NDJSON")
    add_json(options)
    chosen = options.parse_args(argv)
    form = chosen.format or _format(chosen.file)
    with _opened(chosen.file) as source, _error_file(chosen.errors) as errors:
        report = take_in(engine(_TIMEOUT_S), source, form, dry_run=chosen.dry_run, errors=errors)
    if chosen.json:
        print_json(report)
    else:
        print("\n".join(summary(report, chosen.errors)))
    return exit_code(report)


def take_in(
    wire: Wire, source: int, form: str, *, dry_run: bool = False, errors: TextIO | None = None
) -> dict[str, Any]:
    """Send what the file descriptor gives and return the engine's report. errors: gets every error as it comes.

    Raises Unreachable if the report does not come, saying how far the engine had told to be.
    """
    query = {
        "format": form,
        "progress": 1,
        "wait": 1,
        "dry_run": 1 if dry_run else None,
        "all_errors": 1 if errors else None,
    }
    progress = Progress(os.fstat(source).st_size)
    try:
        for answer in wire.upload("/v1/ingest", query, source, TYPES[form], progress.sent):
            if "report" in answer:
                return dict(answer["report"])
            if "progress" in answer:
                progress.told(answer["progress"])
            elif "waiting" in answer:
                progress.held_back()
            elif errors is not None:
                errors.write(json.dumps(answer) + "\n")
    except Unreachable as error:
        raise Unreachable(f"{error} {progress.so_far()}") from error
    finally:
        progress.end()
    raise Unreachable(f"the engine's answer ended without a report. {progress.so_far()}")


def exit_code(report: dict[str, Any]) -> int:
    """0 all, 3 some, 1 none."""
    if not report["rejected"]:
        return EXIT_DONE
    return EXIT_PARTLY if report["accepted"] else EXIT_FAILED


def summary(report: dict[str, Any], errors_at: str | None = None) -> list[str]:
    """The report as lines: the counts and ids, then the first errors."""
    would = "would be " if report["dry_run"] else ""
    head = f"{report['accepted']} {would}accepted, {report['rejected']} {would}rejected"
    if report["first_id"] is not None:
        head += f", ids {report['first_id']} to {report['last_id']}"
    lines = [head, *(_error(error) for error in report["errors"][:SHOWN_ERRORS])]
    more = report["rejected"] - SHOWN_ERRORS
    if errors_at and report["rejected"]:
        lines.append(f"  every error with its line is in {clean(errors_at)}")
    elif more > 0:
        lines.append(f"  … and {more} more: --errors FILE writes them all")
    return lines


def _error(error: dict[str, Any]) -> str:
    whose = f" ({clean(error['job_id'])})" if error.get("job_id") else ""
    return f"  line {error['line']}{whose}: {clean(error['code'])}: {clean(error['message'])}"


def _format(name: str) -> str:
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  pathlib is not loaded for it
    if suffix not in FORMATS:
        raise UsageError(f"{name!r} does not tell its format; add --format ndjson or --format csv")
    return FORMATS[suffix]


@contextmanager
def _opened(name: str) -> Iterator[int]:
    """A file descriptor of the input. Raises Failed."""
    if name == "-":
        yield sys.stdin.fileno()
        return
    try:
        source = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Failed(f"{name} cannot be read: {error.strerror}") from error
    try:
        if os.path.isdir(source):  # noqa: PTH112  of an open descriptor
            raise Failed(f"{name} is a directory; give a file of jobs")
        yield source
    finally:
        os.close(source)


@contextmanager
def _error_file(name: str | None) -> Iterator[TextIO | None]:
    """Opened before anything is sent: nothing is taken in whose errors could not be kept. Raises Failed."""
    if name is None:
        yield None
        return
    try:
        file = open(name, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    except OSError as error:
        raise Failed(f"{name} cannot be written: {error.strerror}. Nothing was sent.") from error
    with file:
        yield file
