"""`rcq release`: lets held jobs go on."""

from rcq_tui.cli.call import engine
from rcq_tui.cli.ids import each, job_ids
from rcq_tui.cli.options import parser


def run(argv: list[str]) -> int:
    """Release the jobs that are named."""
    options = parser(
        "release",
        "Let held jobs go on; they keep their place by the time of their submission.",
        "rcq release 12\nrcq release 10-20 31",
    )
    options.add_argument("ids", metavar="ID", nargs="+", help="an id, or a range such as 10-20")
    ids = job_ids(options.parse_args(argv).ids)
    wire = engine()
    return each(ids, lambda number: str(wire.request("POST", f"/v1/jobs/{number}/release")["state"]))
