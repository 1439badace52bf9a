"""A tiny scripted HTTP server on a real Unix socket, and rows as the engine gives them.

The server fails on what it did not expect: every request must have been scripted.
"""

import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Request:
    """What a command sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Lines:
    """An answer that comes line by line, as ingest's and the events' do."""

    lines: list[Any]
    content_type: str = "application/x-ndjson"


Answer = Any
"""A JSON document, (status, document), Lines, or a callable of the request that gives one of them."""


@dataclass
class Engine:
    """The scripted engine. Several answers to one request are given in turn; the last one stays."""

    path: Path
    requests: list[Request] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)

    def asked(self, method: str, path: str) -> list[Request]:
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        script = self.answers.get((request.method, request.path))
        if script is None:
            self.unexpected.append(f"{request.method} {request.path}")
            return 500, refusal("INTERNAL", "not scripted")
        given = script.pop(0) if len(script) > 1 else script[0]
        return given(request) if callable(given) else given


def refusal(code: str, message: str, details: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details or []}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, self._body(headers))
        answer = self.server.engine.answer(request)
        status, document = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(document, Lines):
            self._send_lines(document)
        else:
            self._send(status, b"" if document is None else json.dumps(document).encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length", "0")))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            assert self.rfile.readline() == b"\r\n"
        self.rfile.readline()
        return b"".join(pieces)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(body)

    def _send_lines(self, answer: Lines) -> None:
        self.send_response(200)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in answer.lines:
            data = (line if isinstance(line, str) else json.dumps(line)).encode() + b"\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *args: Any) -> None:
        """Quiet."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    engine: Engine

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may leave early; anything else is a mistake of the script."""
        if not isinstance(error := sys.exception(), ConnectionError):
            self.engine.unexpected.append(repr(error))


def processes_naming(text: str) -> list[str]:
    """Command lines of all processes that name `text`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


class Raw:
    """A server for one connection that says exactly what it is told, when it is told."""

    def __init__(self, path: Path, talk: Callable[[socket.socket], None]) -> None:
        self.path = str(path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._talk = talk
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            self._talk(connection)

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()


@dataclass
class Result:
    """What a command left."""

    code: int
    out: str
    err: str


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Return when the condition holds; fail if it does not in time."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        pause.wait(0.01)


def job(**changes: Any) -> dict[str, Any]:
    """A job's row as the engine gives it."""
    row: dict[str, Any] = {
        "id": 12,
        "job_id": None,
        "name": "train",
        "account": "alice",
        "group": "vision",
        "service": None,
        "state": "pending",
        "cause": None,
        "exit_code": None,
        "signal": None,
        "priority": 5,
        "gpus": 2,
        "gpu_type": None,
        "gpu_memory_mb": 0,
        "gpu_share": False,
        "cpu_cores": 4,
        "memory_mb": 8192,
        "time_limit_s": 3600,
        "preemptible": False,
        "command_line": "python train.py",
        "submitted_at": 1_000_000.0,
        "started_at": None,
        "ended_at": None,
        "attempt": 0,
        "gpu_indices": [],
        "array_parent": None,
        "array_index": None,
        "position": None,
        "expected_start": None,
        "reasons": [],
        "redacted": False,
    }
    return {**row, **changes}


def detail(**changes: Any) -> dict[str, Any]:
    """A job's details as the engine gives them."""
    more = {
        "command": ["python", "train.py"],
        "script": None,
        "args": [],
        "workdir": "/home/alice",
        "environment": {},
        "array": None,
        "after": [],
        "begin": None,
        "cron": None,
        "cron_of": None,
        "retries": 0,
        "attempts": [],
        "tags": {},
        "gpu_uuids": [],
        "message": None,
        "directory": "/state/jobs/12",
    }
    return {**job(), **more, **changes}


def card(**changes: Any) -> dict[str, Any]:
    """A GPU as the engine gives it."""
    view: dict[str, Any] = {
        "uuid": "GPU-1",
        "index": 0,
        "model": "NVIDIA RTX A6000",
        "state": "ok",
        "memory_mb": 49140,
        "memory_used_mb": 20480,
        "utilization": 0.93,
        "temperature_c": 68.2,
        "threshold_c": 75.0,
        "resume_c": 70.0,
        "power_w": 281.0,
        "power_limit_w": 300.0,
        "throttled": False,
        "foreign_mb": 0,
        "tolerated_mb": 500,
        "age_s": 0.4,
        "jobs": [],
        "slot": None,
    }
    return {**view, **changes}
