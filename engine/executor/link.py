"""The engine's line to the supervisor: found or started on demand, many requests at once, re-sent when it breaks.

Must not know what a request means; sending one twice is harmless, because attempts are claimed in their directories.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from engine.descriptors import as_usual
from engine.executor.supervisor import MAX_LINE_BYTES, VERSION, socket_path
from engine.protocol.errors import RcqError

LOG = "supervisor.log"
CONNECT_TRIES = 40
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.25
GREET_WITHIN_S = 10.0
BREAKS_PER_REQUEST = 5


class SupervisorFailed(RcqError):
    """No supervisor could be started or it keeps dying; the message says where to look."""


class _Line(asyncio.Protocol):
    """One connection: answers by request number; on its end, those that wait get ConnectionResetError."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.greeting: asyncio.Future[Mapping[str, object]] = asyncio.get_running_loop().create_future()
        self.waiting: dict[int, asyncio.Future[Mapping[str, object]]] = {}
        self.lost = False
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour only

    def data_received(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            future = self.waiting.pop(answer["id"], None) if "id" in answer else self.greeting
            if future is not None and not future.done():
                future.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        for future in (self.greeting, *self.waiting.values()):
            if not future.done():
                future.set_exception(ConnectionResetError("the supervisor went away"))
                future.exception()  # seen: nobody may be waiting any more
        self.waiting.clear()


class SupervisorLink:
    """Requests to the supervisor of one state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()
        self._number = 0

    async def connect(self) -> None:
        """Find the supervisor or start one. Raises SupervisorFailed."""
        await self._connected()

    async def start(self, order: Mapping[str, object]) -> Mapping[str, object]:
        """Have an attempt started; the answer has `running`, `claimed`, `error` or `lost`. Raises SupervisorFailed."""
        self._number += 1
        number = self._number
        text = json.dumps({"op": "start", "id": number, "order": order}).encode() + b"\n"
        if len(text) >= MAX_LINE_BYTES:
            return {"error": "the command and its environment are too long for the kernel; put them into a file"}
        for _ in range(BREAKS_PER_REQUEST):
            line = await self._connected()
            if line.transport is None or line.lost:
                continue
            answer: asyncio.Future[Mapping[str, object]] = asyncio.get_running_loop().create_future()
            line.waiting[number] = answer
            line.transport.write(text)
            with contextlib.suppress(ConnectionResetError):
                return await answer
        raise SupervisorFailed(f"the job supervisor keeps dying; see {self._state_dir / LOG}")

    def close(self) -> None:
        """Hang up; the supervisor stays for the jobs that run. A start under way is cancelled, done or not."""
        line, self._line = self._line, None
        if line is not None and line.transport is not None:
            for answer in line.waiting.values():
                answer.cancel()
            line.waiting.clear()
            line.transport.close()

    # ------------------------------------------------------------ finding it

    async def _connected(self) -> _Line:
        async with self._connecting:
            if self._line is None or self._line.lost:
                self._line = await self._connect()
            return self._line

    async def _connect(self) -> _Line:
        pause_s = FIRST_PAUSE_S
        for tries in range(CONNECT_TRIES):
            with contextlib.suppress(OSError, TimeoutError):
                line = await self._dial()
                greeting = await asyncio.wait_for(line.greeting, GREET_WITHIN_S)
                if greeting.get("version") == VERSION:
                    return line
                await self._retire(line)
            if tries:  # another one may be on its way in or out
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
            await self._spawn()
        raise SupervisorFailed(f"the job supervisor does not answer; see {self._state_dir / LOG}")

    async def _dial(self) -> _Line:
        directory = os.open(self._state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.connect(socket_path(directory))
        except OSError:
            connection.close()
            raise
        finally:
            os.close(directory)
        _, line = await asyncio.get_running_loop().create_unix_connection(_Line, sock=connection)
        return line

    async def _retire(self, line: _Line) -> None:
        """A supervisor of another version stays for its own shepherds and gives the socket up."""
        if line.transport is not None:
            line.transport.write(b'{"op": "retire"}\n')
            line.transport.close()

    async def _spawn(self) -> None:
        """Run the supervisor; it goes into the background by itself and returns when its socket is there.

        Raises SupervisorFailed.
        """
        log = os.open(self._state_dir / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *as_usual(sys.executable, "-P", "-m", "engine.executor.supervisor", str(self._state_dir)),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            status = await process.wait()
        finally:
            os.close(log)
        if status != 0:
            raise SupervisorFailed(
                f"the job supervisor could not be started (status {status}); see {self._state_dir / LOG}"
            )
