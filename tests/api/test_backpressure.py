"""A disk that is slower than a sender: what is not taken in yet stays with the sender, not in the engine's memory."""

import asyncio
import select
import socket
import threading
from collections.abc import Sequence

from engine.api.asks import Identity, Limits
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from tests.api.scripted import Api, Books, wait_until
from tests.api.test_ingest import GOOD

BATCH_LINES = 100
LINE = GOOD[:-1] + b', "tags": {"of": "%s"}}\n' % (b"x" * 150)
PIECE = LINE * 1000
MOST_BYTES = 4 * 1024 * 1024
"""Two sockets' buffers, one chunk and three batches are a fraction of it; a sender without an end would pass it."""
STILL_S = 1.0


class Stuck(Books):
    """Writes nothing down until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.calls = 0

    async def submit(self, who: Identity, jobs: Sequence[JobFields], *, many: bool = False) -> list[int | Refused]:
        self.calls += 1
        await asyncio.to_thread(self.free.wait, 20.0)
        return await super().submit(who, jobs, many=many)


def test_a_slow_disk_makes_the_sender_wait(api: Api) -> None:
    books = Stuck()
    api.reset(Limits(ingest_batch_lines=BATCH_LINES), books)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(api.socket))
        head = (
            "POST /v1/ingest HTTP/1.1\r\nhost: rcq\r\nauthorization: Bearer good\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        connection.sendall(head.encode())
        connection.setblocking(False)
        sent, rest = 0, b""
        while sent < MOST_BYTES and select.select([], [connection], [], STILL_S)[1]:
            rest = rest or b"%x\r\n%s\r\n" % (len(PIECE), PIECE)
            done = connection.send(rest)
            sent, rest = sent + done, rest[done:]
        assert sent < MOST_BYTES, "the engine goes on reading what it cannot write down"
        assert (books.calls, books.jobs) == (1, [])
        books.free.set()
        connection.setblocking(True)
        connection.sendall(rest + b"0\r\n\r\n")
        answer = b""
        while b'"accepted"' not in answer:
            piece = connection.recv(65536)
            assert piece, answer
            answer += piece
    wait_until(lambda: sum(books.batches) == len(books.jobs))
    pieces = (sent + len(rest)) // (len(PIECE) + 8)
    assert b'"accepted":%d,"rejected":0' % len(books.jobs) in answer.replace(b" ", b"")
    assert len(books.jobs) >= 1000 * pieces > 0
