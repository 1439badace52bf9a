"""Terminals that run the real `rcq`: tmux, which says what a person would see, and a bare one, which keeps every byte.

Must not know screens.
"""

import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 30.0
RCQ = (sys.executable, "-m", "rcq_tui.cli.main")


def environment(engine_socket: Path, home: Path, **more: str) -> dict[str, str]:
    """Of somebody at home in `home`, without what this machine's user has set."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("RCQ_", "XDG_", "TMUX"))}
    own = {"RCQ_SOCKET": str(engine_socket), "HOME": str(home), "XDG_CONFIG_HOME": str(home), "LANG": "C.UTF-8"}
    return plain | own | {"XDG_STATE_HOME": str(home)} | more


class Tmux:
    """One window of a tmux server of its own, in which `rcq` runs. words: what is typed behind it. Close it."""

    def __init__(self, place: Path, env: dict[str, str], *words: str, columns: int = 80, lines: int = 24) -> None:
        self._socket = place / "tmux.sock"
        self._code = place / "exit-code"
        self._env = env
        self._ask("new-session", "-d", "-x", str(columns), "-y", str(lines), "-s", "it", "sh")
        self._ask("set-option", "-g", "remain-on-exit", "on")
        program, code = shlex.join((*RCQ, *words)), shlex.quote(str(self._code))
        self._ask("respawn-pane", "-k", "-t", "it", f"{program}; echo $? > {code}.new && mv {code}.new {code}")

    def keys(self, *keys: str) -> None:
        """Keys by tmux's names: `Enter`, `C-s`, `Escape`; anything else is typed."""
        for key in keys:
            self._ask("send-keys", "-t", "it", key)

    def types(self, text: str) -> None:
        """Letters as they are."""
        self._ask("send-keys", "-t", "it", "-l", text)

    def screen(self) -> str:
        """What is on it."""
        return self._ask("capture-pane", "-p", "-t", "it")

    def sees(self, words: str) -> str:
        """Wait until the words are on the screen: all of it."""
        return self.waits(lambda screen: words in screen, words)

    def waits(self, condition: Callable[[str], object], what: str) -> str:
        """Wait until a condition holds for the screen: all of it."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition(screen := self.screen()):
            assert time.monotonic() < deadline, f"never: {what}. The screen:\n{screen}"
            time.sleep(0.05)
        return screen

    def ended(self) -> int:
        """Wait until the program has ended: its exit code."""
        # The shell tells, as tmux 3.3a at times never waits for its child: no exit status is shown then.
        self.waits(lambda _: self._code.exists(), "the end")
        return int(self._code.read_text())

    def close(self) -> None:
        """End the server and what runs in it."""
        self._ask("kill-server")

    def _ask(self, *words: str) -> str:
        asked = ["tmux", "-f", "/dev/null", "-S", str(self._socket), *words]
        return subprocess.run(asked, env=self._env, check=True, capture_output=True, text=True, timeout=30).stdout


class Bare:
    """A terminal without any picture: what the program wrote, byte by byte. words: as of `Tmux`. Close it."""

    def __init__(self, env: dict[str, str], *words: str, columns: int = 100, lines: int = 30) -> None:
        self.columns, self.lines = columns, lines
        self._master, slave = pty.openpty()
        self._tell_size()
        flags = termios.tcgetattr(slave)
        flags[0] &= ~termios.IXON  # ^s among keys typed ahead of the end would stop the terminal for good
        termios.tcsetattr(slave, termios.TCSANOW, flags)
        self.program = subprocess.Popen(
            (*RCQ, *words), stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env=env | {"TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(slave)
        self.wrote = b""

    def resize(self, columns: int, lines: int) -> None:
        """What a person does with the window."""
        self.columns, self.lines = columns, lines
        self._tell_size()
        self.program.send_signal(signal.SIGWINCH)  # the kernel would, if this were its controlling terminal

    def _tell_size(self) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", self.lines, self.columns, 0, 0))

    def sends(self, keys: bytes) -> None:
        """Keys as a terminal sends them."""
        while keys:
            _, ready, _ = select.select([], [self._master], [], PATIENCE_S)
            assert ready, "it reads no keys"
            keys = keys[os.write(self._master, keys[:512]) :]
            self.reads(0)

    def reads(self, wait_s: float) -> bytes:
        """What it wrote by now, or within so many seconds: nothing where it is still or has ended."""
        came = b""
        while select.select([self._master], [], [], 0 if came else wait_s)[0]:
            try:
                piece = os.read(self._master, 65_536)
            except OSError:  # its other end is closed
                break
            came += piece
            if not piece:
                break
        self.wrote += came
        return came

    def sees(self, words: str) -> None:
        """Wait until words were drawn, in one piece, at any time since `wrote` was emptied."""
        deadline = time.monotonic() + PATIENCE_S
        while words not in self.text():
            assert time.monotonic() < deadline, f"{words!r} was never drawn:\n{self.text()[-4000:]}"
            assert self.program.poll() is None, f"it has ended:\n{self.text()[-4000:]}"
            self.reads(0.1)

    def ended(self) -> int:
        """Wait until the program has ended: its exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self.program.poll() is None:
            assert time.monotonic() < deadline, f"it does not end:\n{self.text()[-4000:]}"
            self.reads(0.1)
        self.reads(0)
        return self.program.returncode

    def echoes(self) -> bool:
        """Whether it shows what is typed by itself, as it does before a program takes it over."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def text(self) -> str:
        """The words of what was drawn, in the order of drawing."""
        return _CODES.sub("", self.wrote.decode(errors="replace"))

    def close(self) -> None:
        """End the program."""
        self.program.kill()
        self.program.wait()
        os.close(self._master)


_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|[()][0-9A-B]|[=>78])")
