"""Waits for a job's end and returns with its exit code, also over a restart of the engine.

Must not know how the job was submitted.
"""

import time
from typing import Any

from engine.protocol.errors import EXIT_FAILED, Unreachable
from rcq_tui.cli.failures import EXIT_INTERRUPTED, complain
from rcq_tui.cli.rows import ending
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.states import FINISHED

_FIRST_S, _MOST_S = 0.02, 1.0
PATIENCE_S = 60.0
"""So long may the engine be away."""


def wait_for(wire: Wire, number: int) -> int:
    """The job's exit code, 128 + N if signal N ended it, 1 if it ended in another way."""
    try:
        job = _ended(wire, number)
    except KeyboardInterrupt:
        complain(f"job {number} goes on; `rcq cancel {number}` ends it")
        return EXIT_INTERRUPTED
    code = exit_code(job)
    if code and job["cause"] != "exit":
        complain(f"job {number} {job['state']}: {ending(job)}")
    return code


def exit_code(job: dict[str, Any]) -> int:
    """What a shell would have seen of the job."""
    if job["signal"] is not None:
        return 128 + int(job["signal"])
    if job["exit_code"] is not None:
        return int(job["exit_code"]) or (0 if job["state"] == "completed" else EXIT_FAILED)
    return EXIT_FAILED


def _ended(wire: Wire, number: int) -> dict[str, Any]:
    pause, last_heard = _FIRST_S, time.monotonic()
    while True:
        try:
            job: dict[str, Any] = wire.request("GET", f"/v1/jobs/{number}")
            last_heard = time.monotonic()
            if job["state"] in FINISHED:
                return job
        except Unreachable:
            if time.monotonic() - last_heard > PATIENCE_S:
                raise
        time.sleep(pause)
        pause = min(_MOST_S, pause * 1.3)
