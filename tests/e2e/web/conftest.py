"""`rcq web` on a real engine, and what a browser would see of it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

PATIENCE_S = 30.0
_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78])")


class Site:
    """One `rcq web` and where it is."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://(\S+)/", said)
        assert found, said
        self.host = found[1]
        self.url = f"http://{self.host}"

    def sessions(self) -> list[int]:
        """Processes of the UI that it has, one for each browser."""
        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]

    @asynccontextmanager
    async def browser(self, size: str = "width=100&height=30", **headers: str) -> AsyncIterator["Browser"]:
        """A connection as a browser's page makes it."""
        named = {"Origin": self.url} | headers
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{self.url}/ws?{size}", headers=named) as socket:
            yield Browser(socket)


class Browser:
    """What came since the last keys, as the words between the terminal's codes: what was drawn later stands later."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.raw = ""

    @property
    def words(self) -> str:
        return " ".join(_CODES.sub(" ", self.raw).split())

    async def sees(self, words: str) -> None:
        """Wait until something is drawn that has these words in it, after the last keys."""
        deadline = time.monotonic() + PATIENCE_S
        while words not in self.words:
            assert time.monotonic() < deadline, f"{words!r} was never drawn:\n{self.words[-3000:]}"
            message = await self.socket.receive(timeout=PATIENCE_S)
            assert message.type is aiohttp.WSMsgType.BINARY, f"{message}; drawn before:\n{self.words[-3000:]}"
            self.raw += message.data.decode(errors="replace")

    async def is_ended(self) -> int | None:
        """Wait for the end of the session: its closing code."""
        while (message := await self.socket.receive(timeout=PATIENCE_S)).type is aiohttp.WSMsgType.BINARY:
            self.raw += message.data.decode(errors="replace")
        return self.socket.close_code

    async def types(self, keys: str) -> None:
        self.raw = ""
        await self.socket.send_json(["stdin", keys])

    async def logs_in(self, name: str, password: str) -> None:
        await self.sees("Password")
        await self.types(f"{name}\r{password}\r")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Starts `rcq web` on an engine: `serve(engine)`; more options may follow."""
    begun: list[subprocess.Popen[str]] = []

    def start(engine: Any, *options: str, **environment: str) -> Site:
        known = {name: value for name, value in os.environ.items() if not name.startswith("RCQ_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "rcq_tui.cli.main", "web", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=known | {"RCQ_SOCKET": str(engine.socket), "XDG_CONFIG_HOME": str(tmp_path / "home")} | environment,
        )
        begun.append(process)
        return Site(process)

    yield start
    for process in begun:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
        assert process.stdout is not None
        process.stdout.close()
