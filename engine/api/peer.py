"""One connection: who is at its other end, as the kernel tells it, and how long it is waited for.

A subclass of uvicorn's httptools protocol, which bounds neither a head's size and time nor an unread answer, and whose
own refusals have another shape. Must not know accounts or routes.
"""

import asyncio
import json
import random
import socket
import struct
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NamedTuple, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from engine.api.answers import retry_after
from engine.api.bounds import Bounds
from engine.api.connections import Connections, Stage
from engine.protocol.errors import STATUS, Refused

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
HEAD_SPREAD = 1.5
"""A head is waited for by up to so many times its time-out."""
MAX_PIPELINED = 16
"""Requests that one connection may send ahead."""
_PEER = "rcq.peer"
_TALK = "rcq.talk"
_CREDENTIALS = struct.Struct("3i")


class Peer(NamedTuple):
    """A process at the other end of a Unix socket, at the moment it connected."""

    pid: int
    uid: int
    gid: int


class Talk:
    """What a request and its connection tell each other. gone: set once the connection is no more.

    patient: its body is a stream that may take any time, and so may its answer meanwhile. last: the connection ends
    with its answer.
    """

    __slots__ = ("gone", "last", "patient")

    def __init__(self, gone: asyncio.Event) -> None:
        self.gone = gone
        self.patient = False
        self.last = False


def peer_of(scope: MutableMapping[str, Any]) -> Peer | None:
    """The peer of a request, if its connection is a Unix socket."""
    peer: Peer | None = scope.get("extensions", {}).get(_PEER)
    return peer


def talk_of(scope: Mapping[str, Any]) -> Talk:
    """Of a request on such a connection; one that nobody listens to, of any other."""
    return scope.get("extensions", {}).get(_TALK) or Talk(asyncio.Event())


def credentials(connection: socket.socket) -> Peer | None:
    """Who is at the other end of a Unix socket; `None` of any other."""
    if connection.family != socket.AF_UNIX:
        return None
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(raw))


def written(refused: Refused) -> bytes:
    """A whole answer that refuses and ends the connection."""
    body = json.dumps(refused.body()).encode()
    wait = retry_after(refused)
    later = b"" if wait is None else b"retry-after: %d\r\n" % wait
    head = b"content-type: application/json\r\n%bcontent-length: %d\r\nconnection: close\r\n\r\n" % (later, len(body))
    return STATUS_LINE[STATUS[refused.code]] + head + body


class PeerProtocol(HttpToolsProtocol):
    """HTTP/1.1 on a Unix socket; each request's scope holds its peer and its talk."""

    peer: Peer | None = None
    book: Connections | None = None
    bounds = Bounds()
    uid = -1
    _given_up = False
    _broken = False
    _head_bytes = 0
    _headers = 0
    _running: RequestResponseCycle | None = None

    # ------------------------------------------------------------ the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn names the wider type
        """Wait for a head from now on."""
        super().connection_made(transport)
        self._gone = asyncio.Event()
        self._head = _Deadline(self.loop, self._no_head)
        self._late = _Deadline(self.loop, self._no_answer)
        self._unread = _Deadline(self.loop, self._no_reader)
        self._wait_for_head()
        if self._given_up:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more."""
        for deadline in (self._head, self._late, self._unread):
            deadline.clear()
        self._gone.set()
        if self.book is not None:
            self.book.gone(self)
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Close it at once, for the sake of another."""
        self._given_up = True
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client; none counts any more after some that were no HTTP."""
        if not self._broken:
            super().data_received(data)

    # ------------------------------------------------------------ what is read

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_bytes = self._headers = 0
        self.scope["extensions"] = {_PEER: self.peer, _TALK: Talk(self._gone)}  # type: ignore[dict-item]  # anybody's

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A whole head is there."""
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests sent ahead")  # httptools turns it into its own error, see `_count`
        self._head.clear()
        super().on_headers_complete()
        self._restage()

    def on_message_complete(self) -> None:
        """A whole request is there."""
        super().on_message_complete()
        self._restage()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP (or has too long a head) and hang up; after the answer that is under way, if any."""
        self._broken = True
        running = self._running
        if running is not None and not running.response_complete:
            running.keep_alive = False
        elif self._head_bytes > MAX_HEAD_BYTES or self._headers > MAX_HEADERS:
            told = f"The request's head is over {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} headers; send less."
            self._hang_up(Refused("TOO_LARGE", told))
        else:
            self._hang_up(Refused("BAD_FORMAT", "This is not HTTP/1.1; see GET /openapi.json."))

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES or self._headers > MAX_HEADERS:
            raise ValueError("head too long")  # httptools turns it into its own error, which is answered above

    # ------------------------------------------------------------ what is answered

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        self._late.set(self.bounds.request_timeout_s)
        super()._start_asgi_task(cycle, app if len(self.tasks) < self.bounds.connections else cast("Any", _busy))

    def on_response_complete(self) -> None:
        """An answer is written; wait for the next request."""
        self._late.clear()
        if self._running is not None and _talk(self._running).last:
            self.transport.close()
        super().on_response_complete()
        if self.transport.is_closing():
            self._unread.set(self.bounds.write_timeout_s)  # what is left has to be read, or the connection stays
        elif self._idle():
            self._wait_for_head()
        self._restage()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self._unread.set(self.bounds.write_timeout_s)
        self._restage()

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._unread.clear()
        self._restage()

    def _hang_up(self, refused: Refused) -> None:
        self.transport.write(written(refused))
        self.transport.close()
        self._unread.set(self.bounds.write_timeout_s)

    # ------------------------------------------------------------ waiting for too long

    def _wait_for_head(self) -> None:
        # Not the same time for all: a thousand that came together and all come again would do so in one moment.
        self._head.set(self.bounds.head_timeout_s * random.uniform(1.0, HEAD_SPREAD))  # noqa: S311  nothing is secret

    def _no_head(self) -> None:
        self.transport.abort()

    def _no_reader(self) -> None:
        if self._patient() and self._running is not None and self._running.more_body:
            self._unread.set(self.bounds.write_timeout_s)  # a client may send all of a stream before it reads
        else:
            self.transport.abort()

    def _no_answer(self) -> None:
        """Answer in the place of a handler that takes too long; it goes on, and what it answers is dropped."""
        running = self._running
        if running is None or running.response_started or self._patient() or self.transport.is_closing():
            return
        running.disconnected = True
        told = f"No answer within {self.bounds.request_timeout_s:g} s. It may still be done: look before you ask again."
        self._hang_up(Refused("SERVICE_NOT_READY", told))

    def _patient(self) -> bool:
        return self._running is not None and _talk(self._running).patient

    def _idle(self) -> bool:
        return self._running is None or self._running.response_complete

    def _restage(self) -> None:
        if self.book is None:
            return
        if self._idle():
            stage = Stage.HEAD
        elif self.flow.write_paused and not self._patient():
            stage = Stage.READER
        elif self._running is not None and self._running.more_body and not self._patient():
            stage = Stage.BODY
        else:
            stage = Stage.ENGINE
        self.book.stage(self, stage)


def _talk(cycle: RequestResponseCycle) -> Talk:
    return talk_of(cast("Mapping[str, Any]", cycle.scope))


class _Deadline:
    """Calls once, so many seconds after it was last set."""

    __slots__ = ("_call", "_handle", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        self._loop = loop
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        self.clear()
        self._handle = self._loop.call_later(seconds, self._call)

    def clear(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


async def _busy(_scope: Any, _receive: Any, send: Callable[[dict[str, Any]], Any]) -> None:
    """Stands in for the application where it has as many requests under way as it may have."""
    refused = Refused("SERVICE_NOT_READY", "The engine has more to do than it can; try again.")
    body = json.dumps(refused.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(b"retry-after", b"%d" % (retry_after(refused) or 1)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": STATUS[refused.code], "headers": headers})
    await send({"type": "http.response.body", "body": body})
