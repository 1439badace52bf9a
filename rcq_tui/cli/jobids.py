"""`rcq __ids`: your jobs' ids and states, for the completion of shells; not for people, so `--help` does not have it.

Whoever presses Tab starts no engine, waits for none, and is told nothing of what fails.
"""

from config.homes import PathsError
from engine.protocol.errors import EXIT_DONE, EXIT_FAILED, RcqError
from engine.protocol.listings import STATES
from rcq_tui.client.token import read
from rcq_tui.client.where import find_socket
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.text import clean

MOST = 100
_PATIENCE_S = 2.0


def run(argv: list[str]) -> int:
    """A line for each job: id, Tab, state."""
    query = {"mine": 1, "state": ",".join(STATES), "limit": MOST}
    try:
        rows = Wire(find_socket(start=False), read(), _PATIENCE_S).request("GET", "/v1/jobs", query)["items"]
    except (RcqError, PathsError):
        return EXIT_FAILED
    for row in rows:
        print(f"{row['id']}\t{clean(row['state'])}")
    return EXIT_DONE
