"""`rcq hold`: keeps pending jobs from starting."""

from rcq_tui.cli.call import engine
from rcq_tui.cli.options import parser
from rcq_tui.cli.rows import Row
from rcq_tui.cli.targets import HELP, Step, take, targets
from rcq_tui.viewmodel.states import LEASED

HOLD = Step("POST", "/hold", "held", "were not pending", "are taken back from Slurm's queue", abreast=32)


def run(argv: list[str]) -> int:
    """Hold the jobs that are named."""
    options = parser(
        "hold",
        "Keep pending jobs from starting until they are released.\n"
        "A job that waits in Slurm's queue is taken back from there.",
        "rcq hold 12\nrcq hold 10-20 31\nrcq hold '7[3-5]' '9[]'",
    )
    options.add_argument("ids", metavar="ID", nargs="+", help=HELP)
    wanted = targets(options.parse_args(argv).ids)
    return take(engine(), wanted, HOLD, _told)


def _told(job: Row) -> str:
    """Slurm may be away: then it is held as soon as that answers."""
    state = job["state"]
    return f"is being taken back from Slurm's queue (now {state})" if state in LEASED else str(state)
