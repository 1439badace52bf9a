"""Ends every process that came of this one, however it detached itself.

Jobs outlive the engine by design; the demo's must not outlive the demo. Must not know what the processes are.
"""

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.02


def adopt_orphans() -> None:
    """From now on, processes whose parents end become this process's children, not init's."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_all(timeout_s: float) -> bool:
    """Kill what is below this process until nothing is left; whether that was reached in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        _reap()
        below = descendants(os.getpid())
        if not below:
            return True
        if time.monotonic() > deadline:
            return False
        for process in below:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(_POLL_S)


def descendants(root: int) -> list[int]:
    """Every process below `root`, parents before their children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found = list(children.get(root, []))
    for process in found:
        found += children.get(process, [])
    return found


def _parent(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_bytes()
    except OSError:  # it ended meanwhile
        return None
    return int(stat.rpartition(b")")[2].split()[1])


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
