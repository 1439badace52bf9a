"""The demo's own engine in a directory of its own, and the certain end of everything that came of it.

Must not know people or jobs.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

from engine.protocol.errors import RcqError
from rcq_tui.cli.demo.descendants import adopt_orphans, end_all
from rcq_tui.cli.demo.settings import derive
from rcq_tui.client.personal import engine_command, wait_until_ready
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.text import clean

START_TIMEOUT_S = 30.0
END_TIMEOUT_S = 10.0
_LOG_LINES = 20
_MOST_BYTES = 60
"""A longer place for temporary files leaves no room for the name of a socket."""


class Host:
    """Entered, the engine runs; left, it and every process that came of it have ended and its files are gone.

    gpus: so many simulated cards instead of the shipped number. real: the machine's own cards. Raises Unreachable
    if the engine does not come up.
    """

    def __init__(self, shipped: Path, gpus: int | None, real: bool) -> None:
        self._shipped, self._gpus, self._real = shipped, gpus, real
        self._engine: subprocess.Popen[bytes] | None = None
        place = tempfile.gettempdir()
        short = place if len(place) < _MOST_BYTES else "/tmp"  # noqa: S108  mkdtemp makes a private directory in it
        self.directory = Path(tempfile.mkdtemp(prefix="rcq-demo-", dir=short))
        self.socket = str(self.directory / "rcq.sock")

    def __enter__(self) -> "Host":
        try:
            self._start()
        except BaseException:  # ^C too: the engine ends, whatever broke off its start
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, RcqError):
            sys.stderr.write(f"rcq: the engine's log ends with:\n{self._log_end()}")
        self._end()

    def wire(self, token: str | None) -> Wire:
        """A connection to the engine."""
        return Wire(self.socket, token, 60.0)

    def _start(self) -> None:
        adopt_orphans()
        settings, log = self.directory / "rcq.toml", self.directory / "engine.log"
        settings.write_text(derive(self._shipped / "rcq.toml", self._gpus, self._real))
        command = engine_command(config=settings, socket=Path(self.socket), state_dir=self.directory / "state")
        with log.open("wb") as output:
            # Of its own session: ^C is for the demo, which ends things in their order.
            self._engine = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=_environment(),
            )
        wait_until_ready(self._engine, Path(self.socket), log, START_TIMEOUT_S)

    def _log_end(self) -> str:
        lines = (self.directory / "engine.log").read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "".join(f"  {clean(line)}\n" for line in lines)

    def _end(self) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            if self._engine is not None:
                self._engine.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._engine.wait(END_TIMEOUT_S)
                end_all(END_TIMEOUT_S)
            shutil.rmtree(self.directory, ignore_errors=True)
        finally:
            signal.signal(signal.SIGINT, before)


def _environment() -> dict[str, str]:
    """Ours without what would lead the engine to other places than the demo's."""
    return {name: value for name, value in os.environ.items() if name not in {"RCQ_SOCKET", "RCQ_CONFIG", "RCQ_TOKEN"}}
