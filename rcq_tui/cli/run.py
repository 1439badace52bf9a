"""`rcq run`: a command in the foreground, on what it asked for."""

from typing import TYPE_CHECKING, Any

from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.filenames import by_name, named
from rcq_tui.cli.options import parser
from rcq_tui.cli.request import add_one_run, fields
from rcq_tui.cli.submit import split

if TYPE_CHECKING:
    from argparse import Namespace

    from rcq_tui.cli.foreground import Wanted
    from rcq_tui.cli.options import Takes


def run(argv: list[str]) -> int:
    """Run it and return as it does."""
    own, words, _ = split(argv)
    options = parser(
        "run",
        "Run a command in the foreground as a job: wait for its turn, then pass terminal, input, output and signals\n"
        "through and return its exit code. It has your environment and this directory. ^C while it waits cancels it.",
        "rcq run --gpus 1 -- python train.py --lr 3e-4\n"
        "rcq run --gpus 1 --time 10m -- nvidia-smi\n"
        "zcat big.csv.gz | rcq run --memory 64G -- ./sort-it > sorted.csv\n"
        "rcq run --gpus 2 --env WANDB_MODE=offline -- bash",
        usage="rcq run [OPTIONS] [--] COMMAND…",
    )
    add_foreground(options)
    chosen = options.parse_args(own)
    if not words:
        raise UsageError("there is nothing to run; write rcq run [OPTIONS] -- COMMAND…. See: rcq run --help")
    from rcq_tui.cli.foreground import in_foreground

    return in_foreground(wanted(chosen, words, aloud=False))


def add_foreground(to: "Takes") -> None:
    """The options of a command in the foreground."""
    add_one_run(to)
    to.add_argument(
        "--file", metavar="[NAME=]PATH", type=named, action="append", default=[],
        help="a copy of this file in the job's folder ($RCQ_JOB_DIR), under its own name or NAME; repeat",
    )  # fmt: skip
    to.add_argument("--job-id", metavar="TEXT", help="your own key; a repeat is refused")


def wanted(chosen: "Namespace", words: list[str], *, aloud: bool) -> "Wanted":
    """What the command line asks for."""
    from rcq_tui.cli.foreground import Wanted

    chosen.snapshot = False
    job: dict[str, Any] = {**fields(chosen), "command": words}
    return Wanted(job, by_name(chosen.file), job.pop("environment", {}), aloud)
