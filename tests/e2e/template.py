"""A process that has imported the whole engine and becomes one whenever it is asked: a second less for each of some
hundred engines. What is an engine's own (arguments, log, session, signals) is as if it had been started by itself.

`python -m tests.e2e.template` reads a request on each line of its input, and tells starts and ends on its output.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    """What an engine is started with. program: what `python -m` would run. log: what it prints goes there."""

    program: str
    argv: Sequence[str]
    log: str
    environment: Mapping[str, str]


class Process:
    """An engine that the template became, with the part of `subprocess.Popen` that tests use.

    returncode: as of `Popen`: `None` while it runs, negative for a signal.
    """

    def __init__(self, template: "Template", pid: int) -> None:
        self._template = template
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        self._template.listen(0.0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("engine", timeout)
            self._template.listen(until - time.monotonic())
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Template:
    """The test's end of the line."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.e2e.template"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        self._rest = b""
        self._started: list[Process] = []
        self._alive: dict[int, Process] = {}  # the kernel gives a number again once its process has ended
        atexit.register(self._process.kill)

    def start(self, request: Request) -> Process:
        """An engine in a session of its own."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
        self._process.stdin.flush()
        while not self._started:
            assert self._process.poll() is None, "the template has ended"
            self.listen(1.0)
        return self._started.pop()

    def listen(self, within_s: float) -> None:
        """Take in what it told, waiting for something at most so long."""
        assert self._process.stdout is not None
        line = self._process.stdout.fileno()
        while select.select([line], [], [], max(0.0, within_s))[0]:
            piece = os.read(line, 65536)
            if not piece:
                return
            *told, self._rest = (self._rest + piece).split(b"\n")
            for one in map(json.loads, told):
                self._heard(one)
            within_s = 0.0

    def _heard(self, told: dict[str, Any]) -> None:
        if "started" in told:
            process = self._alive[told["started"]] = Process(self, told["started"])
            self._started.append(process)
        else:
            self._alive.pop(told["ended"]).returncode = told["code"]


_templates: list[Template] = []


def engine(request: Request) -> Process:
    """An engine that was asked for; the template is made at the first one."""
    if not _templates:
        _templates.append(Template())
    return _templates[0].start(request)


def _tell(**told: int) -> None:
    os.write(1, json.dumps(told).encode() + b"\n")


def _become(request: dict[str, Any]) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((null, 0), (log, 1), (log, 2)):
        os.dup2(here, there)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    code = 1
    try:
        name = "engine.daemon.main" if request["program"] == "engine.daemon" else request["program"]
        code = import_module(name).main(request["argv"])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - the outermost of this process
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve() -> None:
    import engine.daemon.main  # noqa: F401 - what all of this is for

    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    rest = b""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            _reap()
        if 0 in ready:
            piece = os.read(0, 65536)
            if not piece:
                return
            *asked, rest = (rest + piece).split(b"\n")
            for one in asked:
                pid = os.fork()
                if pid == 0:
                    _become(json.loads(one))
                _tell(started=pid)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell(ended=pid, code=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    _serve()
