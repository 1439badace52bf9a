"""Taking connections from the listening socket, a few at a time.

The event loop's own server would take all that come before anything else happens, and where the process has no
descriptor left uvloop's gives its listener up for good. Must not know what becomes of a connection.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

log = logging.getLogger("rcq.api")

AT_ONCE = 32
"""Connections taken before others get their turn."""
PAUSE_S = 0.2
"""Seconds before the next try where there is no descriptor or no memory for a connection: whoever comes waits."""
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Acceptor:
    """Gives each connection that comes to `welcome`, from `open` to `close`."""

    def __init__(self, listener: socket.socket, welcome: Callable[[socket.socket], None]) -> None:
        """listener: non-blocking; it stays the caller's."""
        self._listener = listener
        self._welcome = welcome
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None
        self._short = False

    def open(self) -> None:
        """Take connections from now on."""
        self._again = None
        self._loop.add_reader(self._listener.fileno(), self._take)

    def close(self) -> None:
        """Take no more."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        else:
            self._loop.remove_reader(self._listener.fileno())

    def _take(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._pause(error)
                return
            self._short = False
            connection.setblocking(False)
            self._welcome(connection)

    def _pause(self, error: OSError) -> None:
        """The kernel keeps those who come; asking at once again would only keep the loop busy."""
        if error.errno not in _SHORT:
            log.error("connections cannot be taken: %s", error)
        elif not self._short:
            log.warning("no connection can be taken now: %s; raise LimitNOFILE (ulimit -n)", error.strerror)
        self._short = True
        self._loop.remove_reader(self._listener.fileno())
        self._again = self._loop.call_later(PAUSE_S, self.open)
