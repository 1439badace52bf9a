"""`rcq unreserve`: takes a booked reservation back."""

from rcq_tui.cli.call import engine
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import parser
from rcq_tui.viewmodel.formats import exact
from rcq_tui.viewmodel.slots import cards


def run(argv: list[str]) -> int:
    """Take one back."""
    options = parser(
        "unreserve",
        "Take a booked reservation back, also one that has begun. Your own; admins any.",
        "rcq unreserve 3",
    )
    options.add_argument("id", metavar="ID", help="as `rcq reservations` shows it")
    chosen = options.parse_args(argv)
    if not (chosen.id.isascii() and chosen.id.isdigit()):
        raise UsageError(f"{chosen.id!r} is no id of a reservation; `rcq reservations` lists them")
    slot = engine().request("DELETE", f"/v1/reservations/{chosen.id}")
    noun = "GPU" if len(slot["gpu_uuids"]) == 1 else "GPUs"
    span = f"{exact(slot['start_at'])} to {exact(slot['end_at'])}"
    print(f"reservation {slot['id']} taken back: {noun} {cards(slot)}, {span}")
    return 0
