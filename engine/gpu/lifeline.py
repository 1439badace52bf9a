"""Ties a process to the one that started it: what asks the driver must not outlive the engine.

Standard library only. Must not know what either process does.
"""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def ends_with(parent: int) -> bool:
    """From now on this process is killed when its parent ends; false if the one with the pid `parent` has already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    return os.getppid() == parent
