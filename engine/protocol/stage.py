"""What a job in the foreground and its submitter say to each other over a Unix socket: frames, each a kind and a body.

The submitter listens; the job's *stage*, which runs beside its command, connects and says HELLO with the job's id.
START answers it, with the environment, and either what is known of the terminal or the three descriptors themselves.
Standard library only: both ends start quickly. Must not know who starts, kills or shows anything.
"""

import json
import socket
import struct
from typing import Any, NamedTuple

HELLO, START, DATA, WINDOW, SIGNAL, WARNING, END = b"H", b"S", b"D", b"W", b"K", b"L", b"E"
"""HELLO {job}; START {environment, asked, umask, terminal: {rows, columns, attributes} or nothing}; DATA bytes, either
way; WINDOW [rows, columns]; SIGNAL number; WARNING {left_s} before the time limit; END {exit_code} or {signal}, and
{message} where the command could not be begun."""
HEAD = struct.Struct("!cI")
MAX_BODY = 16 * 1024 * 1024
"""Bytes: well over the environment that a kernel takes."""
PIECE = 16 * 1024
"""Bytes of a terminal that are passed on at once; what is under way behind a ^C stays short."""
_CREDENTIALS = struct.Struct("3i")


class Broken(Exception):
    """The other side said what no version says."""


class Frame(NamedTuple):
    """One thing that was said. kind: one of the above."""

    kind: bytes
    body: bytes

    @property
    def value(self) -> Any:
        """The body, where it is JSON. Raises Broken."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Broken("what came is not JSON") from None


class Frames:
    """Puts frames together from bytes as they come."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, piece: bytes) -> list[Frame]:
        """Those that are whole now. Raises Broken."""
        self._held += piece
        found: list[Frame] = []
        while len(self._held) >= HEAD.size:
            kind, size = HEAD.unpack_from(self._held)
            if size > MAX_BODY:
                raise Broken(f"a frame of {size} bytes was announced")
            end = HEAD.size + size
            if len(self._held) < end:
                break
            found.append(Frame(kind, bytes(self._held[HEAD.size : end])))
            del self._held[:end]
        return found


def framed(kind: bytes, body: bytes = b"") -> bytes:
    """A frame as bytes."""
    return HEAD.pack(kind, len(body)) + body


def said(kind: bytes, value: Any) -> bytes:
    """A frame with a value as bytes."""
    return framed(kind, json.dumps(value).encode())


def peer_uid(connection: socket.socket) -> int:
    """The Unix user at the other end, as the kernel tells it. Raises OSError."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(told)[1])
