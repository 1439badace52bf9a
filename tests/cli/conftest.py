"""A home of their own for commands, the scripted engine, and ways to run them."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scripted_engine import Engine, Handler, Raw, Result, Server

from rcq_tui.cli.main import main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: nothing of the real one is read or written."""
    for name in list(os.environ):
        if name.startswith(("RCQ_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return tmp_path


@pytest.fixture
def engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The scripted engine, which commands find through RCQ_SOCKET."""
    path = home / "rcq.sock"
    monkeypatch.setenv("RCQ_SOCKET", str(path))
    with Server(str(path), Handler) as server:
        server.engine = Engine(path)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.engine
        server.shutdown()
        thread.join()
    assert server.engine.unexpected == []


@pytest.fixture
def rcq(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs a command in this process."""

    def run(*argv: str) -> Result:
        try:
            code = main(list(argv))
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


HEEDS_INTERRUPTS = ("env", "--default-signal=INT")
"""As in a terminal: a shell lets what it runs in the background ignore ^C, and children inherit that."""


@pytest.fixture
def spawn(home: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts a command as a process of its own; none outlives the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str, **more: Any) -> "subprocess.Popen[bytes]":
        command = [*HEEDS_INTERRUPTS, sys.executable, "-P", "-m", "rcq_tui.cli.main", *argv]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, **{**pipes, **more})
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Starts a Raw server; gives its path."""
    servers: list[Raw] = []

    def start(talk: Callable[[socket.socket], None]) -> str:
        servers.append(Raw(tmp_path / "raw.sock", talk))
        return servers[-1].path

    yield start
    for server in servers:
        server.close()
