"""A job script for Slurm as one for rcq: each `#SBATCH` line becomes an `#RCQ` line, or a comment that says why not.

Must not know where scripts are read from or written to.
"""

import shlex
from collections.abc import Iterable
from typing import NamedTuple

from rcq_tui.cli.script import Directive, head_of
from rcq_tui.cli.scriptoptions import chosen
from rcq_tui.cli.slurm.body import missing
from rcq_tui.cli.slurm.together import Sizes
from rcq_tui.cli.slurm.translation import Translation, translated


class Rewritten(NamedTuple):
    """text: the script for rcq, `None` where there is nothing of Slurm's in it. left: what means nothing here."""

    text: str | None
    left: list[str]


def rewritten(text: str, skip: Iterable[str] = ()) -> Rewritten:
    """skip: options of sbatch that are left out without a word. Raises UsageError for lines that had no effect."""
    head = head_of(text)
    if not head.slurm:
        return Rewritten(None, [])
    said = chosen([word for line in head.rcq for word in line.options])
    found = translated(head.slurm, sizes=Sizes(said.gpus, said.cores), skip=frozenset(skip))
    left = [f"line {one.line}: {one.text}" for one in [*found.problems, *missing(text)]]
    return Rewritten(_text(text.splitlines(keepends=True), head.rcq, head.slurm, found), left)


def _text(lines: list[str], ours: list[Directive], theirs: list[Directive], found: Translation) -> str:
    """The lines of our own that stand above one of Slurm's move below it: they win, and the later one does."""
    last = max(line.line for line in theirs)
    moved = {line.line for line in ours if line.line < last}
    new: list[str] = []
    for number, line in enumerate(lines, 1):
        if number in {one.line for one in theirs}:
            new += _replaced(number, line, found)
        elif number not in moved:
            new.append(line)
        if number == last:
            new += [lines[one - 1] for one in sorted(moved)]
        if number == max([last, *(one.line for one in ours)]):
            new += [f"{bash}\n" for bash in found.redirects.values()]
    return "".join(new)


def _replaced(number: int, line: str, found: Translation) -> list[str]:
    options = [shlex.join(one.options) for one in found.asked if one.line == number and one.options]
    problems = [f"# not in rcq: {one.text}\n" for one in found.problems if one.line == number]
    new = [f"#RCQ {' '.join(options)}\n"] if options else []
    kept = [] if options and not problems else [f"# {line.strip().lstrip('#')}\n"]
    return [*new, *kept, *problems]
