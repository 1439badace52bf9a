"""One engine for each state directory, held by the kernel: it is free the moment the engine is gone, however it went.

Must not know what is in the directory.
"""

import contextlib
import fcntl
import os
from pathlib import Path

from engine.protocol.errors import RcqError


class EngineRuns(RcqError):
    """Another engine works on this state directory; the message says which and what to do."""


class Unwritable(RcqError):
    """The state directory takes no writes; the message says why and what to look at."""


class EngineLock:
    """Held from its making until `release`."""

    def __init__(self, state_dir: Path) -> None:
        """Take the lock. Raises EngineRuns, Unwritable."""
        path = state_dir / "engine.lock"
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise Unwritable(
                f"{path} cannot be written to: {error.strerror}. Nothing was changed. See that its disk takes writes "
                "(dmesg, findmnt, df) and whose it is."
            ) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._handle, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._handle)
            raise EngineRuns(
                f"An engine (pid {holder}) already works on {state_dir}. Stop it, or choose another --state-dir."
            ) from None
        with contextlib.suppress(OSError):  # on a full disk the number is missing, which is for people alone
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one have it."""
        os.close(self._handle)
