"""Takes the demo's files of jobs in, each as the account that it is named after, through the ordinary ingest.

Must not know what becomes of the jobs.
"""

from dataclasses import dataclass
from pathlib import Path

from rcq_tui.cli.demo.people import People
from rcq_tui.cli.ingest import FORMATS
from rcq_tui.cli.taking import Wish, summary, take_in

_BEYOND = "IMPOSSIBLE_REQUEST"


@dataclass(slots=True, frozen=True, kw_only=True)
class Taken:
    """What was taken in. failed: lines that were refused and should not have been. beyond: too big for the cards."""

    lines: list[str]
    accepted: int
    failed: int
    beyond: int


def take_all_in(people: People, directory: Path, *, spare_impossible: bool) -> Taken:
    """Every file of `directory`. spare_impossible: jobs too big for other cards than the shipped ones may be refused.

    Raises KeyError for a file that belongs to nobody, Refused and Unreachable.
    """
    lines: list[str] = []
    accepted = failed = beyond = 0
    for path in sorted(path for path in directory.iterdir() if path.suffix in FORMATS):
        with path.open("rb") as source:
            wish = Wish(form=FORMATS[path.suffix])
            taken = take_in(people.wires[path.stem], source.fileno(), wish)
        report = taken.report
        spared = sum(error["code"] == _BEYOND for error in report["errors"]) if spare_impossible else 0
        accepted += report["accepted"]
        failed += report["rejected"] - spared
        beyond += spared
        lines += [f"{path.name}, as {path.stem}: {line.strip()}" for line in summary(taken, wish)]
    return Taken(lines=lines, accepted=accepted, failed=failed, beyond=beyond)
