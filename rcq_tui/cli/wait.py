"""Waits for a job's end and returns with its exit code, also over a restart of the engine.

Must not know how the job was submitted.
"""

import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from engine.protocol.errors import EXIT_FAILED, Unreachable
from rcq_tui.cli.failures import EXIT_INTERRUPTED, complain
from rcq_tui.cli.pages import fetch
from rcq_tui.cli.rows import ending
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.states import FINISHED, LIVE

T = TypeVar("T")

_FIRST_S, _MOST_S = 0.02, 1.0
PATIENCE_S = 60.0
"""So long may the engine be away."""


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
    if job["exit_code"] is not None:
        return int(job["exit_code"]) or (0 if job["state"] == "completed" else EXIT_FAILED)
    return EXIT_FAILED


def ended(wire: Wire, number: int) -> dict[str, Any]:
    """The job once it has ended, also over a restart of the engine. Raises Unreachable."""

    def job() -> dict[str, Any] | None:
        found: dict[str, Any] = wire.request("GET", f"/v1/jobs/{number}")
        return found if found["state"] in FINISHED else None

    return _until(job)


def _until(condition: Callable[[], T | None]) -> T:
    """Its first true answer, however long that takes, also over a restart of the engine. Raises Unreachable."""
    pause, last_heard = _FIRST_S, time.monotonic()
    while True:
        try:
            answer = condition()
            last_heard = time.monotonic()
            if answer:
                return answer
        except Unreachable:
            if time.monotonic() - last_heard > PATIENCE_S:
                raise
        time.sleep(pause)
        pause = min(_MOST_S, pause * 1.3)
