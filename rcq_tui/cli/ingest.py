"""`rcq ingest`: many jobs from a file, a FIFO or standard input, which is streamed and never read whole."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from engine.protocol.errors import EXIT_DONE, EXIT_FAILED, EXIT_PARTLY
from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.errorfile import ErrorFile, error_file
from rcq_tui.cli.failures import EXIT_INTERRUPTED, Failed, UsageError, complain
from rcq_tui.cli.interruption import stopping
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.progress import Progress
from rcq_tui.cli.taking import TYPES, Taken, Wish, gone_in, summary, take
from rcq_tui.client.source import Descriptor
from rcq_tui.client.unpack import SUFFIXES, Unpacked
from rcq_tui.client.wholelines import WholeLines

FORMATS = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv"}
"""Suffix → format."""
_TIMEOUT_S = 120.0
_READ_BYTES = 32 * 1024
"""What is read at once: packed, it may be fifty times as many, and the bar shall not jump."""
_STOPPING = "stops behind a whole line and waits for the engine's report; once more leaves at once"


def run(argv: list[str]) -> int:
    """Take a file of jobs in."""
    chosen = _options().parse_args(argv)
    form, packed = chosen.format or _format(chosen.file), _packed(chosen.file)
    wish = Wish(form=form, dry_run=chosen.dry_run, resume=chosen.resume)
    with _opened(chosen.file) as source, error_file(chosen.errors, source) as errors:
        wire = engine(_TIMEOUT_S)
        progress = Progress(os.fstat(source).st_size)
        with stopping(_STOPPING) as stop:
            lines = WholeLines(Unpacked(Descriptor(source, _READ_BYTES), packed), stop, quoted=form == "csv")
            try:
                taken = take(wire, lines, wish, progress, errors)
            except KeyboardInterrupt:
                complain(f"left before the engine's report. {progress.so_far()} More may have gone in.{wish.again()}")
                return EXIT_INTERRUPTED
    _tell(chosen, wish, taken, errors)
    return _exit_code(taken, wish, errors)


def _options() -> ArgumentParser:
    options = parser(
        "ingest",
        "Submit the jobs of an NDJSON or CSV file, also one packed with gzip or zstd. Good lines go in whatever the\n"
        "bad ones hold. Mend `input` in the file of --errors, and ingest that file. ^C stops behind a whole line and\n"
        "reports; the same command with --resume adds the rest.\n"
        "Exit code: 0 all, 3 some, 1 none or a file that breaks off, 130 interrupted.",
        "rcq ingest sweep.ndjson\nrcq ingest jobs.csv.zst --errors bad.ndjson\n"
        "rcq ingest jobs.csv.zst --resume\nmake-jobs | rcq ingest - --format ndjson",
    )
    options.add_argument("file", metavar="FILE", help="the file, or - for standard input")
    options.add_argument(
        "--format", choices=sorted(TYPES), help="unless the suffix tells: .ndjson .jsonl .csv, also before .gz .zst"
    )
    options.add_argument("--dry-run", action="store_true", help="check every line, submit nothing")
    options.add_argument(
        "--resume", action="store_true", help="jobs whose job_id is there already are done, and no errors"
    )
    options.add_argument(
        "--errors", metavar="FILE", help="write every error with its line to FILE, as NDJSON that can be ingested"
    )
    add_json(options)
    return options


def _tell(chosen: Namespace, wish: Wish, taken: Taken, errors: ErrorFile | None) -> None:
    if chosen.json:
        print_json(taken.report | ({"interrupted": True} if taken.cut_short else {}))
    else:
        print("\n".join(summary(taken, wish, chosen.errors)))
    if taken.broken is not None:
        name = "standard input" if chosen.file == "-" else chosen.file
        before = f"The {taken.lines} whole lines before that were sent. Get the whole of it.{wish.again()}"
        complain(f"{name} {taken.broken}. {before if taken.lines else 'Nothing was sent.'}")
    if errors is not None and errors.failed is not None:
        complain(f"{chosen.errors} cannot be written on ({errors.failed}), so reading was stopped.{wish.again()}")


def _exit_code(taken: Taken, wish: Wish, errors: ErrorFile | None) -> int:
    if taken.broken is not None or (errors is not None and errors.failed is not None):
        return EXIT_FAILED
    if taken.cut_short:
        return EXIT_INTERRUPTED
    if not taken.report["rejected"]:
        return EXIT_DONE
    return EXIT_PARTLY if gone_in(taken, wish) else EXIT_FAILED


def _format(name: str) -> str:
    base, suffix = os.path.splitext(name.lower())  # noqa: PTH122  pathlib is not loaded for it
    if suffix in SUFFIXES:
        suffix = os.path.splitext(base)[1]  # noqa: PTH122
    if suffix not in FORMATS:
        lists = "; one JSON list becomes NDJSON with: jq -c '.[]'" if suffix == ".json" else ""
        raise UsageError(f"{name!r} does not tell its format; add --format ndjson or --format csv{lists}")
    return FORMATS[suffix]


def _packed(name: str) -> str | None:
    return SUFFIXES.get(os.path.splitext(name.lower())[1])  # noqa: PTH122


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
