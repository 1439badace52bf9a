"""An answer that grows while its request is still being read.

A client may first send all and only then read: so what is written here never waits for the reader. What the reader has
not taken is held in memory up to a bound, then on disk. Must not know what is written.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from tempfile import SpooledTemporaryFile
from typing import Any

from fastapi import Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from engine.api.answers import as_json
from engine.protocol.errors import Refused

IN_MEMORY_BYTES = 1024 * 1024
PIECE_BYTES = 256 * 1024


class Outbox:
    """A queue of JSON lines for one reader; `tell` never waits."""

    def __init__(self) -> None:
        self._spool = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - closed by `pieces`
        self._read = 0
        self._written = 0
        self._closed = False
        self._news = asyncio.Event()
        self.used = False
        """Whether anything was ever written."""

    def tell(self, value: dict[str, Any]) -> None:
        """Write one line."""
        self.used = True
        self._spool.seek(self._written)
        self._written += self._spool.write(as_json(value) + b"\n")
        self._news.set()

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True
        self._news.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """What was written, in order, as it comes; ends once all of a closed outbox is read."""
        with self._spool:
            while True:
                if self._read < self._written:
                    yield self._take()
                elif self._closed:
                    return
                else:
                    self._news.clear()
                    await self._news.wait()

    def _take(self) -> bytes:
        self._spool.seek(self._read)
        piece = self._spool.read(PIECE_BYTES)
        self._read += len(piece)
        if self._read == self._written:  # all was read: the room can be had again
            self._spool.seek(0)
            self._spool.truncate()
            self._read = self._written = 0
        return piece


class LiveAnswer(Response):
    """NDJSON lines sent while `work` writes them.

    A Refused that `work` raises before its first line is an ordinary error answer; later it is the last line.
    Starlette's own streaming answer would not do: listening for the client's leaving, it eats the request's body.
    """

    media_type = "application/x-ndjson"

    def __init__(self, work: Callable[[], Awaitable[None]], outbox: Outbox) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._work = work
        self._outbox = outbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Work and send side by side."""
        work = asyncio.create_task(self._guarded())
        started = False
        try:
            async for piece in self._outbox.pieces():
                if not started:
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    started = True
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await work
        except ClientDisconnect:
            return
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _guarded(self) -> None:
        try:
            await self._work()
        except Refused as refused:
            if not self._outbox.used:
                raise
            self._outbox.tell(refused.body())
        finally:
            self._outbox.close()
