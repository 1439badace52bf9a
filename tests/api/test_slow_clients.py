"""Clients that are slow, half, greedy or gone, against the real server: each is given up, nobody else notices."""

import asyncio
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.api.acceptor import Acceptor
from engine.api.asks import Limits
from engine.api.bounds import Bounds
from tests.api.scripted import Api, Books, refusal, wait_until
from tests.api.test_server import as_answer

Serves = Callable[[Bounds], Api]
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: rcq\r\n\r\n"
SOON, LATE = 0.1, 1.0
LONG = 1000.0


@pytest.fixture
def connect() -> Iterator[Callable[[Api], socket.socket]]:
    """Opens raw connections that are closed at the end."""
    with ExitStack() as stack:

        def one(api: Api) -> socket.socket:
            connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(10)
            connection.connect(str(api.socket))
            return connection

        yield one


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def answered(connection: socket.socket) -> bool:
    """Whether a request on this connection is answered as usual."""
    connection.sendall(HEALTH)
    return connection.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("start", [b"", b"GET /healthz HT", HEALTH[:-2]])
def test_half_a_head_is_given_up(serves: Serves, connect: Any, start: bytes) -> None:
    connection = connect(serves(Bounds(head_timeout_s=SOON)))
    connection.sendall(start)
    assert rest(connection) == b""


def test_so_is_half_a_head_after_an_answer(serves: Serves, connect: Any) -> None:
    connection = connect(serves(Bounds(head_timeout_s=SOON)))
    assert answered(connection)
    connection.sendall(HEALTH[:10])
    assert rest(connection) == b""


def test_a_head_that_comes_drop_by_drop_gets_no_more_time(serves: Serves, connect: Any) -> None:
    connection = connect(serves(Bounds(head_timeout_s=SOON)))
    dropped = threading.Event()

    def drip() -> None:
        try:
            while not dropped.wait(SOON / 10):
                connection.sendall(b"x")
        except OSError:
            dropped.set()

    connection.sendall(b"GET /")
    thread = threading.Thread(target=drip)
    thread.start()
    assert rest(connection) == b""
    thread.join(10)
    assert dropped.is_set()


def test_half_a_body_is_told_and_the_connection_ends(serves: Serves, connect: Any) -> None:
    api = serves(Bounds(body_timeout_s=SOON))
    connection = connect(api)
    connection.sendall(b"POST /v1/jobs HTTP/1.1\r\nauthorization: Bearer good\r\ncontent-length: 100\r\n\r\n{")
    assert refusal(as_answer(rest(connection))) == (400, "BAD_FORMAT")
    assert api.app.state.bodies == {}


def test_an_ingested_file_may_come_slowly_but_not_for_ever(serves: Serves, connect: Any) -> None:
    api = serves(Bounds(head_timeout_s=SOON, body_timeout_s=LONG, request_timeout_s=LATE, stream_idle_s=LONG))
    books = Books()
    api.reset(jobs=books)
    connection = connect(api)
    line = b'{"command": ["true"]}\n'
    head = b"POST /v1/ingest HTTP/1.1\r\nauthorization: Bearer good\r\ncontent-length: %d\r\n\r\n" % (2 * len(line))
    connection.sendall(head + line)
    wait_until(lambda: len(books.jobs) == 1)
    other = connect(api)
    other.sendall(b"POST /v1/jobs HTTP/1.1\r\nauthorization: Bearer good\r\ncontent-length: 100\r\n\r\n{")
    assert refusal(as_answer(rest(other))) == (503, "SERVICE_NOT_READY")  # every bound has passed meanwhile
    connection.sendall(line)
    assert b'"accepted":2' in rest(connection)
    impatient = serves(Bounds(stream_idle_s=SOON))
    impatient.reset(jobs=Books())
    connection = connect(impatient)
    connection.sendall(head + line)
    assert refusal(as_answer(rest(connection))) == (400, "BAD_FORMAT")
    assert len(impatient.app.state.uploads) == 0


def test_who_reads_nothing_is_given_up_and_holds_little(serves: Serves, connect: Any) -> None:
    api = serves(Bounds(write_timeout_s=SOON, connections_per_user=1))
    connection = connect(api)
    connection.sendall(b"GET /openapi.json HTTP/1.1\r\n\r\n" * 16)
    # Nothing is read here until the server has hung up; what the kernel holds is all there is to have.
    wait_until(lambda: _hung_up(connection))
    assert len(rest(connection)) < 16 * len(api.ask("GET", "/openapi.json").content)


def _hung_up(connection: socket.socket) -> bool:
    try:
        connection.send(b"\r\n")
    except OSError:
        return True
    return False


def test_requests_sent_ahead_are_answered_in_order_up_to_a_bound(serves: Serves, connect: Any) -> None:
    api = serves(Bounds())
    connection = connect(api)
    connection.sendall(HEALTH * 10)
    found = b""
    while found.count(b'"status":') < 10:
        found += connection.recv(65536)
    assert answered(connection)
    connection.sendall(HEALTH * 1000)
    assert rest(connection).count(b"200 OK") < 1000
    assert answered(connect(api))


def test_what_takes_too_long_is_answered_and_finished_all_the_same(serves: Serves) -> None:
    api = serves(Bounds(request_timeout_s=LATE))
    books = _SlowBooks()
    api.reset(jobs=books)
    answer = api.ask("POST", "/v1/jobs/batch", json={"jobs": [{"command": ["true"]}]})
    assert refusal(answer) == (503, "SERVICE_NOT_READY")
    assert int(answer.headers["retry-after"]) > 0
    assert books.jobs == []
    books.loop.call_soon_threadsafe(books.go_on.set)
    wait_until(lambda: len(books.jobs) == 1)
    assert api.ask("GET", "/healthz").status_code == 200


class _SlowBooks(Books):
    """Takes nothing in before `go_on` is set."""

    async def submit(self, who: Any, jobs: Any, *, many: bool = False) -> Any:
        self.loop, self.go_on = asyncio.get_running_loop(), asyncio.Event()
        await self.go_on.wait()
        return await super().submit(who, jobs, many=many)


def test_thousands_of_idle_connections_lock_nobody_out(serves: Serves, connect: Any) -> None:
    api = serves(Bounds(head_timeout_s=LONG, connections_per_user=256))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        crowd = [connect(api) for _ in range(2000)]
        for one in crowd:
            try:
                one.sendall(HEALTH[:20])
            except OSError:
                continue  # it was closed for a later one
        for _ in range(50):
            assert answered(connect(api))
        wait_until(lambda: sum(_hung_up(one) for one in crowd) >= 2000 - 2 * 256)
    finally:
        for one in crowd:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_streams_and_uploads_of_one_account_are_counted(serves: Serves) -> None:
    api = serves(Bounds(event_streams=3, event_streams_per_account=2, uploads_per_account=1))
    with ExitStack() as stack:
        for _ in range(2):
            stream = stack.enter_context(api.client().stream("GET", "/v1/events"))
            assert stream.status_code == 200
        answer = api.ask("GET", "/v1/events")
        assert (refusal(answer), answer.headers["retry-after"]) == ((429, "RATE_LIMITED"), "5")
        stack.enter_context(api.client("root").stream("GET", "/v1/events"))
        assert refusal(api.ask("GET", "/v1/events", token="root")) == (429, "RATE_LIMITED")
    wait_until(lambda: len(api.app.state.followers) == 0)
    with api.client().stream("GET", "/v1/events") as stream:
        assert stream.status_code == 200
    api.reset(jobs=Books())
    going, done = threading.Event(), threading.Event()

    def feed() -> Iterator[bytes]:
        yield b'{"command": ["true"]}\n'
        going.set()
        done.wait(10)

    upload = threading.Thread(target=lambda: api.ask("POST", "/v1/ingest", content=feed()))
    upload.start()
    assert going.wait(10)
    wait_until(lambda: len(api.app.state.uploads) == 1)
    assert refusal(api.ask("POST", "/v1/ingest?progress=1", content=b"{}")) == (429, "RATE_LIMITED")
    done.set()
    upload.join(10)
    assert len(api.app.state.uploads) == 0


def test_large_bodies_of_one_user_are_held_within_bounds(serves: Serves, connect: Any) -> None:
    api = serves(Bounds(body_timeout_s=LONG))
    api.reset(Limits(body_bytes=10_000))
    head = b"POST /v1/jobs HTTP/1.1\r\nauthorization: Bearer good\r\ncontent-length: 10000\r\n\r\n"
    for _ in range(8):
        connect(api).sendall(head + b" " * 9_999)
    wait_until(lambda: sum(api.app.state.bodies.values()) == 8 * 9_999)
    answer = api.ask("POST", "/v1/jobs", content=b" " * 9_000)
    assert (refusal(answer), "retry-after" in answer.headers) == ((429, "RATE_LIMITED"), True)


def test_too_many_headers_are_refused(api: Api) -> None:
    answer = api.ask("GET", "/healthz", headers={f"x-{at}": "y" for at in range(101)})
    assert refusal(answer) == (413, "TOO_LARGE")


def test_a_waiting_room_without_descriptors_is_not_given_up(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(8)
        listener.setblocking(False)
        came: list[socket.socket] = []

        async def main() -> None:
            acceptor = Acceptor(listener, came.append)
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(path))
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            lowest = os.dup(0)
            os.close(lowest)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
            try:
                acceptor.open()
                await asyncio.to_thread(wait_until, lambda: acceptor._again is not None)
                assert came == []
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            await asyncio.to_thread(wait_until, lambda: len(came) == 1)  # it comes back by itself
            acceptor.close()
            client.close()
            came[0].close()

        asyncio.run(main())


def test_a_refusal_at_the_door_is_heard(serves: Serves) -> None:
    api = serves(Bounds(connections=1, connections_per_user=1))
    with api.client().stream("GET", "/v1/events") as stream:
        assert stream.status_code == 200
        transport = httpx.HTTPTransport(uds=str(api.socket), verify=False)
        answer = httpx.Client(transport=transport).get("http://rcq/healthz")
        assert (refusal(answer), answer.headers["retry-after"]) == ((429, "RATE_LIMITED"), "1")
    wait_until(lambda: api.ask("GET", "/healthz").status_code == 200)
