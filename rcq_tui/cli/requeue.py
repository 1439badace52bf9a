"""`rcq requeue`: runs jobs again, as their next attempt."""

from rcq_tui.cli.call import engine
from rcq_tui.cli.ids import each
from rcq_tui.cli.options import parser
from rcq_tui.cli.targets import HELP, all_ids, targets


def run(argv: list[str]) -> int:
    """Requeue the jobs that are named."""
    options = parser(
        "requeue",
        "Run jobs again, with the same id and request. A running job is stopped (SIGTERM, then SIGKILL) and goes back\n"
        "to its place in the queue; one that has ended counts as submitted now, with all of its retries.",
        "rcq requeue 12\nrcq requeue 10-20 '7[3-5]'",
    )
    options.add_argument("ids", metavar="ID", nargs="+", help=HELP)
    wanted = targets(options.parse_args(argv).ids)
    wire = engine()
    return each(all_ids(wire, wanted), lambda number: str(wire.request("POST", f"/v1/jobs/{number}/requeue")["state"]))
