"""`rcq submit`: a command or a script as one job."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.everyday import Chosen, Everyday
from rcq_tui.cli.failures import UsageError, complain
from rcq_tui.cli.filenames import by_name
from rcq_tui.cli.files import TIMEOUT_S, Source, opened, staged
from rcq_tui.cli.options import add_json, everyday, unfit
from rcq_tui.cli.request import SWITCHES, add_submission, fields
from rcq_tui.cli.rows import Row, reason_sentences, under
from rcq_tui.cli.script import script_text
from rcq_tui.cli.targets import awaited
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.helps import helps_of, start_sentence

if TYPE_CHECKING:
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
    with ExitStack() as stack:
        sources = stack.enter_context(opened(files))
        code = _code(job, stack) if job.pop("snapshot", False) else None
        wire = engine(TIMEOUT_S) if files or code else engine()
        if "after" in job:
            job["after"] = awaited(wire, job["after"])
        if chosen.dry_run:
            answer = wire.request("POST", "/v1/jobs", {"dry_run": 1}, job)
            print_json(answer) if chosen.json else print("\n".join(previewed(answer, time.time())))
            return 0
        taken = _submitted(wire, job, sources, code)
    print_json(taken) if chosen.json else print(taken["id"], flush=True)
    if chosen.wait:
        from rcq_tui.cli.wait import wait_for, wait_for_array

        is_array = "array" in job and "cron" not in job
        return wait_for_array(wire, taken["id"]) if is_array else wait_for(wire, taken["id"])
    return 0


def _submitted(wire: Wire, job: dict[str, Any], sources: Mapping[str, Source], code: "Code | None") -> Row:
    """The job with its files and its code, which are not left behind if it is refused."""
    with staged(wire, sources) as given, staged(wire, code.sources if code else {}) as parts:
        body = {**job, "files": given} if given else job
        if code:
            body = {**body, "snapshot": code.facts | {one["name"]: one["upload"] for one in parts}}
        taken: Row = wire.request("POST", "/v1/jobs", body=body)
        return taken


class Code(NamedTuple):
    """Captured code that is to be sent. sources: open files by the part of the field that they become."""

    sources: dict[str, Source]
    facts: dict[str, Any]


def _code(job: dict[str, Any], stack: ExitStack) -> Code:
    """The code around the working directory, in which the job runs wherever it is then."""
    from rcq_tui.cli.capture import captured

    found = stack.enter_context(captured(job.pop("workdir")))
    paths = {"upload": found.tree} | ({"diff": found.diff} if found.diff else {})
    return Code(stack.enter_context(opened(paths)), found.facts)


def previewed(answer: Row, now: float) -> list[str]:
    """What would become of the job, as lines."""
    if answer["starts_now"]:
        return ["It would start now; nothing was submitted."]
    place = f"position {answer['position']} of {answer['pending']}"
    starts = [line] if (line := start_sentence(answer, now)) else []
    reasons = under("It would not start now because:", reason_sentences(answer["reasons"], now))
    helps = under("What would help:", helps_of(answer, now))
    return [f"It would wait, at {place}; nothing was submitted.", *starts, *reasons, *helps]


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
    text = None if is_command else script_text(words[0])
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
        "--skip-sbatch", metavar="NAME,…", type=_names, action="extend", default=[],
        help="leave these options of sbatch out, such as partition,qos",
    )  # fmt: skip
    options.add_argument("--wait", action="store_true", help="wait for its end and return its exit code")
    options.add_argument("--dry-run", action="store_true", help="say whether and when it would start, submit nothing")
    return options


def _names(text: str) -> list[str]:
    """Options of sbatch by name, with or without their dashes."""
    from rcq_tui.cli.slurm.grammar import KNOWN

    names = [name.strip().lstrip("-") for name in text.split(",")]
    if unknown := [name for name in names if name not in KNOWN]:
        raise unfit(f"{unknown[0]!r} is no option of sbatch; write its long name, such as partition,qos")
    return names
