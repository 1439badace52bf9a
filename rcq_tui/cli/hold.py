"""`rcq hold`: keeps pending jobs from starting."""

from rcq_tui.cli.call import engine
from rcq_tui.cli.ids import each, job_ids
from rcq_tui.cli.options import parser


def run(argv: list[str]) -> int:
    """Hold the jobs that are named."""
    options = parser(
        "hold", "Keep pending jobs from starting until they are released.", "rcq hold 12\nrcq hold 10-20 31"
    )
    options.add_argument("ids", metavar="ID", nargs="+", help="an id, or a range such as 10-20")
    ids = job_ids(options.parse_args(argv).ids)
    wire = engine()
    return each(ids, lambda number: str(wire.request("POST", f"/v1/jobs/{number}/hold")["state"]))
