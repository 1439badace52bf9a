"""Feeds a request's body from a source while the answer already comes in.

The engine reports progress during an upload: who only wrote would fill both socket buffers and wait for ever. Must
not know HTTP answers or what is uploaded.
"""

import select
import socket
from collections.abc import Callable

from rcq_tui.client.source import Source


class Upload:
    """Sends `head`, then everything that `source` gives as chunks of an HTTP body.

    timeout_s: so long may the engine neither take nor say anything while it has something to do; waiting for the
    source has no limit. sent: told how many bytes were taken from the source's file.
    """

    def __init__(
        self, sock: socket.socket, head: bytes, source: Source, timeout_s: float, sent: Callable[[int], None]
    ) -> None:
        self._sock = sock
        self._waiting = memoryview(head)
        self._source: Source | None = source
        self._timeout_s = timeout_s
        self._sent = sent
        sock.setblocking(False)

    def more(self) -> bytes:
        """The next bytes of the answer, sending meanwhile.

        Raises BrokenSource, and TimeoutError and OSError of the connection.
        """
        while True:
            ready = self._wait()
            if ready & ~select.POLLOUT:
                try:
                    return self._sock.recv(65536)
                except BlockingIOError:
                    continue
            if self._waiting:
                self._send()
            elif self._source is not None:
                self._read(self._source)

    def _wait(self) -> int:
        """What the connection is ready for; it is nothing where the source has news."""
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLIN | (select.POLLOUT if self._waiting else 0))
        if self._waiting or self._source is None:
            timeout_ms: float | None = self._timeout_s * 1000
        else:
            awaited = self._source.waits_on()
            for descriptor in awaited:
                poll.register(descriptor, select.POLLIN)
            timeout_ms = None if awaited else 0
        ready = dict(poll.poll(timeout_ms))
        if not ready and timeout_ms:
            raise TimeoutError
        return ready.get(self._sock.fileno(), 0)

    def _send(self) -> None:
        try:
            self._waiting = self._waiting[self._sock.send(self._waiting) :]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            # It hung up before it had read everything: what it said before that is still to be read.
            self._waiting, self._source = memoryview(b""), None

    def _read(self, source: Source) -> None:
        before = source.taken
        piece = source.read()
        if source.taken > before:
            self._sent(source.taken - before)
        if piece:
            self._waiting = memoryview(b"%x\r\n%b\r\n" % (len(piece), piece))
        elif piece is not None:
            self._waiting, self._source = memoryview(b"0\r\n\r\n"), None
