"""`rcq cancel`: ends jobs, waiting or running."""

import sys

from engine.protocol.arrays import ALL
from rcq_tui.cli.call import engine
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import parser
from rcq_tui.cli.pages import fetch
from rcq_tui.cli.rows import Row
from rcq_tui.cli.targets import HELP, Step, Target, take, targets
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.states import LEASED, LIVE

CANCEL = Step("DELETE", "", "cancelled", "had ended before", abreast=32)


def run(argv: list[str]) -> int:
    """Cancel the jobs that are named, or all of one's own."""
    options = parser(
        "cancel",
        "End jobs. A running one gets SIGTERM, and SIGKILL after the grace time; nothing it started survives.",
        "rcq cancel 12\nrcq cancel 10-20 31\nrcq cancel '7[3-5,9]' '8[]'\nrcq cancel --all-mine",
    )
    options.add_argument("ids", metavar="ID", nargs="*", help=HELP)
    options.add_argument("--all-mine", action="store_true", help="all your own jobs that have not ended; asks first")
    options.add_argument("--yes", action="store_true", help="do not ask")
    chosen = options.parse_args(argv)
    if bool(chosen.ids) == chosen.all_mine:
        raise UsageError("name the jobs, or give --all-mine. See: rcq cancel --help")
    wanted = targets(chosen.ids)
    wire = engine()
    if chosen.all_mine:
        rows = _mine(wire)
        if not _agreed(len(rows), chosen.yes):
            return 1
        wanted = list(dict.fromkeys(map(_target, rows)))
    return take(wire, wanted, CANCEL, _told)


def _told(job: Row) -> str:
    state = job["state"]
    return f"is being ended (now {state})" if state in LEASED else str(state)


def _mine(wire: Wire) -> list[Row]:
    return list(fetch(wire, "/v1/jobs", {"state": ",".join(LIVE), "mine": 1}, 1_000_000)["items"])


def _target(row: Row) -> Target:
    """An array goes at once, however many elements it has."""
    parent = row.get("array_parent")
    return Target(row["id"]) if parent is None else Target(parent, ALL)


def _agreed(count: int, yes: bool) -> bool:
    if not count:
        print("you have no jobs that could be cancelled")
        return True
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"this would cancel {count} jobs; say --yes where there is no terminal to ask on")
    print(f"cancel all your {count} jobs? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
