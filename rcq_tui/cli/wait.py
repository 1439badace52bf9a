"""`rcq wait`, and what waits for a job that was just submitted: they return with its exit code.

Must not know how the job was submitted.
"""

import sys
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from engine.protocol.errors import EXIT_FAILED, RcqError, Refused, Unreachable
from rcq_tui.cli.failures import EXIT_INTERRUPTED, EXIT_TIMED_OUT, complain
from rcq_tui.cli.pages import fetch
from rcq_tui.cli.rows import ending
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.states import FINISHED, LIVE

if TYPE_CHECKING:
    from rcq_tui.cli.fullparser import Parser
    from rcq_tui.cli.targets import Target

T = TypeVar("T")

_FIRST_S, _MOST_S = 0.02, 1.0
PATIENCE_S = 60.0
"""So long may the engine be away."""


def run(argv: list[str]) -> int:
    """Wait for jobs, print a line for each that has ended, and return the highest of their exit codes."""
    from rcq_tui.cli.call import engine, print_json
    from rcq_tui.cli.ends import Row, TimedOut, ends_of
    from rcq_tui.cli.targets import all_ids, targets

    chosen = _parser().parse_args(argv)
    wanted = targets(chosen.ids)
    wire = engine()
    rows: list[Row] = []
    timed_out: TimedOut | None = None
    try:
        for over in ends_of(wire, all_ids(wire, wanted), chosen.timeout, partial(_tell_of_arrays, wanted)):
            found = sorted(over, key=lambda row: (row["ended_at"] or 0.0, row["id"]))[: 1 if chosen.any else None]
            rows += found
            if not chosen.json:
                print("\n".join(f"{row['id']} {row['state']} {exit_code(row)}" for row in found), flush=True)
            if chosen.any:
                break
    except TimedOut as error:
        timed_out = error
    except KeyboardInterrupt:
        complain("they go on; `rcq cancel ID` ends one")
        return EXIT_INTERRUPTED
    if chosen.json:
        items = [{**row, "code": exit_code(row)} for row in rows]
        print_json({"items": items, "timed_out": timed_out is not None})
    if timed_out is not None:
        complain(f"not ended in time: {_some(timed_out.left)}; they go on")
        return EXIT_TIMED_OUT
    return max(map(exit_code, rows), default=0)


def _tell_of_arrays(wanted: Collection["Target"], rows: list[dict[str, Any]]) -> None:
    """The id that `rcq submit --array` prints is that of the first element: whoever gives it may mean all of them."""
    from rcq_tui.cli.targets import alone

    ids = {target.number for target in wanted if target.elements is None}
    arrays = {target.number for target in wanted if target.elements is not None}
    for row in rows:
        number = row["id"]
        if row.get("array_parent") == number and number in ids and number + 1 not in ids and number not in arrays:
            complain(alone(number))


def _some(numbers: list[int]) -> str:
    named = ", ".join(map(str, numbers[:10]))
    return f"{named} and {len(numbers) - 10} more" if len(numbers) > 10 else named


def _parser() -> "Parser":
    from rcq_tui.cli.options import add_json, parser
    from rcq_tui.cli.targets import HELP
    from rcq_tui.cli.values import duration_of

    options = parser(
        "wait",
        "Wait until jobs have ended. As each one does, a line is printed: id, state, exit code. Returns the highest\n"
        "of these codes (128 + N where signal N ended a job), or 124 when the time is over. Others' jobs, whose codes\n"
        "you may not see, count as 0 if they completed, else as 1.",
        "rcq wait 42 && ./evaluate.sh\nrcq wait 10-20 '42[]' --timeout 2h\nrcq wait --any 7 8 9",
    )
    options.add_argument("ids", metavar="ID", nargs="+", help=HELP)
    options.add_argument("--timeout", metavar="TIME", type=duration_of, help="wait no longer than 90s, 2h30m")
    options.add_argument("--any", action="store_true", help="until one of them has ended")
    add_json(options)
    return options


def wait_for(wire: Wire, number: int) -> int:
    """The job's exit code, 128 + N if signal N ended it, 1 if it ended in another way."""
    try:
        job = ended(wire, number)
    except KeyboardInterrupt:
        complain(f"job {number} goes on; `rcq cancel {number}` ends it")
        return EXIT_INTERRUPTED
    code = exit_code(job)
    if code and job["cause"] != "exit":
        complain(f"job {number} {job['state']}: {ending(job)}")
    return code


def wait_for_array(wire: Wire, parent: int) -> int:
    """The highest exit code of a job array's elements, as `wait_for` counts them."""
    live = {"array": parent, "state": ",".join(LIVE), "limit": 1}

    def over() -> bool:
        page = wire.request("GET", "/v1/jobs", live)
        return not page["items"] and page["cursor"] is None  # one that ends meanwhile leaves its page empty

    try:
        _until(over)
    except KeyboardInterrupt:
        complain(f"array {parent} goes on; `rcq cancel '{parent}[]'` ends it")
        return EXIT_INTERRUPTED
    bad = fetch(wire, "/v1/jobs", {"array": parent, "state": "failed,cancelled"}, sys.maxsize)["items"]
    if bad:
        see = f"rcq queue --array {parent} --state failed,cancelled"
        complain(f"{len(bad)} jobs of array {parent} went wrong; see: {see}")
    return max((exit_code(job) for job in bad), default=0)


def exit_code(job: dict[str, Any]) -> int:
    """What a shell would have seen of the job."""
    if job["signal"] is not None:
        return 128 + int(job["signal"])
    if job["state"] == "completed":
        return 0
    return int(job["exit_code"] or EXIT_FAILED)


def ended(wire: Wire, number: int, away: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The job once it has ended, also over a restart of the engine. away: told once that it waits for one.

    Raises Unreachable, Refused.
    """

    def job() -> dict[str, Any] | None:
        found: dict[str, Any] = wire.request("GET", f"/v1/jobs/{number}")
        return found if found["state"] in FINISHED else None

    return _until(job, away)


def may_come_back(error: RcqError, last_heard: float) -> bool:
    """Whether the engine is only being restarted. last_heard: when it last answered, of the monotonic clock."""
    starts = isinstance(error, Unreachable) or (isinstance(error, Refused) and error.code == "SERVICE_NOT_READY")
    return starts and time.monotonic() - last_heard <= PATIENCE_S


def _until(condition: Callable[[], T | None], away: Callable[[], None] = lambda: None) -> T:
    """Its first true answer, however long that takes, also over a restart of the engine. Raises as `ended`."""
    pause, last_heard, is_away = _FIRST_S, time.monotonic(), False
    while True:
        try:
            answer = condition()
            last_heard, is_away = time.monotonic(), False
            if answer:
                return answer
        except RcqError as error:
            if not may_come_back(error, last_heard):
                raise
            if not is_away:
                away()
            is_away = True
        time.sleep(pause)
        pause = min(_MOST_S, pause * 1.3)
