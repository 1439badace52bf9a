"""`rcq reservations`: the booked reservations that stand."""

import time

from rcq_tui.cli.call import engine
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.exports import add_format, export, is_table
from rcq_tui.cli.options import parser
from rcq_tui.viewmodel.slots import line

COLUMNS = (
    Column("ID", right=True),
    Column("WHO", least=8),
    Column("GPUS"),
    Column("FROM"),
    Column("UNTIL"),
    Column("STATE"),
)


def run(argv: list[str]) -> int:
    """List them, the earliest first."""
    options = parser(
        "reservations",
        "List booked GPUs: what stands and is not over, the earliest first.",
        "rcq reservations\nrcq reservations --json",
    )
    add_format(options)
    chosen = options.parse_args(argv)
    as_table = is_table(chosen)
    answer = engine().request("GET", "/v1/reservations")
    if not as_table:
        return export(chosen, [answer], "responses.ReservationView")
    if not answer["items"]:
        print("no GPU is booked: `rcq reserve --help` says how to book one")
    else:
        now = time.time()
        print("\n".join(table(COLUMNS, [line(slot, now) for slot in answer["items"]], terminal_width())))
    return 0
