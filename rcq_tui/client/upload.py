"""Feeds a request's body from a file descriptor while the answer already comes in.

The engine reports progress during an upload: who only wrote would fill both socket buffers and wait for ever. Must
not know HTTP answers or what is uploaded.
"""

import os
import select
import socket
from collections.abc import Callable

PIECE_BYTES = 256 * 1024


class Upload:
    """Sends `head`, then everything that `source` gives as chunks of an HTTP body.

    timeout_s: so long may the engine neither take nor say anything while it has something to do; waiting for the
    source has no limit. sent: told how many bytes of the source went out.
    """

    def __init__(
        self, sock: socket.socket, head: bytes, source: int, timeout_s: float, sent: Callable[[int], None]
    ) -> None:
        self._sock = sock
        self._waiting = memoryview(head)
        self._source: int | None = source
        self._timeout_s = timeout_s
        self._sent = sent
        sock.setblocking(False)

    def more(self) -> bytes:
        """The next bytes of the answer, sending meanwhile. Raises TimeoutError and OSError of the connection."""
        while True:
            ready = self._wait()
            if self._sock.fileno() in ready and ready[self._sock.fileno()] & ~select.POLLOUT:
                try:
                    return self._sock.recv(65536)
                except BlockingIOError:
                    continue
            if self._waiting:
                self._send()
            elif self._source is not None:
                self._read()

    def _wait(self) -> dict[int, int]:
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLIN | (select.POLLOUT if self._waiting else 0))
        from_source = not self._waiting and self._source is not None
        if from_source and self._source is not None:
            poll.register(self._source, select.POLLIN)
        ready = dict(poll.poll(None if from_source else self._timeout_s * 1000))
        if not ready:
            raise TimeoutError
        return ready

    def _send(self) -> None:
        try:
            self._waiting = self._waiting[self._sock.send(self._waiting) :]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            # It hung up before it had read everything: what it said before that is still to be read.
            self._waiting, self._source = memoryview(b""), None

    def _read(self) -> None:
        assert self._source is not None  # noqa: S101  the caller looked
        piece = os.read(self._source, PIECE_BYTES)
        self._waiting = memoryview(b"%x\r\n%b\r\n" % (len(piece), piece))
        if piece:
            self._sent(len(piece))
        else:
            self._waiting, self._source = memoryview(b"0\r\n\r\n"), None
