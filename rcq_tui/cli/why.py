"""`rcq why`: why a job does not start, and where it stands."""

import time

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.targets import one_job
from rcq_tui.viewmodel.explained import explained


def run(argv: list[str]) -> int:
    """Explain one job's place."""
    options = parser(
        "why", "Say everything that keeps a job from starting, with the numbers.", "rcq why 12\nrcq why 12 --json"
    )
    options.add_argument("id", metavar="ID", help="an id, or an element of a job array: '7[3]'")
    add_json(options)
    chosen = options.parse_args(argv)
    wire = engine()
    answer = wire.request("GET", f"/v1/jobs/{one_job(wire, chosen.id)}/why")
    if chosen.json:
        print_json(answer)
    else:
        print("\n".join(explained(answer, time.time())))
    return 0
