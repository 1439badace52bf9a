"""The demo's course: engine, people, jobs, then the terminal UI, or a report where there is no terminal.

Whatever happens, the engine, its supervisor and the jobs are ended and the files removed.
"""

import signal
import sys
import time
from pathlib import Path
from typing import Any

import config
from engine.protocol.errors import EXIT_DONE, EXIT_FAILED
from rcq_tui.cli.demo.host import Host
from rcq_tui.cli.demo.people import People, load_people, settle
from rcq_tui.cli.demo.report import Judged, closing_words, gpu_lines, job_lines, judge
from rcq_tui.cli.demo.watch import Watched, watch
from rcq_tui.cli.demo.workload import Taken, take_all_in
from rcq_tui.cli.failures import Failed, UsageError
from rcq_tui.cli.options import parser
from rcq_tui.cli.queue import at_least_one

SHIPPED = Path(config.__file__).parent / "demo"


def run(argv: list[str]) -> int:
    """Run the demo. Without a terminal: 0 only if every job ended as it should."""
    options = parser(
        "demo",
        "See rcq at work: an engine of its own on simulated GPUs takes the shipped jobs in and runs them as real\n"
        "processes. On a terminal the UI opens on it; without one it runs to the end and reports. It leaves nothing.",
        "rcq demo\nrcq demo --gpus 8\nrcq demo --real\nrcq demo < /dev/null",
    )
    options.add_argument("--gpus", metavar="N", type=at_least_one, help="so many simulated GPUs")
    options.add_argument("--real", action="store_true", help="on this machine's own GPUs")
    chosen = options.parse_args(argv)
    if chosen.real and chosen.gpus:
        raise UsageError("--gpus is about simulated GPUs; leave it out with --real")
    _end_by_exceptions()
    with Host(SHIPPED, chosen.gpus, chosen.real) as host:
        return _on(host, as_shipped=not (chosen.real or chosen.gpus))


def _on(host: Host, as_shipped: bool) -> int:
    _say(f"engine started on {host.socket} (files: {host.directory})")
    admin = host.wire(None)
    people = settle(admin, load_people(SHIPPED / "people.toml"))
    _say_who(people)
    cards = people.admin.request("GET", "/v1/gpus")["items"]
    if not cards:
        raise Failed("the engine found no GPUs here; run the demo without --real, or see `rcq doctor`")
    _say(f"{len(cards)} GPUs: {', '.join(sorted({card['model'] for card in cards}))}")
    taken = take_all_in(people, SHIPPED / "jobs", spare_impossible=not as_shipped)
    for line in taken.lines:
        _say(line)
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _open_ui(host, people)
    return _report(people, taken, watch(people.admin, _say))


def _open_ui(host: Host, people: People) -> int:
    from rcq_tui.tui.main import run as open_ui

    _say("opening the terminal UI; when you quit, the engine and its jobs are ended")
    code: int = open_ui(host.socket, people.admin.token)
    _say("the engine and its jobs are being ended")
    return code


def _report(people: People, taken: Taken, watched: Watched) -> int:
    judged = [judge(job, watched.held_by.get(job["id"], [])) for job in watched.jobs]
    sections: list[list[str]] = [gpu_lines(watched), job_lines(judged), closing_words(judged, taken, watched)]
    print("\n" + "\n\n".join("\n".join(lines) for lines in sections))
    return EXIT_DONE if _all_well(judged, taken, watched) else EXIT_FAILED


def _all_well(judged: list[Judged], taken: Taken, watched: Watched) -> bool:
    return watched.complete and not taken.failed and bool(judged) and all(job.as_expected for job in judged)


def _say_who(people: People) -> None:
    _say(f"accounts: {', '.join(people.described)}; password of each, for this run: {people.password}")


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def _end_by_exceptions() -> None:
    """Being told to end must not skip the clean-up."""

    def end(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
