"""One browser's session: a process of the terminal UI of its own, which ends when the browser goes away.

Must not know HTTP, nor what the screen shows.
"""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from rcq_tui.web.gate import cells

_END_S = 5.0
"""Seconds in which the UI has left after it was told to. One that has not is killed."""
_GONE_S = 2.0
"""Seconds from there to the end of its process."""
_OURS_ALONE = frozenset({"RCQ_TOKEN", "RCQ_SOCKET", "TEXTUAL", "TEXTUAL_LOG", "TEXTUAL_PRESS", "TEXTUAL_SCREENSHOT"})
"""Variables of whoever started the server that are none of a visitor's business."""


class BrowserSession(AppService):
    """send: pieces of what a terminal would show. close: ends the browser's connection."""

    def __init__(
        self,
        command: list[str],
        *,
        send: Callable[[bytes], Awaitable[None]],
        say: Callable[[str], Awaitable[None]],
        close: Callable[[], Awaitable[object]],
    ) -> None:
        async def closed() -> None:
            await close()

        super().__init__(command[0], write_bytes=send, write_str=say, close=closed, download_manager=DownloadManager())
        self._argv = command

    async def take(self, text: str) -> None:
        """What the browser sends: keys, its size, whether somebody looks at it. Raises ValueError for anything else."""
        message = json.loads(text)
        match message:
            case ["stdin", str(keys)]:
                await self.send_bytes(keys.encode("utf-8", "replace"))
            case ["resize", dict(size)]:
                await self.set_terminal_size(*cells(size))
            case ["ping", str(when)] if len(when) <= 32:
                await self.remote_write_str(json.dumps(["pong", when]))
            case ["focus"]:
                await self.focus()
            case ["blur"]:
                await self.blur()
            case _:
                raise ValueError("no such message")

    async def run(self) -> None:
        """Carry what the UI writes to the browser. However the UI ended, the browser is told so."""
        try:
            await super().run()
        finally:
            await self.remote_close()

    async def end(self) -> None:
        """The process has ended when this returns."""
        # Two bounds: the library takes the end of the first one for the end of what it waits for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self.stop()
        try:
            async with asyncio.timeout(_GONE_S):
                if self._process is not None:
                    await self._process.wait()
        except TimeoutError:
            await self._kill()

    async def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """The library would give a line to a shell; a list needs no quoting."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self._build_environment(width, height)
        )
        self._stdin = process.stdin
        return process

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        built: Mapping[str, str] = super()._build_environment(width, height)
        return {name: value for name, value in built.items() if name not in _OURS_ALONE}


def command(socket_path: str) -> list[str]:
    """What runs for each browser. -P: a folder named `rcq_tui` where the user stands is not ours."""
    return [sys.executable, "-P", "-m", "rcq_tui.web.served", os.path.abspath(socket_path)]  # noqa: PTH100  text in, text out
