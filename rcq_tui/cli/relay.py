"""What passes between this command and the stage of its job while that runs: keys, output, window, signals, the end.

Must not know the engine, nor what is told of the end.
"""

import errno
import os
import select
import signal
import socket
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, NamedTuple

from engine.protocol.stage import DATA, END, PIECE, SIGNAL, START, WARNING, WINDOW, Broken, Frame, Frames, framed, said
from rcq_tui.cli.signals import ENDING, Kept, kept

IN, OUT, ERR = 0, 1, 2
MOST_HELD = 4 * PIECE
OTHERS = (signal.SIGUSR1, signal.SIGUSR2)
AGAIN_S = 1.0
"""A second ^C within that time means it."""


class End(NamedTuple):
    """What this side saw of the end. told: the body of END, if one came; left: the signal by which it was left.

    passed: signals that were handed on to the command; is_cancelled: by a second ^C.
    """

    told: dict[str, Any] | None
    left: int | None
    passed: frozenset[int]
    is_cancelled: bool = False


def is_terminal() -> bool:
    """Whether a person sits at both ends of this command."""
    return os.isatty(IN) and os.isatty(OUT)


def hold_open() -> None:
    """Input, output and errors are there, if only as /dev/null: what is opened next is none of them."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= ERR:
        pass
    os.close(handle)
    sys.stdout = sys.stdout or os.fdopen(OUT, "w", closefd=False)  # Python has none where it found it closed
    sys.stderr = sys.stderr or os.fdopen(ERR, "w", closefd=False)


def relayed(link: socket.socket, frames: Frames, asked: dict[str, str], *, cancel: Callable[[], None]) -> End:
    """Start the command and stay until it ends, or this command is told to. asked: variables for it alone.

    cancel: ends the job, because of a second ^C.
    """
    terminal = is_terminal()
    start = {
        "environment": dict(os.environ),
        "asked": asked,
        "umask": _umask(),
        "terminal": _terminal() if terminal else None,
    }
    body = said(START, start)
    with kept((*ENDING, *OTHERS, signal.SIGWINCH, signal.SIGCONT)) as signals:
        link.settimeout(None)
        try:
            link.sendall(body[socket.send_fds(link, [body], _handed_over(terminal=terminal)) :])
        except OSError:
            return End(None, None, frozenset())
        relay = _Relay(link, frames, signals, terminal=terminal, cancel=cancel)
        if terminal:
            with _raw():
                return relay.run()
        _let_go()
        return relay.run()


def _handed_over(*, terminal: bool) -> list[int]:
    """Descriptors that the command gets itself; at a terminal that is where its errors were redirected to."""
    if not terminal:
        return [IN, OUT, ERR]
    return [] if os.isatty(ERR) else [ERR]


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _terminal() -> dict[str, Any]:
    *modes, characters = termios.tcgetattr(IN)
    plain = [one if isinstance(one, int) else one[0] for one in characters]
    rows, columns = _window()
    return {"rows": rows, "columns": columns, "attributes": [*modes, plain]}


def _window() -> tuple[int, int]:
    size = os.get_terminal_size(IN)
    return size.lines, size.columns


@contextmanager
def _raw() -> Iterator[None]:
    before = termios.tcgetattr(IN)
    try:
        _set(lambda: tty.setraw(IN, termios.TCSADRAIN))
        yield
    finally:
        _set(lambda: termios.tcsetattr(IN, termios.TCSADRAIN, before))


def _set(change: Callable[[], object]) -> None:
    """Change the terminal, whatever signals come meanwhile: it may stand in the background until told to go on."""
    while True:
        try:
            change()
        except termios.error as problem:
            if problem.args[0] == errno.EINTR:
                continue
        return  # where it has gone away, reading from it tells


def _let_go() -> None:
    """The command has the pipes: whoever is at their other ends shall hear of it alone."""
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, IN)
    os.dup2(null, OUT)
    os.close(null)


class _Relay:
    """One command that runs."""

    def __init__(
        self, link: socket.socket, frames: Frames, signals: Kept, *, terminal: bool, cancel: Callable[[], None]
    ) -> None:
        self._link = link
        self._frames = frames
        self._signals = signals
        self._terminal = terminal
        self._cancel = cancel
        self._out = bytearray()  # to the stage
        self._shown = bytearray()  # to the terminal
        self._end: dict[str, Any] | None = None
        self._left: int | None = None
        self._gone = False
        self._is_within_line = False
        self._passed: set[int] = set()
        self._interrupts: list[float] = []

    def run(self) -> End:
        """Until its end was told, the stage has gone, or this command is to end."""
        self._link.setblocking(False)
        while self._left is None and not (self._shown == b"" and (self._gone or self._end is not None)):
            ready = self._wait()
            if self._signals.handle in ready:
                self._heed(self._signals.take())
            if self._link.fileno() in ready:
                self._talk(ready[self._link.fileno()])
            if IN in ready:
                self._type()
            if OUT in ready:
                self._show()
        return End(self._end, self._left, frozenset(self._passed), len(self._interrupts) > 1)

    def _wait(self) -> dict[int, int]:
        poll = select.poll()
        poll.register(self._signals.handle, select.POLLIN)
        if not self._gone:
            reads = select.POLLIN if len(self._shown) < MOST_HELD else 0
            poll.register(self._link, reads | (select.POLLOUT if self._out else 0))
        if self._terminal and len(self._out) < MOST_HELD:
            poll.register(IN, select.POLLIN)
        if self._shown:
            poll.register(OUT, select.POLLOUT)
        return dict(poll.poll())

    # ------------------------------------------------------------ this side

    def _heed(self, caught: Iterable[int]) -> None:
        for number in caught:
            if number in OTHERS or (number in ENDING and not self._terminal):
                self._out += said(SIGNAL, number)
                self._passed.add(number)
                if number == signal.SIGINT:
                    self._interrupted()
            elif number in ENDING:
                self._left = number
            elif self._terminal:
                if number == signal.SIGCONT:  # a shell had the terminal meanwhile
                    _set(lambda: tty.setraw(IN, termios.TCSADRAIN))
                self._out += said(WINDOW, _window())

    def _interrupted(self) -> None:
        now = time.monotonic()
        self._interrupts = [at for at in self._interrupts if now - at <= AGAIN_S] + [now]
        if len(self._interrupts) == 2:
            Thread(target=self._cancel, daemon=True).start()  # a third is heard even if the engine does not answer
        elif len(self._interrupts) > 2:
            self._left = signal.SIGINT

    def _type(self) -> None:
        try:
            piece = os.read(IN, PIECE)
        except OSError:
            piece = b""
        if piece:
            self._out += framed(DATA, piece)
        else:  # the terminal has gone away
            self._left = signal.SIGHUP

    def _show(self) -> None:
        try:
            del self._shown[: os.write(OUT, self._shown[:4096])]
        except BlockingIOError:
            return
        except OSError:
            self._left = signal.SIGHUP

    # ------------------------------------------------------------ the stage

    def _talk(self, events: int) -> None:
        try:
            if self._out and events & select.POLLOUT:
                del self._out[: self._link.send(self._out)]
            if events & ~select.POLLOUT:
                piece = self._link.recv(PIECE)
                self._gone = not piece
                self._hear(self._frames.feed(piece))
        except BlockingIOError:
            return
        except (OSError, Broken):
            self._gone = True

    def _hear(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if frame.kind == DATA:
                self._shown += frame.body
                self._is_within_line = not frame.body.endswith(b"\n")
            elif frame.kind == WARNING:
                self._warn(float(frame.value["left_s"]))
            elif frame.kind == END:
                self._end = dict(frame.value)
                if "signal" in self._end and self._is_within_line:  # behind a ^C
                    self._shown += b"\r\n"

    def _warn(self, left_s: float) -> None:
        from rcq_tui.viewmodel.formats import duration

        self._shown += f"\r\nrcq: {duration(left_s)} left of the time limit\r\n".encode()
