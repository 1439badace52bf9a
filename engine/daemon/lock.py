"""One engine for each state directory, held by the kernel: it is free the moment the engine is gone, however it went.

Must not know what is in the directory.
"""

import fcntl
import os
from pathlib import Path

from engine.protocol.errors import RcqError


class EngineRuns(RcqError):
    """Another engine works on this state directory; the message says which and what to do."""


class EngineLock:
    """Held from its making until `release`."""

    def __init__(self, state_dir: Path) -> None:
        """Take the lock. Raises EngineRuns."""
        path = state_dir / "engine.lock"
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._handle, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._handle)
            raise EngineRuns(
                f"An engine (pid {holder}) already works on {state_dir}. Stop it, or choose another --state-dir."
            ) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one have it."""
        os.close(self._handle)
