"""`rcq adopt`: makes a process that is on a GPU a job of one's own."""

from typing import Any

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import add_json, parser
from rcq_tui.viewmodel.text import clean
from rcq_tui.viewmodel.units import seconds


def run(argv: list[str]) -> int:
    """Adopt one process."""
    options = parser(
        "adopt",
        "Make a running process that is on a GPU, such as one that was started by hand, a job of yours: its GPUs are\n"
        "leased, its time limit counts from now, `rcq cancel` ends it with its children. It must be of the Unix user\n"
        "that your account is linked to (admins: any). Its output stays where it writes it, its exit code cannot be\n"
        "known, and it cannot be requeued.",
        "rcq adopt 48213\nrcq adopt 48213 --time-limit 12h --name finetune",
    )
    options.add_argument("pid", metavar="PID", help="as `rcq gpus` and nvidia-smi show it")
    options.add_argument("--time-limit", metavar="D", help="it is ended after so long: 90m, 4h, 2d; else the default")
    options.add_argument("--name", metavar="TEXT", help="of the job")
    options.add_argument("--group", metavar="NAME", help="must be yours, unless you are an admin")
    add_json(options)
    chosen = options.parse_args(argv)
    job = engine().request("POST", "/v1/adopt", body=_body(chosen))
    if chosen.json:
        print_json(job)
        return 0
    number = job["id"]
    cards = ", ".join(str(index) for index in job["gpu_indices"])
    print(f"process {chosen.pid} is job {number} on GPU {cards}, now {clean(job['state'])}")
    print(f"end it with: rcq cancel {number}")
    return 0


def _body(chosen: Any) -> dict[str, Any]:
    if not (chosen.pid.isascii() and chosen.pid.isdigit() and int(chosen.pid) > 0):
        raise UsageError(f"{chosen.pid!r} is no process id; `rcq gpus` shows who is on which GPU")
    body: dict[str, Any] = {"pid": int(chosen.pid), "name": chosen.name, "group": chosen.group}
    if chosen.time_limit is not None:
        try:
            body["time_limit_s"] = seconds(chosen.time_limit)
        except ValueError as error:
            raise UsageError(str(error)) from error
    return {name: value for name, value in body.items() if value is not None}
