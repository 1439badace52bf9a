"""`rcq plan`: what runs and what is to start, card by card, for the coming hours."""

import argparse
import sys

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.columns import terminal_width
from rcq_tui.cli.options import add_json, parser
from rcq_tui.viewmodel.gantt import gantt

_WIDTH = 100
"""Cells of the picture where there is no terminal."""


def run(argv: list[str]) -> int:
    """Draw the planned future."""
    options = parser(
        "plan",
        "Show what runs on each card, what is promised and what is foreseen. For a promise cards are\n"
        "kept; runs that end sooner or later than expected move it. A forecast holds only if nobody better comes, too.",
        "rcq plan\nrcq plan --hours 6\nrcq plan --json",
    )
    options.add_argument("--hours", type=_hours, default=24.0, metavar="N", help="how far ahead, 24 by default")
    options.add_argument("--ascii", action="store_true", help="draw with plain characters")
    add_json(options)
    chosen = options.parse_args(argv)
    answer = engine().request("GET", "/v1/plan", {"hours": chosen.hours})
    if chosen.json:
        print_json(answer)
    else:
        plain = chosen.ascii or not _draws_unicode()
        print("\n".join(gantt(answer, terminal_width() or _WIDTH, ascii_only=plain)))
    return 0


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= 24 * 90:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours above 0 and up to 2160")
    return hours


def _draws_unicode() -> bool:
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "") == "utf8"
