"""The engine's line to the launcher: one connection for each request, and one on which news of units come.

Must not know what a request means. The launcher may go and come at any time: whoever watches hears of everything anew.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.protocol.errors import RcqError

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 10.0
ANSWER_WITHIN_S = 90.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0
MOST_LINE_BYTES = 1 << 20
WATCH = b'{"do": "watch"}'
Told = Mapping[str, object]


class LauncherUnreachable(RcqError):
    """Nobody answers on the launcher's socket, or nothing can be started now; the message says what to look at."""


class LauncherRefused(RcqError):
    """The launcher did not do what it was asked for; the message says why."""


class LauncherLink:
    """Requests to the launcher on `path`. heard: a unit's news; listed: all units there are, after each connection."""

    def __init__(self, path: Path, heard: Callable[[Told], None], listed: Callable[[Sequence[Told]], None]) -> None:
        self._path = path
        self._heard = heard
        self._listed = listed
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Watch from now on; returns when all units there are have been told. Raises LauncherUnreachable."""
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watching = asyncio.create_task(self._watch(first), name="launcher-news")
        try:
            await asyncio.wait_for(first, CONNECT_WITHIN_S)
        except TimeoutError:
            await self.close()
            raise self._unreachable() from None

    async def close(self) -> None:
        """Hear nothing more."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    async def units(self) -> list[Told]:
        """All units there are now. Raises LauncherUnreachable."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reader, writer = await self._connect(WATCH)
                try:
                    return await _all_units(reader)
                finally:
                    writer.close()
        except (OSError, ValueError, TimeoutError) as problem:
            raise self._unreachable() from problem

    async def ask(self, request: Told, descriptors: Sequence[int] = ()) -> Told:
        """One request, with descriptors that stay the caller's. Raises LauncherUnreachable, LauncherRefused."""
        text = json.dumps(request).encode()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reader, writer = await self._connect(text, descriptors)
                try:
                    line = await reader.readline()
                finally:
                    writer.close()
            answer = json.loads(line)
        except (OSError, ValueError, TimeoutError) as problem:
            raise self._unreachable() from problem
        if "error" in answer:
            raise (LauncherUnreachable if answer.get("later") else LauncherRefused)(str(answer["error"]))
        found: Told = answer
        return found

    async def _connect(
        self, text: bytes, descriptors: Sequence[int] = ()
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which that was said."""
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(CONNECT_WITHIN_S)
            await asyncio.to_thread(line.connect, os.fspath(self._path))  # waits where many ask at once
            line.setblocking(False)
            sent = socket.send_fds(line, [text[:MOST_LINE_BYTES]], list(descriptors)) if descriptors else 0
            reader, writer = await asyncio.open_unix_connection(sock=line, limit=MOST_LINE_BYTES)
        except OSError:
            line.close()
            raise
        writer.write(text[sent:])
        writer.write_eof()
        return reader, writer

    async def _watch(self, first: "asyncio.Future[None]") -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                reader, writer = await self._connect(WATCH)
                try:
                    await self._follow(reader, first)
                finally:
                    writer.close()
                pause_s = FIRST_PAUSE_S
            except (OSError, ValueError) as problem:
                log.debug("No launcher: %s", problem)
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)

    async def _follow(self, reader: asyncio.StreamReader, first: "asyncio.Future[None]") -> None:
        self._listed(await _all_units(reader))
        if not first.done():
            first.set_result(None)
        while line := await reader.readline():
            self._heard(json.loads(line))

    def _unreachable(self) -> LauncherUnreachable:
        return LauncherUnreachable(
            f"The launcher does not answer on {self._path}. See: systemctl status rcq-launcher.socket rcq-launcher"
        )


async def _all_units(reader: asyncio.StreamReader) -> list[Told]:
    """Up to the empty map that ends the list. Raises ValueError where it breaks off before."""
    units: list[Told] = []
    while told := json.loads(await reader.readline()):
        units.append(told)
    return units
