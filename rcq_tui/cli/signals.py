"""Signals while a command stands for a job in the foreground: heeded at once, or kept for a loop to take.

Must not know what is done about them.
"""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""By which people end a command. One that is ignored from the start (`nohup`) stays so."""


class Told(Exception):
    """A signal asked this command to end. number: which."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def heeded(numbers: Iterable[int] = ENDING) -> Iterator[None]:
    """Raise Told wherever one of them comes: once, but for ^C, as a terminal that goes away sends several."""
    heard: set[int] = set()

    def tell(number: int, _: FrameType | None) -> None:
        if not heard or number == signal.SIGINT:
            heard.add(number)
            raise Told(number)

    with _handled(numbers, tell):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Something is brought to its end: only ^C leaves it."""
    with _handled(set(ENDING) - {signal.SIGINT}, lambda number, _: None):
        yield


class Kept:
    """Signals that came. handle: can be read from, and waited for, when there are any."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def take(self) -> list[int]:
        """Those since the last time, in order."""
        with suppress(BlockingIOError):
            return list(os.read(self.handle, 4096))
        return []


@contextmanager
def kept(numbers: Iterable[int]) -> Iterator[Kept]:
    """Keep them, so that nothing is broken off."""
    reads, writes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    before = signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    try:
        with _handled(numbers, lambda number, _: None):
            yield Kept(reads)
    finally:
        signal.set_wakeup_fd(before)
        os.close(writes)
        os.close(reads)


@contextmanager
def _handled(numbers: Iterable[int], handler: "signal._HANDLER") -> Iterator[None]:
    wanted = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in wanted}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
