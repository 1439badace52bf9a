"""What passes between a command in the foreground and its submitter while it runs: bytes, sizes, signals, its end.

Standard library only. Must not know how the two met.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Iterable
from contextlib import suppress

from engine.executor import tree
from engine.executor.stagestart import resize
from engine.protocol.stage import DATA, END, PIECE, SIGNAL, WARNING, WINDOW, Broken, Frame, Frames, framed, said

MOST_HELD = 4 * PIECE
"""Bytes that wait for the other side before no more are read."""
QUIET_S, DRAIN_S, FLUSH_S = 0.05, 2.0, 10.0
"""After the end: a terminal that is silent for so long has said all; so long it may go on at most; so long the
submitter may take to hear it."""
SHELL_LOOK_S = 0.2
SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2})
"""What a submitter may send on."""
HEEDED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1)


class Relay:
    """One command, from its start to its end. master: of its terminal; without one it has the submitter's own files.

    was_left: the submitter went away before the end.
    """

    def __init__(
        self,
        *,
        connection: socket.socket,
        frames: Frames,
        child: int,
        master: int | None,
        grace_s: float,
        warn_before_s: float,
    ) -> None:
        self._connection = connection
        self._frames = frames
        self._child = child
        self._master = master
        self._grace_s = grace_s
        self._warn_before_s = warn_before_s
        self._out = bytearray()  # to the submitter
        self._in = bytearray()  # to the terminal
        self._status: int | None = None
        self._kill_at: float | None = None
        self._is_ending = False
        self._caught: set[int] = set()
        self.was_left = False

    def run(self, more: Iterable[Frame]) -> int:
        """Until the command has ended; its status, as from waitpid. more: what was said already."""
        self._connection.setblocking(False)
        wake, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in HEEDED:
            signal.signal(number, lambda caught, _: self._caught.add(caught))
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        self._hear(more)
        self._reap()  # its end may have come before anybody listened
        while self._status is None:
            self._pass(wake)
        self._drain()
        self._tell_end(self._status)
        return self._status

    # ------------------------------------------------------------ one round

    def _pass(self, wake: int) -> None:
        ready = self._wait(wake)
        if wake in ready:
            with suppress(BlockingIOError):
                os.read(wake, 4096)
        self._heed()
        if self._connection.fileno() in ready:
            self._talk(ready[self._connection.fileno()])
        if self._master is not None and self._master in ready:
            self._serve(self._master, ready[self._master])
        self._insist()

    def _wait(self, wake: int) -> dict[int, int]:
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        if not self.was_left:
            reads = select.POLLIN if len(self._in) < MOST_HELD else 0
            poll.register(self._connection, reads | (select.POLLOUT if self._out else 0))
        if self._master is not None:
            reads = select.POLLIN if len(self._out) < MOST_HELD else 0
            if wanted := reads | (select.POLLOUT if self._in else 0):
                poll.register(self._master, wanted)
        waits_s = [max(0.0, self._kill_at - time.monotonic())] if self._kill_at is not None else []
        waits_s += [SHELL_LOOK_S] if self._is_ending and self._master is not None else []
        return dict(poll.poll(1000 * min(waits_s) if waits_s else None))

    def _heed(self) -> None:
        caught, self._caught = self._caught, set()
        if signal.SIGCHLD in caught:
            self._reap()
        if signal.SIGTERM in caught:
            self._is_ending = True
        if signal.SIGUSR1 in caught:
            self._warn()

    def _reap(self) -> None:
        pid, status = os.waitpid(self._child, os.WNOHANG)
        if pid:
            self._status = status

    # ------------------------------------------------------------ the submitter

    def _talk(self, events: int) -> None:
        if self._out and events & select.POLLOUT:
            self._send()
        if events & ~select.POLLOUT:
            try:
                piece = self._connection.recv(PIECE)
                self._hear(self._frames.feed(piece))
            except BlockingIOError:
                return
            except (OSError, Broken):
                piece = b""
            if not piece:
                self._be_left()

    def _send(self) -> None:
        try:
            sent = self._connection.send(self._out)
        except BlockingIOError:
            return
        except OSError:
            self._be_left()
            return
        del self._out[:sent]

    def _hear(self, frames: Iterable[Frame]) -> None:
        """Raises Broken."""
        for frame in frames:
            if frame.kind == DATA and self._master is not None:
                self._in += frame.body
            elif frame.kind == WINDOW and self._master is not None:
                resize(self._master, frame.value)
            elif frame.kind == SIGNAL and frame.value in SIGNALS:
                self._signal(frame.value)

    def _be_left(self) -> None:
        """Nobody sees or hears it any more: it is hung up, as by a terminal that goes away."""
        if not self.was_left:
            self.was_left = True
            self._out.clear()
            self._signal(signal.SIGHUP)
            self._signal(signal.SIGCONT)
            self._kill_at = time.monotonic() + self._grace_s

    # ------------------------------------------------------------ the command

    def _serve(self, master: int, events: int) -> None:
        if self._in and events & select.POLLOUT:
            with suppress(BlockingIOError, OSError):
                del self._in[: os.write(master, self._in)]
        if events & ~select.POLLOUT:
            self._read(master)

    def _read(self, master: int) -> bool:
        """Whether it had anything to say."""
        try:
            piece = os.read(master, PIECE)
        except BlockingIOError:
            return False
        except OSError:  # nobody has the terminal open any more
            os.close(master)
            self._master = None
            return False
        if not self.was_left:
            self._out += framed(DATA, piece)
        return True

    def _signal(self, number: int) -> None:
        """To the command with what it started, and to what is in front of its terminal."""
        groups = {self._child}
        if self._master is not None:
            with suppress(OSError):
                groups.add(os.tcgetpgrp(self._master))
        for group in groups - {0}:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)

    def _warn(self) -> None:
        """Its time limit is near. A shell at a terminal would end by the signal, so there it is a line."""
        if self._master is not None:
            self._out += said(WARNING, {"left_s": self._warn_before_s})
            return
        processes = {one.pid: one for one in tree.descendants([os.getpid()], tree.all_processes())}
        for pid in tree.wanting(processes, signal.SIGUSR1):
            tree.send(processes[pid], signal.SIGUSR1)

    def _insist(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._signal(signal.SIGKILL)
            self._kill_at = time.monotonic() + SHELL_LOOK_S
        if self._is_ending and self._master is not None and self._is_deaf_shell(self._master):
            self._signal(signal.SIGHUP)

    def _is_deaf_shell(self, master: int) -> bool:
        """A shell that waits for its next line does not hear SIGTERM; what runs in it did, and has its time."""
        try:
            return os.tcgetpgrp(master) == self._child and tree.ignores(self._child, signal.SIGTERM)
        except OSError:
            return False

    # ------------------------------------------------------------ the end

    def _drain(self) -> None:
        """What the terminal still holds."""
        until = time.monotonic() + DRAIN_S
        while self._master is not None and time.monotonic() < until:
            if not self._read(self._master):
                if self._master is None or not select.select([self._master], [], [], QUIET_S)[0]:
                    return
            elif len(self._out) >= MOST_HELD:
                self._flush()

    def _tell_end(self, status: int) -> None:
        is_signal = os.WIFSIGNALED(status)
        told = {"signal": os.WTERMSIG(status)} if is_signal else {"exit_code": os.WEXITSTATUS(status)}
        self._out += said(END, told)
        self._flush()

    def _flush(self) -> None:
        until = time.monotonic() + FLUSH_S
        while self._out and not self.was_left and time.monotonic() < until:
            if select.select([], [self._connection], [], max(0.0, until - time.monotonic()))[1]:
                self._send()
