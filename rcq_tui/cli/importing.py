"""`rcq import`: job scripts for Slurm as scripts for rcq, and what waits in task-spooler as jobs."""

import argparse
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from engine.protocol.errors import EXIT_FAILED, EXIT_PARTLY
from rcq_tui.cli.failures import UsageError, complain
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.request import add_one_run, fields
from rcq_tui.cli.values import skipped_of
from rcq_tui.viewmodel.text import clean

_BACKUP = ".sbatch"


def run(argv: list[str]) -> int:
    """Bring scripts or jobs here."""
    chosen = _parser().parse_args(argv)
    code: int = chosen.act(chosen)
    return code


def _parser() -> argparse.ArgumentParser:
    options = parser(
        "import",
        "Bring here what was prepared for another queue. `slurm` makes #RCQ lines of #SBATCH lines (`rcq submit`\n"
        "takes those, too: it is for scripts that are to stay). `tsp` submits what waits in task-spooler.",
        "rcq import slurm train.sh\nrcq import slurm jobs/*.sh -o for-rcq\nrcq import slurm jobs/*.sh --in-place\n"
        "rcq import tsp --dry-run\nrcq import tsp --gpus 1 --time 8h --take",
    )
    words = options.add_subparsers(metavar="slurm|tsp", required=True)
    slurm = words.add_parser("slurm", help="job scripts with #SBATCH lines")
    slurm.add_argument("scripts", metavar="SCRIPT", nargs="+")
    where = slurm.add_mutually_exclusive_group()
    where.add_argument("-o", "--output", metavar="DIR", help="write the new scripts there")
    where.add_argument("--in-place", action="store_true", help=f"write over them; the old ones stay as NAME{_BACKUP}")
    slurm.add_argument(
        "--skip-sbatch", metavar="NAME,…", type=skipped_of, action="extend", default=[],
        help="leave these options of sbatch out without a word, such as partition,qos",
    )  # fmt: skip
    slurm.set_defaults(act=_slurm)
    tsp = words.add_parser("tsp", help="jobs that wait in task-spooler")
    tsp.add_argument("--dry-run", action="store_true", help="say what would be submitted, submit nothing")
    tsp.add_argument("--take", action="store_true", help="take each out of tsp once it is here")
    tsp.add_argument("--keep", metavar="NAME", action="append", default=[], help="a variable that jobs keep; repeat")
    tsp.add_argument("--tsp", metavar="PROGRAM", default="tsp", help="the program, if it has another name")
    add_one_run(tsp)
    add_json(tsp)
    tsp.set_defaults(act=_tsp)
    return options


# ---------------------------------------------------------------- scripts


def _slurm(chosen: argparse.Namespace) -> int:
    if len(chosen.scripts) > 1 and not (chosen.output or chosen.in_place):
        raise UsageError("several scripts at once go somewhere: give -o DIR, or --in-place")
    if chosen.output:
        try:
            Path(chosen.output).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"no folder can be made at {chosen.output}: {error.strerror}; choose another") from error
    codes = {_script(chosen, name) for name in chosen.scripts}
    return codes.pop() if len(codes) == 1 else EXIT_PARTLY


def _script(chosen: argparse.Namespace, name: str) -> int:
    """One script: 0, 3 if something of it means nothing here, 1 if it was not written."""
    from rcq_tui.cli.migration.scripts import rewritten
    from rcq_tui.cli.script import read_text

    try:
        new = rewritten(read_text(name), chosen.skip_sbatch)
        if new.text is None:
            complain(f"{name} has no #SBATCH lines; it was left alone")
            return 0
        if chosen.in_place or chosen.output:
            written = _write(Path(name), new.text, chosen.output)
            print(f"{clean(name)}: {clean(written)}")
        else:
            print(_shown(new.text), end="")
    except (UsageError, OSError) as error:
        said = f"{error}; it was not written" if isinstance(error, OSError) else str(error)
        complain(said if said.startswith(f"{name} ") else f"{name}: {said}")
        return EXIT_FAILED
    for left in new.left:
        complain(f"{name}, {left}")
    return EXIT_PARTLY if new.left else 0


def _shown(text: str) -> str:
    """The script as it is, but for a terminal harmless."""
    if not sys.stdout.isatty():
        return text
    return "".join(f"{clean(line)}\n" for line in text.splitlines())


def _write(path: Path, text: str, folder: str | None) -> str:
    """Write the new script, never over one that was not read; where it is. Raises OSError, UsageError."""
    target = Path(folder) / path.name if folder else path.resolve()
    backup = target.with_name(target.name + _BACKUP)
    taken = target if folder else backup
    if taken.exists():
        raise UsageError(
            f"{taken} is there already; move it away first{', or choose another folder' if folder else ''}"
        )
    new = target.with_name(f".{target.name}.new")
    try:
        new.write_text(text, encoding="utf-8")
        new.chmod(path.stat().st_mode & 0o7777)
        if folder is None:
            os.link(target, backup)
        new.replace(target)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    return str(target)


# ---------------------------------------------------------------- task-spooler


def _tsp(chosen: argparse.Namespace) -> int:
    from rcq_tui.cli.call import engine, print_json
    from rcq_tui.cli.migration.moving import MARGIN_S, Outcome, move, prepared, take, unkept
    from rcq_tui.cli.migration.spooler import Spooler

    outcome = Outcome()
    spooler = Spooler(chosen.tsp)
    jobs = list(prepared(spooler, _asked(chosen), chosen.keep, outcome))
    if (told := unkept(jobs, os.environ)) is not None:
        outcome.notes.append(told)
    if not chosen.dry_run:
        wire = engine()
        move(wire, jobs, outcome, time.time() + MARGIN_S if chosen.take else None)
        if chosen.take:
            take(wire, spooler.remove, jobs, outcome)
    brought = [one for one in jobs if chosen.dry_run or one.queued.id in outcome.moved]
    if chosen.json:
        items = [{"tsp": one.queued.id, "id": outcome.moved.get(one.queued.id), "job": one.job} for one in brought]
        left = [{"tsp": number, "why": why} for number, why in outcome.left.items()]
        print_json({"items": items, "left": left, "taken": chosen.take and not chosen.dry_run})
    else:
        for one in brought:
            print(f"tsp {one.queued.id}: {_became(chosen, one, outcome)}")
    for note in outcome.notes:
        complain(note)
    for number, why in outcome.left.items():
        complain(f"tsp {number} stays there: {why}")
    if brought and not chosen.dry_run and not chosen.take:
        complain("tsp has them still and would run them too; take them out with: rcq import tsp --take")
    return (EXIT_PARTLY if brought else EXIT_FAILED) if outcome.left else 0


def _asked(chosen: argparse.Namespace) -> dict[str, Any]:
    """What the command line asks for all of them; the directory is their own unless it is said."""
    asked = fields(chosen, everything=False)
    if "after" in asked or "begin" in asked:
        raise UsageError("jobs of tsp wait as they did there; leave --after and --begin out")
    return asked


def _became(chosen: argparse.Namespace, one: Any, outcome: Any) -> str:
    what = f"{clean(shlex.join(one.job['command']))} in {clean(one.job['workdir'])}"
    if chosen.dry_run:
        return what + (f", after tsp {one.needs}" if one.needs is not None else "")
    number = one.queued.id
    return f"{'was' if number in outcome.known else 'is'} job {outcome.moved[number]}: {what}"
