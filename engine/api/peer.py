"""Who is at the other end of the Unix socket, as the kernel tells it, on every request's scope.

A subclass of uvicorn's httptools protocol. Must not know accounts. It also bounds a request's head, which httptools
leaves open, and gives its own refusals the one error shape.
"""

import asyncio
import json
import socket
import struct
from collections.abc import MutableMapping
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from engine.protocol.errors import STATUS, Refused

MAX_HEAD_BYTES = 64 * 1024
_KEY = "rcq.peer"
_GONE = "rcq.gone"
_CREDENTIALS = struct.Struct("3i")


class Peer(NamedTuple):
    """A process at the other end of a Unix socket, at the moment it connected."""

    pid: int
    uid: int
    gid: int


def peer_of(scope: MutableMapping[str, Any]) -> Peer | None:
    """The peer of a request, if its connection is a Unix socket."""
    peer: Peer | None = scope.get("extensions", {}).get(_KEY)
    return peer


def gone_of(scope: MutableMapping[str, Any]) -> asyncio.Event:
    """Set once a request's connection is no more; never, where that cannot be known."""
    gone: asyncio.Event = scope.get("extensions", {}).get(_GONE) or asyncio.Event()
    return gone


class PeerProtocol(HttpToolsProtocol):
    """HTTP/1.1 on a Unix socket; each request's scope holds its peer."""

    _peer: Peer | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn names the wider type
        """Ask the kernel once per connection."""
        super().connection_made(transport)
        self._peer = _credentials(transport)
        self._gone = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more."""
        self._gone.set()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_bytes = 0
        self.scope["extensions"] = {_KEY: self._peer, _GONE: self._gone}  # type: ignore[dict-item]  # anybody's

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP (or has too long a head) and hang up."""
        if self._head_bytes > MAX_HEAD_BYTES:
            refused = Refused("TOO_LARGE", f"The request's head is over {MAX_HEAD_BYTES} bytes; send less.")
        else:
            refused = Refused("BAD_FORMAT", "This is not HTTP/1.1; see GET /openapi.json.")
        body = json.dumps(refused.body()).encode()
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[STATUS[refused.code]] + head + body)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError("head too long")  # httptools turns it into its own error, which is answered above


def _credentials(transport: asyncio.BaseTransport) -> Peer | None:
    found = transport.get_extra_info("socket")
    if found is None or found.family != socket.AF_UNIX:
        return None
    # Asked on a duplicate: uvloop hands out a stand-in for the socket, not the socket.
    with socket.fromfd(found.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(raw))
