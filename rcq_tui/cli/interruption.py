"""What ^C and SIGTERM do to a command that shall stop in good order: the first asks, the second leaves at once.

Must not know what is stopped.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rcq_tui.client.wholelines import Stop

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(notice: str) -> Iterator[Stop]:
    """What the first of them wishes for, telling `notice`. The second raises KeyboardInterrupt. Main thread only."""
    with Stop() as stop, _heeded(stop, notice):
        yield stop


@contextmanager
def _heeded(stop: Stop, notice: str) -> Iterator[None]:
    def heed(number: int, frame: FrameType | None) -> None:
        if stop.wished:
            raise KeyboardInterrupt
        stop.wish()
        # Past the buffers of standard error: whoever was interrupted may be inside them.
        os.write(2, f"\r\x1b[Krcq: {notice}\n".encode() if os.isatty(2) else f"rcq: {notice}\n".encode())

    # One that is ignored stays so, as under `nohup` or behind a shell's `trap ''`.
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, heed)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
