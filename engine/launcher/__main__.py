"""`python -m engine.launcher`: root's only part of rcq, on the socket that systemd hands over.

One connection brings one request: JSON up to its end, with the descriptors of its output; the answer is one line. For
`watch` there is a line for each unit, an empty map, and then a line for each change. Only the engine's user is heard.
Nothing is kept: this may be killed at any moment.
"""

import asyncio
import contextlib
import json
import os
import pwd
import socket
import struct
import sys
from collections.abc import Coroutine
from typing import Any
from weakref import WeakValueDictionary

from engine.launcher import people, units
from engine.launcher.request import MOST_BYTES, NotNow, Refused, Request, read
from engine.launcher.systemd import DEEDS, State, Systemd

ENGINE_USER = "rcq"
HANDED_OVER = 3  # the first descriptor of sd_listen_fds(3)
PATIENCE_S = 10.0
MOST_NEWS = 100_000
CREDENTIALS = struct.Struct("3i")


class Launcher:
    """Requests to systemd, news of units to whoever watches."""

    def __init__(self) -> None:
        self._news: set[asyncio.Queue[State]] = set()
        self._systemd = Systemd(self._tell)
        self._lines: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def serve(self, listener: socket.socket) -> None:
        """Until the bus is gone or something breaks: the next launcher finds everything as it was."""
        bus = await self._systemd.connect()
        lost: Coroutine[Any, Any, None] = bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # of the library
        tasks = [asyncio.ensure_future(one) for one in (lost, self._accept(listener), self._systemd.look())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done.pop().result()

    async def _accept(self, listener: socket.socket) -> None:
        engine = pwd.getpwnam(ENGINE_USER).pw_uid
        while True:
            line, _ = await asyncio.get_running_loop().sock_accept(listener)
            facts = CREDENTIALS.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
            if facts[1] != engine:
                line.close()
                continue
            task = asyncio.create_task(self._attend(line))
            self._lines.add(task)
            task.add_done_callback(self._lines.discard)

    async def _attend(self, line: socket.socket) -> None:
        text, descriptors = await asyncio.to_thread(_receive, line)
        try:
            one = read(text)
            if one.do == "watch":
                await self._watch(line)
            answer: State = await self._carry(one, descriptors)
        except Refused as refused:
            answer = {"error": str(refused), "later": isinstance(refused, NotNow)}
        except OSError:
            answer = {}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        with line, contextlib.suppress(OSError):  # who asked may be gone
            await _send(line, answer)

    async def _carry(self, one: Request, descriptors: list[int]) -> State:
        """Do it. Raises Refused."""
        unit = units.name_of(one)
        async with self._turns.setdefault(unit, asyncio.Lock()):
            return await self._do(one, unit, descriptors)

    async def _do(self, one: Request, unit: str, descriptors: list[int]) -> State:
        if one.do in {"start", "task"}:
            if len(descriptors) != 3:
                raise Refused("a start needs three descriptors: what to run, its output and its errors")
            return await self._systemd.begin(unit, units.service(one, people.allowed(one.user)), descriptors)
        if one.do == "adopt":
            people.own(one.pids, people.allowed(one.user))
            return await self._systemd.begin(unit, units.scope(one), [])
        state = await self._systemd.state(unit)
        if not str(state.get("Description")).endswith(f", attempt {one.attempt}"):
            return {}  # it is gone; what has its name by now is not meant
        if one.do in DEEDS:
            member, signature, words = DEEDS[one.do]
            await self._systemd.call(member, signature, [unit, *words])
        elif state["ActiveState"] in {"failed", "inactive"} or state["SubState"] == "exited":
            await self._systemd.forget(unit)
        else:
            raise Refused(f"{unit} has not ended")
        return {}

    async def _watch(self, line: socket.socket) -> None:
        """Until the other side hangs up. Raises OSError then."""
        news: asyncio.Queue[State] = asyncio.Queue()
        self._news.add(news)
        try:
            for state in [*await self._systemd.all(), {}]:
                await _send(line, state)
            while news.qsize() < MOST_NEWS:
                await _send(line, await news.get())
        finally:
            self._news.discard(news)

    def _tell(self, state: State) -> None:
        for news in self._news:
            news.put_nowait(state)


def _receive(line: socket.socket) -> tuple[bytes, list[int]]:
    """All that comes until the other side has said all; in a thread."""
    text, descriptors = b"", list[int]()
    line.settimeout(PATIENCE_S)
    try:
        while len(text) <= MOST_BYTES and len(descriptors) <= 3:
            piece, found, _, _ = socket.recv_fds(line, 1 << 16, 4)
            text, descriptors = text + piece, descriptors + found
            if not piece:
                break
    except OSError:
        text = b""
    line.setblocking(False)
    return text, descriptors


async def _send(line: socket.socket, answer: dict[str, Any]) -> None:
    await asyncio.get_running_loop().sock_sendall(line, json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Serve the socket that was handed over."""
    try:
        listener = socket.socket(fileno=HANDED_OVER)
    except OSError:
        sys.exit("rcq-launcher: systemd starts this on its socket: systemctl start rcq-launcher.socket")
    listener.setblocking(False)
    try:
        asyncio.run(Launcher().serve(listener))
    except (EOFError, OSError) as lost:
        sys.exit(f"rcq-launcher: no line to systemd's bus any more ({lost!r}); the next request starts a new launcher")


if __name__ == "__main__":
    main()
