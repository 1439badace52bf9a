"""A job's fields as options of the command line, and back into the protocol's names and units.

`rcq submit` and the `#RCQ` lines of a script use the same. Must not know where a job is sent.
"""

import os
from typing import TYPE_CHECKING, Any

from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.filenames import named
from rcq_tui.cli.options import pair
from rcq_tui.cli.values import array_of, awaited_of, duration_of, moment_of, size_of, variable

if TYPE_CHECKING:
    from argparse import Namespace

    from rcq_tui.cli.everyday import Chosen
    from rcq_tui.cli.options import Takes

SWITCHES = (
    *("--share", "--no-share", "--preemptible", "--no-preemptible", "--idle-ok", "--no-idle-ok"),
    *("--anywhere", "--no-anywhere", "--snapshot"),
)
"""The options here that take no value."""

_PLAIN = {
    "gpus": "gpus",
    "gpu_type": "gpu_type",
    "gpu_memory": "gpu_memory_mb",
    "share": "gpu_share",
    "cores": "cpu_cores",
    "memory": "memory_mb",
    "time": "time_limit_s",
    "priority": "priority",
    "preemptible": "preemptible",
    "gpu_power": "gpu_power_w",
    "idle_ok": "idle_ok",
    "anywhere": "anywhere",
    "name": "name",
    "job_id": "job_id",
    "group": "group",
    "service": "service",
    "workdir": "workdir",
    "image": "image",
    "retries": "retries",
    "array": "array",
    "begin": "begin",
    "cron": "cron",
}
"""Option (as argparse names it) → field."""


def add_submission(to: "Takes") -> None:
    """The options for a job's fields, those that name it for good included."""
    add_request(to)
    to.add_argument(
        "--file", metavar="[NAME=]PATH", type=named, action="append", default=[],
        help="a copy of this file in the job's folder ($RCQ_JOB_DIR), under its own name or NAME; repeat",
    )  # fmt: skip
    to.add_argument("--snapshot", action="store_true", help="run the code of this git repository as it is now")
    to.add_argument("--job-id", metavar="TEXT", help="your own key; a repeat is refused")
    to.add_argument("--array", metavar="I", type=array_of, help="one job for each index: 0-99, 1,3,7-9; %%4: 4 at once")


def add_request(to: "Takes") -> None:
    """The options for what can be changed while a job waits. What is not given is left to the engine."""
    add_one_run(to)
    to.add_argument("--retries", metavar="N", type=int, help="further attempts after one that failed, 0 to 100")
    to.add_argument("--image", metavar="NAME", help="run it in this container image, or .sif file")
    to.add_argument("--anywhere", action="yes-no", help="may run on Slurm if there is no room here soon, or ever")
    to.add_argument("--cron", metavar="LINE", help="submit a copy whenever it comes: '30 2 * * 1-5'")


def add_one_run(to: "Takes") -> None:
    """Those of a job that runs once, as a command in the foreground does."""
    to.add_argument("--gpus", metavar="N", type=int, help="how many GPUs, all or nothing")
    to.add_argument("--gpu-type", metavar="WORDS", help="words of the model name, such as a100")
    to.add_argument("--gpu-memory", metavar="SIZE", type=size_of, help="needed on each GPU: 16G, 512M")
    to.add_argument("--share", action="yes-no", help="this memory of one GPU is enough; others may use the rest")
    to.add_argument("--gpu-power", metavar="W", type=int, help="hold each of its cards to so many watts")
    to.add_argument("--cores", metavar="N", type=int, help="CPU cores")
    to.add_argument("--memory", metavar="SIZE", type=size_of, help="host memory: 64G")
    to.add_argument(
        "--time", metavar="TIME", type=duration_of, help="time limit: 90s, 2h30m, 1-02:00:00, plain seconds"
    )
    to.add_argument("--priority", metavar="N", type=int, help="1 to 10, 5 unless given")
    to.add_argument("--preemptible", action="yes-no", help="may be stopped and requeued for others")
    to.add_argument("--idle-ok", action="yes-no", help="may hold GPUs that it does not use")
    to.add_argument("--name", metavar="TEXT")
    to.add_argument("--group", metavar="G", help="the group that pays; yours unless given")
    to.add_argument("--service", metavar="S", help="the kind of work, which has its own cap")
    to.add_argument("--workdir", metavar="DIR", help="where it runs; here unless given")
    to.add_argument("--env", metavar="K=V", type=variable, action="append", default=[], help="repeat; K alone: as here")
    to.add_argument(
        "--after", metavar="ID[:WHEN],…", type=awaited_of, action="extend", default=[],
        help="wait for these jobs to be ok (or: failed, any); repeat",
    )  # fmt: skip
    to.add_argument("--begin", metavar="WHEN", type=moment_of, help="not before 22:00, now+2h, 2026-12-01T08:00")
    to.add_argument("--tag", metavar="K=V", type=pair, action="append", default=[], help="repeat")


def fields(options: "Chosen | Namespace", *, everything: bool = True) -> dict[str, Any]:
    """The fields that were given. everything: with those that this side fills in for a whole request."""
    given = {field: getattr(options, option, None) for option, field in _PLAIN.items()}
    request = {field: value for field, value in given.items() if value is not None}
    if everything or "workdir" in request:
        request["workdir"] = _workdir(request.get("workdir", "."))
    if everything and options.snapshot:
        request["snapshot"] = True
    if options.env:
        request["environment"] = dict(options.env)
    if options.after:
        request["after"] = options.after
    if options.tag:
        request["tags"] = dict(options.tag)
    return request


def _workdir(path: str) -> str:
    try:
        return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111  pathlib keeps `..`
    except FileNotFoundError as error:
        raise UsageError("the directory you stand in is gone; give --workdir DIR") from error
