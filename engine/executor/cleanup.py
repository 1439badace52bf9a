"""Runs what takes away the rest of an attempt that its processes cannot: a container that belongs to a daemon.

Standard library only: it is loaded by the supervisor. Blocks, for `PATIENCE_S` at most. Must not know records, nor what
it runs.
"""

import contextlib
import os
import select
import signal
from collections.abc import Mapping, Sequence

from engine.executor.spawn import RESET

PATIENCE_S = 30.0
DIES_WITHIN_S = 1.0


def clean_up(argv: Sequence[str], environment: Mapping[str, str], patience_s: float = PATIENCE_S) -> bool:
    """Run it without output; one that takes longer is killed. False where it did not end well, or could not be run."""
    try:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    actions = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
    try:
        pid = os.posix_spawn(
            argv[0], list(argv), environment, file_actions=actions, setsid=True, setsigmask=(), setsigdef=RESET
        )
    except (OSError, ValueError):
        return False
    finally:
        os.close(null)
    handle = os.pidfd_open(pid)
    try:
        _wait(handle, patience_s)
    finally:
        os.close(handle)
    with contextlib.suppress(ChildProcessError):  # somebody else reaps all children here
        return os.waitpid(pid, os.WNOHANG) == (pid, 0)
    return False


def _wait(handle: int, patience_s: float) -> None:
    """For its end; one that hangs in the kernel is left behind."""
    ready = select.poll()
    ready.register(handle, select.POLLIN)
    if not ready.poll(patience_s * 1000):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        ready.poll(DIES_WITHIN_S * 1000)
