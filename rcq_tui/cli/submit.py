"""`rcq submit`: a command or a script as one job."""

import os
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.everyday import Chosen, Everyday
from rcq_tui.cli.failures import UsageError, complain
from rcq_tui.cli.filenames import by_name
from rcq_tui.cli.options import add_json, everyday
from rcq_tui.cli.request import SWITCHES, add_submission, fields
from rcq_tui.cli.values import skipped_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rcq_tui.cli.parcels import Parcels
    from rcq_tui.cli.scriptoptions import Understood

_OWN_SWITCHES = ("--json", "--parsable", "--wait", "--dry-run", "-h", "--help")


def run(argv: list[str]) -> int:
    """Submit one job, or one array of jobs, and print its id."""
    own, words, is_command = split(argv)
    options = _parser()
    chosen = options.parse_args(own)  # before anything else: here --help ends it, and mistakes are named first
    if not words:
        raise UsageError("there is nothing to run; write rcq submit [OPTIONS] COMMAND…. See: rcq submit --help")
    job, files = request(own, words, is_command)
    if chosen.wait and "cron" in job:
        raise UsageError("a recurring job never ends; leave one of --wait and --cron out")
    with _parcels(job, files) as parts:
        wire = engine() if parts is None else engine(parts.timeout_s)
        if "after" in job:
            from rcq_tui.cli.targets import awaited

            job["after"] = awaited(wire, job["after"])
        if chosen.dry_run:
            return _preview(wire.request("POST", "/v1/jobs", {"dry_run": 1}, job), as_json=chosen.json)
        taken = wire.request("POST", "/v1/jobs", body=job) if parts is None else parts.submitted(wire, job)
    print_json(taken) if chosen.json else print(taken["id"], flush=True)
    if chosen.wait:
        from rcq_tui.cli.wait import wait_for, wait_for_array

        is_array = "array" in job and "cron" not in job
        return wait_for_array(wire, taken["id"]) if is_array else wait_for(wire, taken["id"])
    return 0


def _parcels(job: dict[str, Any], files: dict[str, str]) -> "AbstractContextManager[Parcels | None]":
    """What goes with the job, opened; `None` where it goes alone."""
    if not files and "snapshot" not in job:
        return nullcontext()
    from rcq_tui.cli.parcels import parcels

    return parcels(job, files)


def _preview(answer: dict[str, Any], *, as_json: bool) -> int:
    from rcq_tui.cli.preview import previewed

    print_json(answer) if as_json else print("\n".join(previewed(answer, time.time())))
    return 0


def split(argv: list[str]) -> tuple[list[str], list[str], bool]:
    """Options of rcq, the words of the job, and whether `--` says that they are a command in any case.

    The job's own options are never looked at: everything after its first word is the job's.
    """
    at = 0
    while at < len(argv) and argv[at].startswith("-") and argv[at] != "-":
        if argv[at] == "--":
            return argv[:at], argv[at + 1 :], True
        alone = "=" in argv[at] or argv[at] in SWITCHES or argv[at] in _OWN_SWITCHES
        takes_value = not alone and argv[at + 1 : at + 2] != ["--"]
        at += 2 if takes_value else 1
    return argv[:at], argv[at:], False


def request(own: list[str], words: list[str], is_command: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """The job as the API takes it but for its files, and the paths of these by name.

    A script's lines count less than the command line. Raises UsageError.
    """
    text = None if is_command else _script_text(words[0])
    if text is None:
        return {**_fields(own), "command": words}, _files(own)
    script = _understood(words[0], text, _parser().parse_args(own))
    job = {**_fields(script.options + own), "script": script.text}
    job.setdefault("name", words[0].rpartition("/")[2])
    return {**job, "args": words[1:]} if words[1:] else job, _files(script.options) | _files(own)


def _understood(name: str, text: str, own: Chosen) -> "Understood":
    """What the script says, after the notes on it were told. own: what wins. Raises UsageError, each line named."""
    from rcq_tui.cli.scriptoptions import CannotBeDone, understood

    try:
        script = understood(text, own.skip_sbatch, gpus=own.gpus, cores=own.cores)
    except CannotBeDone as error:
        for problem in error.problems:
            complain(f"{name}, {problem}")
        raise
    except UsageError as error:
        raise UsageError(f"{name}, {error}") from error
    for note in script.notes:
        complain(f"{name}, {note}")
    return script


def _script_text(word: str) -> str | None:
    """The script, if the word names one. Most words name no file: for those nothing more is loaded."""
    if not os.path.isfile(word):  # noqa: PTH113  nor is pathlib
        return None
    from rcq_tui.cli.script import script_text

    return script_text(word)


def _fields(own: list[str]) -> dict[str, Any]:
    return fields(_parser().parse_args(own))


def _files(own: list[str]) -> dict[str, str]:
    return by_name(_parser().parse_args(own).file)


def _parser() -> Everyday:
    options = everyday(
        "submit",
        "Submit a command or a shell script as one job and print its id. A script (its name ends in .sh, or its first "
        "line\nnames a shell) is sent as it is now; its lines `#RCQ --gpus 2 …` and `#SBATCH …` before the first "
        "command are options.",
        "rcq submit --gpus 1 --time 2h30m python train.py --lr 3e-4\n"
        "rcq submit --gpus 4 --gpu-type a100 --name big train.sh run7\n"
        "rcq submit --file data.csv --file conf.yaml=run7.yaml -- sh -c 'cd $RCQ_JOB_DIR && python train.py'\n"
        "rcq submit --wait -- ./build.sh && rcq submit --dry-run --gpus 64 true",
        usage="rcq submit [OPTIONS] [--] COMMAND…  |  rcq submit [OPTIONS] SCRIPT [ARGS…]",
    )
    add_submission(options)
    printed = options.add_mutually_exclusive_group()
    add_json(printed)
    printed.add_argument("--parsable", action="store_true", help="print the id alone, as without it")
    options.add_argument(
        "--skip-sbatch", metavar="NAME,…", type=skipped_of, action="extend", default=[],
        help="leave these options of sbatch out, such as partition,qos",
    )  # fmt: skip
    options.add_argument("--wait", action="store_true", help="wait for its end and return its exit code")
    options.add_argument("--dry-run", action="store_true", help="say whether and when it would start, submit nothing")
    return options
