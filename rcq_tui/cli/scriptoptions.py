"""What a script's `#RCQ` and `#SBATCH` lines ask for, as options of `rcq submit`. `#RCQ` lines win.

Must not know where a job is sent.
"""

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rcq_tui.cli.everyday import Chosen, Everyday
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.request import add_submission
from rcq_tui.cli.script import Directive, head_of


class Understood(NamedTuple):
    """options: those of all lines, the weaker ones first. text: the script as it is to run. notes: what to know."""

    options: list[str]
    text: str
    notes: list[str]


class CannotBeDone(UsageError):
    """Lines of a script have no meaning here. problems: each of them, one sentence."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            "nothing was submitted. Mend these lines, or have options left out by name: "
            "rcq submit --skip-sbatch NAME,… See docs/slurm-scripts.md"
        )
        self.problems = problems


def understood(text: str, skip: Iterable[str] = (), *, gpus: int | None = None, cores: int | None = None) -> Understood:
    """skip: options of sbatch to be left out. gpus, cores: what wins over all lines. Raises UsageError."""
    head = head_of(text)
    ours = [word for line in head.rcq for word in read(line)]
    if not head.slurm:
        return Understood(ours, text, [])
    from rcq_tui.cli.slurm.body import missing
    from rcq_tui.cli.slurm.together import Sizes
    from rcq_tui.cli.slurm.translation import translated

    said = chosen(ours)
    sizes = Sizes(said.gpus if gpus is None else gpus, said.cores if cores is None else cores)
    found = translated(head.slurm, sizes=sizes, environ=os.environ, skip=frozenset(skip))
    problems = [f"line {one.line}: {one.text}" for one in found.problems]
    if problems:
        raise CannotBeDone(problems)
    theirs = [word for one in found.asked for word in read(Directive(one.line, one.options))]
    notes = [f"line {one.line}: {one.text}" for one in missing(text)]
    return Understood([*theirs, *ours], _with(text, found.redirects), notes)


def read(line: Directive) -> list[str]:
    """The options of one line, if they are options and nothing else. Raises UsageError with the line's number."""
    try:
        reader().parse_args(line.options)
    except UsageError as error:
        raise UsageError(f"line {line.line}: {error}") from error
    return line.options


def reader() -> Everyday:
    """What reads the options that a script may have."""
    options = Everyday(prog="rcq submit", add_help=False)
    add_submission(options)
    return options


def chosen(options: Sequence[str]) -> Chosen:
    """What the options of a script say."""
    return reader().parse_args(options)


def _with(text: str, redirects: dict[int, str]) -> str:
    """The text with some lines replaced, so that all others keep their numbers."""
    lines = text.splitlines(keepends=True)
    for number, bash in redirects.items():
        was = lines[number - 1]
        lines[number - 1] = f"{bash}  # {was.strip().lstrip('#')}{was[len(was.rstrip()) :] or chr(10)}"
    return "".join(lines)
