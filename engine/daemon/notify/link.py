"""The engine's line to the notifier: systemd's socket on the appliance, else a child that is started on demand.

Must not know what is sent.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from config.settings import NotifySettings
from engine.protocol.notifications import MOST_LINE_BYTES

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class NotifierLink:
    """Many requests at once on one connection; where that breaks, those that wait get ConnectionResetError."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]]) -> None:
        self._connect = connect
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._numbers = count(1)
        self._connecting = asyncio.Lock()

    async def send(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request. Raises OSError."""
        number = next(self._numbers)
        line = json.dumps({**request, "id": number}).encode() + b"\n"
        if len(line) > MOST_LINE_BYTES:
            return {"ok": False, "again": False, "message": "The message is too long."}
        async with self._connecting:
            if self._writer is None:
                reader, self._writer = await self._connect()
                self._reading = asyncio.create_task(self._read(reader), name="notifier")
            writer = self._writer
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            writer.write(line)
            await writer.drain()
            found: Mapping[str, Any] = await answer
            return found
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Hang up; the child ends by that."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._lost()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError, ValueError):  # a line that is no answer: the notifier is of another version
            while line := await reader.readline():
                given = json.loads(line)
                future = self._waiting.get(given["id"])
                if future is not None and not future.done():
                    future.set_result(given)
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._lost()

    def _lost(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the notifier went away"))


def by_socket(path: Path) -> Callable[[], Awaitable[Streams]]:
    """The notifier that systemd starts when somebody connects."""

    async def connect() -> Streams:
        return await asyncio.open_unix_connection(path, limit=MOST_LINE_BYTES)

    return connect


def by_child(settings: NotifySettings) -> Callable[[], Awaitable[Streams]]:
    """A notifier of one's own, with these settings. It ends when the line does, and so with the engine."""

    async def connect() -> Streams:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "engine.notifier", "--settings", settings.model_dump_json(),
                stdin=theirs.fileno(), start_new_session=True,
            )  # fmt: skip
        reaper = asyncio.create_task(process.wait(), name="notifier's end")
        _reapers.add(reaper)
        reaper.add_done_callback(_reapers.discard)
        ours.setblocking(False)
        return await asyncio.open_unix_connection(sock=ours, limit=MOST_LINE_BYTES)

    return connect


_reapers: set["asyncio.Task[int]"] = set()
"""Tasks are held by whoever waits for them, and nobody else does."""
