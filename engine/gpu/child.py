"""A reader process from outside: start it, ask it, wait for its lines no longer than one wants to, end it.

Must not know what is asked.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

_DIES_WITHIN_S = 0.2


class Ended(Exception):
    """The process is not there any more."""


class TooLate(Exception):
    """The process has not answered in time."""


class Interrupted(Exception):
    """Somebody else wants the wait to end."""


class Child:
    """One process. wake: a file descriptor that becomes readable when no more waiting is wanted.

    Raises OSError where no process can be started.
    """

    def __init__(self, wake: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.gpu.reader", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._in, self._out = self._process.stdin, self._process.stdout
        self._wake = wake
        self._readable, self._writable = select.poll(), select.poll()
        for poll, pipe, event in (
            (self._readable, self._out, select.POLLIN),
            (self._writable, self._in, select.POLLOUT),
        ):
            os.set_blocking(pipe.fileno(), False)
            poll.register(pipe.fileno(), event)
            poll.register(wake, select.POLLIN)
        self._buffer = b""
        self._lines: deque[bytes] = deque()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def ask(self, request: Mapping[str, Any], deadline: float) -> None:
        """Send a request, until `deadline` on the monotonic clock at most. Raises TooLate, Ended, Interrupted."""
        text = memoryview(json.dumps(request, separators=(",", ":")).encode() + b"\n")
        while text:
            try:
                text = text[os.write(self._in.fileno(), text) :]
            except BlockingIOError:  # many cards with many processes are more than a pipe holds
                self._wait(self._writable, deadline)
            except OSError as error:
                raise Ended from error

    def lines(self, deadline: float) -> Iterator[dict[str, Any]]:
        """Its answers, as they come, until `deadline` on the monotonic clock.

        Raises TooLate, Ended, Interrupted. What had arrived before is told before.
        """
        while True:
            while self._lines:
                yield json.loads(self._lines.popleft())
            if self._out.fileno() in self._wait(self._readable, deadline):
                self._take()

    def _wait(self, poll: select.poll, deadline: float) -> set[int]:
        """Which file descriptors are ready."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TooLate
        ready = {number for number, _ in poll.poll(left * 1000)}
        if self._wake in ready:
            raise Interrupted
        return ready

    def _take(self) -> None:
        with suppress(BlockingIOError):
            data = os.read(self._out.fileno(), 1 << 16)
            if not data:
                raise Ended
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            self._lines.extend(lines)

    def kill(self) -> bool:
        """End it; false when it stays, as one does that hangs in the kernel: that one must not be waited for."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_DIES_WITHIN_S)
        for pipe in (self._in, self._out):
            with suppress(OSError):
                pipe.close()
        return self.dead()

    def dead(self) -> bool:
        """Whether it has gone by now."""
        return self._process.poll() is not None
