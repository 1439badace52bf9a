"""`rcq release`: lets held jobs go on."""

from rcq_tui.cli.call import engine
from rcq_tui.cli.options import parser
from rcq_tui.cli.targets import HELP, Step, take, targets

RELEASE = Step("POST", "/release", "pending", "were not held")


def run(argv: list[str]) -> int:
    """Release the jobs that are named."""
    options = parser(
        "release",
        "Let held jobs go on; they keep their place by the time of their submission.",
        "rcq release 12\nrcq release 10-20 31\nrcq release '7[3-5]' '9[]'",
    )
    options.add_argument("ids", metavar="ID", nargs="+", help=HELP)
    wanted = targets(options.parse_args(argv).ids)
    return take(engine(), wanted, RELEASE, lambda job: str(job["state"]))
