"""`python -m tests.e2e.faulty POINT NUMBER ARMED OPTIONS`: an engine that kills itself (SIGKILL) at one of its steps.

It dies when it comes to the point for the NUMBERth time since the file ARMED is there; the points are functions of the
engine, before they are called or after they returned. Must not know what is to become of it.
"""

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.daemon import main as daemon
from engine.daemon.passes import Passes
from engine.daemon.recovery import Recovery
from engine.daemon.runs import Runs
from engine.executor.process import ProcessExecutor
from engine.store import database
from engine.store.jobs import Jobs
from engine.store.writer import Writer

PLACES: dict[str, tuple[Any, str]] = {
    "add": (Jobs, "add"),
    "record": (Jobs, "record"),
    "commit": (Writer, "_commit"),
    "launch": (Runs, "launch"),
    "start": (ProcessExecutor, "start"),
    "end": (Runs, "ended"),
    "free": (Runs, "_over"),
    "forget": (ProcessExecutor, "forget"),
    "flush": (Passes, "flush"),
    "adopt": (ProcessExecutor, "adopt"),
    "take-up": (Recovery, "_take_up"),
    "sweep": (ProcessExecutor, "sweep"),
    "load": (daemon, "load_books"),
    "migrate": (database.migrations, "apply"),
}
"""Of each place there are two points: `add-before` and `add-after`."""


def main(argv: list[str]) -> int:
    """Run an engine that will die."""
    point, number, armed, *options = argv
    name, _, when = point.rpartition("-")
    owner, function = PLACES[name]
    fault = _Fault(int(number), Path(armed))
    setattr(owner, function, _deadly(getattr(owner, function), fault, before=when == "before"))
    return daemon.main(options)


class _Fault:
    """Counts, and kills."""

    def __init__(self, number: int, armed: Path) -> None:
        self._left = number
        self._armed = armed

    def meet(self) -> None:
        if self._armed.exists():
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _deadly(call: Callable[..., Any], fault: _Fault, *, before: bool) -> Callable[..., Any]:
    @functools.wraps(call)
    def plain(*args: Any, **values: Any) -> Any:
        if before:
            fault.meet()
        result = call(*args, **values)
        if not before:
            fault.meet()
        return result

    @functools.wraps(call)
    async def waiting(*args: Any, **values: Any) -> Any:
        if before:
            fault.meet()
        result = await call(*args, **values)
        if not before:
            fault.meet()
        return result

    return waiting if inspect.iscoroutinefunction(call) else plain


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
