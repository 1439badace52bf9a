"""The wire against whole, split, slow, half and garbage answers."""

import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_engine import Engine, Lines, refusal, wait_until

from engine.protocol.errors import Refused, Unreachable
from rcq_tui.client.answer import Answer, BrokenAnswer
from rcq_tui.client.wire import Wire, escaped, target

Start = Callable[[Callable[[socket.socket], None]], str]

WHOLE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"items": []}'
CHUNKED = (
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ite\r\n8;x=y\r\nms": []}\r\n0\r\nTrailer: 1\r\n\r\n'
)
TO_THE_END = b'HTTP/1.1 200 OK\r\n\r\n{"items": []}'


def says(*pieces: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        for piece in pieces:
            connection.sendall(piece)

    return talk


def test_a_full_queue_of_newcomers_is_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        answers: list[object] = []
        waiter = threading.Thread(target=lambda: answers.append(Wire(path, timeout_s=10).request("GET", "/")))
        waiter.start()
        listener.accept()[0].close()  # from here on there is room in the queue
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(WHOLE)
        waiter.join(10)
    assert answers == [{"items": []}]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path + "2")
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as first, pytest.raises(Unreachable):
            first.connect(path + "2")
            Wire(path + "2", timeout_s=1).request("GET", "/")


@given(st.sampled_from([WHOLE, CHUNKED, TO_THE_END]), st.lists(st.integers(1, 40)))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_split_of_an_answer_reads_the_same(answer: bytes, sizes: list[int]) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(answer[at : at + size])
        at += size
    stream = iter([piece for piece in [*pieces, answer[at:]] if piece])
    assert Answer(lambda: next(stream, b"")).body(100) == b'{"items": []}'


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED])
def test_every_cut_of_an_answer_is_an_error(answer: bytes) -> None:
    for size in range(len(answer)):
        stream = iter([answer[:size]])
        with pytest.raises(BrokenAnswer):
            Answer(lambda stream=stream: next(stream, b"")).body(100)


@given(st.binary(max_size=300))
def test_garbage_never_passes_for_an_answer(garbage: bytes) -> None:
    stream = iter([garbage] if garbage else [])
    with pytest.raises(BrokenAnswer):
        Answer(lambda: next(stream, b"")).body(100)


def test_lines_are_whole_whatever_the_pieces() -> None:
    body = b'{"a":1}\n\n{"b":2}\r\n{"c":3}'
    for size in range(1, len(body)):
        stream = iter([b"HTTP/1.1 200 OK\r\n\r\n", *(body[at : at + size] for at in range(0, len(body), size))])
        assert list(Answer(lambda stream=stream: next(stream, b"")).lines(100)) == [
            b'{"a":1}',
            b"",
            b'{"b":2}',
            b'{"c":3}',
        ]


def test_an_endless_line_is_refused() -> None:
    stream = iter([b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 200])
    with pytest.raises(BrokenAnswer, match="line of more than 100"):
        list(Answer(lambda: next(stream, b"")).lines(100))


@pytest.mark.parametrize("pieces", [(WHOLE,), (CHUNKED,), (TO_THE_END,), tuple(WHOLE[i : i + 1] for i in range(90))])
def test_an_answer_over_a_real_socket(raw: Start, pieces: tuple[bytes, ...]) -> None:
    assert Wire(raw(says(*pieces))).request("GET", "/v1/jobs") == {"items": []}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "half an answer"),
        (WHOLE[:-3], "half an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<p>", "not JSON"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\n<p>", "status 502"),
    ],
)
def test_what_is_no_answer_is_unreachable(raw: Start, said: bytes, words: str) -> None:
    with pytest.raises(Unreachable, match=words):
        Wire(raw(says(said))).request("GET", "/v1/jobs")


def test_a_silent_engine_is_given_up(raw: Start) -> None:
    given_up = threading.Event()

    def silent(connection: socket.socket) -> None:
        connection.recv(65536)
        given_up.wait(10)

    with pytest.raises(Unreachable, match="silent for 0 s"):
        Wire(raw(silent), timeout_s=0.1).request("GET", "/v1/jobs")
    given_up.set()


def test_no_socket_names_it_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"nowhere.sock .*rcq doctor"):
        Wire(str(tmp_path / "nowhere.sock")).request("GET", "/healthz")


def test_a_request_is_sent_as_it_was_meant(engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", {"id": 7})
    query = {"name": "a b&c=ü", "none": None, "limit": 5}
    assert Wire(str(engine.path), "secret").request("POST", "/v1/jobs", query, {"name": "ü"}) == {"id": 7}
    sent = engine.requests[0]
    assert sent.query == {"name": "a b&c=ü", "limit": "5"}
    assert sent.json == {"name": "ü"}
    assert sent.headers["authorization"] == "Bearer secret"


def test_refusals_carry_everything(engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", (429, refusal("RATE_LIMITED", "slow down", [{"field": "x", "message": "y"}])))
    with pytest.raises(Refused) as caught:
        Wire(str(engine.path)).request("GET", "/v1/jobs")
    error = caught.value
    assert (error.code, error.message, error.retry_after_s) == ("RATE_LIMITED", "slow down", 7.0)
    assert error.details == [{"field": "x", "message": "y"}]


def test_an_unknown_code_is_a_defect(engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", (418, refusal("TEAPOT", "short and stout")))
    with pytest.raises(Refused, match="short") as caught:
        Wire(str(engine.path)).request("GET", "/v1/jobs")
    assert caught.value.code == "INTERNAL"


def test_events(engine: Engine) -> None:
    lines = [": keep-alive", "", "id: 4", "event: job", 'data: {"id": 1}', "", "event: queue", "data: {}", ""]
    engine.on("GET", "/v1/events", Lines(lines, "text/event-stream"))
    assert list(Wire(str(engine.path)).events("/v1/events")) == [("job", {"id": 1}), ("queue", {})]


def uploaded(body: bytes) -> bytes:
    """The payload of a chunked body."""
    data, rest = b"", body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if not int(size, 16):
            return data
        data, rest = data + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


def test_upload_is_heard_while_it_goes_on(raw: Start) -> None:
    """The answer begins before the body ends: a client that only wrote would wait for ever."""
    reader, writer = os.pipe()
    received = bytearray()

    def talk(connection: socket.socket) -> None:
        while b"first" not in received:
            received.extend(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n" + b'{"progress":1}\n')
        while not received.endswith(b"0\r\n\r\n"):
            received.extend(connection.recv(65536))
        connection.sendall(b'{"report":2}\n')

    sizes: list[int] = []
    answers = Wire(raw(talk)).upload("/v1/ingest", {"format": "csv"}, reader, "text/csv", sizes.append)
    os.write(writer, b"first\n")
    assert next(answers) == {"progress": 1}
    os.write(writer, b"second\n")
    os.close(writer)
    assert list(answers) == [{"report": 2}]
    os.close(reader)
    assert uploaded(bytes(received).partition(b"\r\n\r\n")[2]) == b"first\nsecond\n"
    assert sum(sizes) == 13


def test_more_than_both_buffers_hold_in_both_directions(raw: Start, tmp_path: Path) -> None:
    """The engine says a line for each piece it reads and reads on only when that is out."""
    source = tmp_path / "big"
    source.write_bytes(b"x" * 4_000_000)

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n")
        tail = b""
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            piece = connection.recv(65536)
            tail = (tail + piece)[-16:]
            connection.sendall(json.dumps({"progress": "y" * len(piece)}).encode() + b"\n")
        connection.sendall(b'{"report": 1}\n')

    with source.open("rb") as file:
        answers = list(Wire(raw(talk)).upload("/v1/ingest", None, file.fileno(), "text/csv"))
    assert answers[-1] == {"report": 1}
    assert sum(len(answer.get("progress", "")) for answer in answers) > 4_000_000


def test_a_refusal_in_the_middle_of_an_upload_is_heard(raw: Start, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(b"x" * 4_000_000)
    body = json.dumps(refusal("UNAUTHENTICATED", "log in")).encode()

    def talk(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    with source.open("rb") as file, pytest.raises(Refused, match="log in"):
        list(Wire(raw(talk)).upload("/v1/ingest", None, file.fileno(), "text/csv"))


def test_an_engine_that_dies_in_an_upload(raw: Start) -> None:
    reader, writer = os.pipe()
    with pytest.raises(Unreachable):
        list(Wire(raw(lambda connection: None)).upload("/v1/ingest", None, reader, "text/csv"))
    os.close(reader)
    os.close(writer)


def test_an_upload_that_nobody_takes_is_given_up(raw: Start, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(b"x" * 4_000_000)
    given_up = threading.Event()
    with source.open("rb") as file, pytest.raises(Unreachable, match="silent"):
        list(
            Wire(raw(lambda connection: given_up.wait(10)), timeout_s=0.2).upload("/u", None, file.fileno(), "text/csv")
        )
    given_up.set()
    wait_until(given_up.is_set)


@given(st.text())
def test_escaping_is_undone_by_the_other_side(text: str) -> None:
    from urllib.parse import unquote

    if text.isprintable():
        assert unquote(escaped(text)) == text
    assert target("/a", {"q": text}).isascii()
