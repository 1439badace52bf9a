"""`rcq reserve`: books cards for a time; then no other account's job may be on them."""

import re
import time
from typing import Any

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.fullparser import Parser
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.times import instant
from rcq_tui.viewmodel.formats import counted, exact
from rcq_tui.viewmodel.slots import cards
from rcq_tui.viewmodel.units import seconds

_INDEX = re.compile(r"(?:gpu)?(\d+)", re.IGNORECASE)
_EXAMPLES = """\
rcq reserve 2 --from 22:00 --for 4h            any two GPUs
rcq reserve gpu3 --from "tomorrow 9:00" --for 90m   GPU 3
rcq reserve 0,2 --from now --for 2h
rcq reserve GPU-5c8f --from 2026-03-01T22:00 --for 8h"""


def run(argv: list[str]) -> int:
    """Book."""
    chosen = _parser().parse_args(argv)
    body = {**what(chosen.what), **when(chosen.begin, chosen.last, time.time())}
    slot = engine().request("POST", "/v1/reservations", body=body)
    if chosen.json:
        print_json(slot)
    else:
        print("\n".join(told(slot)))
    return 0


def what(text: str) -> dict[str, Any]:
    """Which cards: a bare number is how many; indices, UUIDs or their beginnings name cards. Raises UsageError."""
    if text.isascii() and text.isdigit():
        if int(text) == 0:
            raise UsageError("0 GPUs are nothing to book; the GPU with index 0 is written gpu0")
        return {"gpus": int(text)}
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"{text!r} has an empty name in it; write for example 2, gpu3, 0,2 or GPU-5c8f")
    return {"cards": [index[1] if (index := _INDEX.fullmatch(name)) else name for name in names]}


def when(begin: str, last: str, now: float) -> dict[str, Any]:
    """From when and for how long. `now` is left to the engine, whose clock counts. Raises UsageError."""
    try:
        start_at, duration_s = instant(begin, now), seconds(last)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if begin.strip().lower() == "now":
        return {"duration_s": duration_s}
    return {"start_at": start_at, "duration_s": duration_s}


def told(slot: dict[str, Any]) -> list[str]:
    """What was booked, what it does to others, how it is used and taken back."""
    noun = "GPU" if len(slot["gpu_uuids"]) == 1 else "GPUs"
    lines = [
        f"reservation {slot['id']}: {noun} {cards(slot)} from {exact(slot['start_at'])} to {exact(slot['end_at'])}",
        "use it by submitting as usual: in that time only your jobs start there",
    ]
    if slot["promises_moved"]:
        lines.append(f"it pushes back the promised start of {counted(slot['promises_moved'], 'waiting job')}")
    return [*lines, f"take it back with: rcq unreserve {slot['id']}"]


def _parser() -> Parser:
    options = parser(
        "reserve",
        "Book GPUs for a time: then no other account's job may be on them, and no job whose time limit reaches into\n"
        "that time starts there before. A bare number is how many GPUs; one GPU by its index is written gpu3.",
        _EXAMPLES,
    )
    options.add_argument("what", metavar="GPU|COUNT", help="how many, or which: gpu3, 0,2, a UUID or its beginning")
    options.add_argument(
        "--from",
        dest="begin",
        metavar="T",
        default="now",
        help="now (the default), +2h, 22:00 (the next one), 'tomorrow 9:00', 2026-03-01T22:00",
    )
    options.add_argument("--for", dest="last", metavar="D", required=True, help="how long: 90m, 4h, 2d")
    add_json(options)
    return options
