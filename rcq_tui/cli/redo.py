"""`rcq redo`: the same job again, with the same files and the same code, as a new one."""

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.targets import one_job


def run(argv: list[str]) -> int:
    """Submit a job again and print the new id."""
    options = parser(
        "redo",
        "Submit one of your jobs again as a new one: the same request, files and code (--file, --snapshot).\n"
        "What it waited for (--after, --begin, --cron) and its own key are left out.",
        "rcq redo 12\nrcq redo '7[3]' --json",
    )
    options.add_argument("id", metavar="ID", help="an id, or an element of a job array: '7[3]'")
    add_json(options)
    chosen = options.parse_args(argv)
    wire = engine()
    taken = wire.request("POST", f"/v1/jobs/{one_job(wire, chosen.id)}/redo")
    print_json(taken) if chosen.json else print(taken["id"])
    return 0
