"""The terminal UI in a real pty, as ssh would run it: keys go in, bytes come out and are counted with their time."""

import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
_ESCAPES = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|[PX^_\]][^\x07\x1b]*(\x07|\x1b\\)|.)")
PATIENCE_S = 30.0


class Terminal:
    """`rcq` on so many columns and rows. burst: (when, bytes) of each piece that came. began: when it was started."""

    def __init__(self, columns: int, rows: int, environment: Mapping[str, str]) -> None:
        self.bursts: list[tuple[float, int]] = []
        self._text = bytearray()
        self._came = threading.Condition()
        self.began = time.monotonic()
        self.pid, self._fd = pty.fork()
        if not self.pid:
            os.chdir(ROOT)
            given = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), **environment}
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(sys.executable, [sys.executable, "-P", "-m", "rcq_tui.cli.main"], given)  # noqa: S606
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def press(self, keys: str) -> float:
        """Type them; when."""
        at = time.monotonic()
        os.write(self._fd, keys.encode())
        return at

    def shows(self, words: str) -> float:
        """Wait until the words have come, whatever stands between them; when they had."""
        wanted = words.encode()
        with self._came:
            there = self._came.wait_for(lambda: wanted in _ESCAPES.sub(b"", bytes(self._text)), PATIENCE_S)
        if not there:
            raise AssertionError(f"never seen: {words}\n{self.text()[-2000:]}")
        return time.monotonic()

    def text(self) -> str:
        """All that came, without control sequences."""
        return _ESCAPES.sub(b"", bytes(self._text)).decode(errors="replace")

    def forget(self) -> None:
        """What came so far counts no more."""
        with self._came:
            self.bursts.clear()
            self._text.clear()

    def answered(self, since: float, within_s: float) -> float | None:
        """When the first bytes after a moment came; `None`: not in time."""

        def first() -> float | None:
            return next((at for at, _ in self.bursts if at >= since), None)

        with self._came:
            self._came.wait_for(lambda: first() is not None, within_s)
            return first()

    def quiet(self, for_s: float) -> None:
        """Wait until nothing came for so long."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with self._came:
                if not self._came.wait(for_s):
                    return

    def moment(self, for_s: float = 0.12) -> None:
        """Wait for the moment after something came by itself and nothing follows on it: more will not come soon."""
        with self._came:
            self._came.wait(1.5)
        self.quiet(for_s)

    def sent(self) -> int:
        """Bytes since the last `forget`."""
        return sum(size for _, size in self.bursts)

    def memory_mb(self) -> float:
        """MiB that it has in memory now."""
        return float(psutil.Process(self.pid).memory_info().rss / 2**20)

    def cpu_s(self) -> float:
        """Processor seconds that it has used."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._reader.join(5)
        os.close(self._fd)

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._fd, 65_536)
            except OSError:
                return
            if not piece:
                return
            with self._came:
                self.bursts.append((time.monotonic(), len(piece)))
                self._text += piece
                self._came.notify_all()
