"""A minimal HTTP client over the engine's Unix socket, for everyday commands.

`http.client` would cost 45 ms of every command's start, so only `socket` and `json` are used. Answers are the JSON
as it came; their shapes are in `engine.protocol.responses`. Must not know any command.
"""

import json
import math
import socket
import struct
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from config.homes import SYSTEM_SOCKET
from engine.protocol.errors import STATUS, Refused, Unreachable
from rcq_tui.client.answer import Answer, BrokenAnswer

if TYPE_CHECKING:
    from rcq_tui.client.source import Source

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 32 * 1024 * 1024
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Wire:
    """Requests to one engine, each on a connection of its own.

    token: a session's or API token, or `None` to be known by the Unix user. timeout_s: so long may the engine stay
    silent in the middle of a request. Every method raises Refused (the engine said no) and Unreachable (no whole
    answer came).
    """

    def __init__(self, path: str, token: str | None = None, timeout_s: float = 30.0) -> None:
        self.path = path
        self.token = token
        self.timeout_s = timeout_s

    def request(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """The parsed JSON of the answer; `None` for an empty one."""
        payload = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        with self._connect() as sock:
            try:
                sock.sendall(self._head(method, path, query, len(payload), "application/json") + payload)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it may have answered before it had read everything: that answer says why
            except OSError as error:
                raise self._gone(error) from error
            return self._whole(self._answer(lambda: self._receive(sock)))

    def events(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[tuple[str, Any]]:
        """Server-sent events as (kind, parsed data), until the engine ends the stream."""
        with self._connect() as sock:
            sock.sendall(self._head("GET", path, query, 0, "application/json"))
            answer = self._answer(lambda: self._receive(sock))
            kind, data = "message", ""
            for raw in self._lines(answer):
                name, _, value = raw.decode("utf-8", "replace").partition(":")
                value = value.removeprefix(" ")
                if name == "event":
                    kind = value
                elif name == "data":
                    data += value
                elif not raw and data:
                    yield kind, self._parsed(data.encode())
                    kind, data = "message", ""

    def download(self, path: str, query: Mapping[str, Any] | None = None) -> Generator[bytes, None, None]:
        """The body of an answer that may be of any length, as it comes; one that breaks off raises Unreachable."""
        with self._connect() as sock:
            sock.sendall(self._head("GET", path, query, 0, "application/json"))
            answer = self._answer(lambda: self._receive(sock))
            pieces = answer.pieces()
            while (piece := self._strictly(lambda: next(pieces, None))) is not None:
                yield piece

    def upload(
        self,
        path: str,
        query: Mapping[str, Any] | None,
        source: "int | Source",
        content_type: str,
        sent: Callable[[int], None] | None = None,
    ) -> Iterator[Any]:
        """Send what the source (or descriptor) gives, to its end, and yield the objects of the answer as they come.

        Nothing is held back in memory: a FIFO or a terminal may feed it for hours. sent: told how many bytes of the
        file were read. An engine that answers before the end is heard at once. Raises BrokenSource, too.
        """
        from rcq_tui.client.source import Descriptor  # noqa: PLC0415  few requests have a body of any size
        from rcq_tui.client.upload import Upload  # noqa: PLC0415

        given = Descriptor(source) if isinstance(source, int) else source
        with self._connect() as sock:
            head = self._head("POST", path, query, None, content_type)
            pump = Upload(sock, head, given, self.timeout_s, sent or (lambda size: None))
            answer = self._answer(lambda: self._guarded(pump.more))
            if answer.content_type == "application/x-ndjson":
                yield from (self._parsed(line) for line in self._lines(answer) if line)
            else:
                yield self._whole(answer)

    def _connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # The kernel waits where the engine's queue of newcomers is full; a socket with a timeout of Python's own
            # would be refused there at once.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", math.ceil(self.timeout_s), 0))
            sock.connect(self.path)
            sock.settimeout(self.timeout_s)
        except OSError as error:
            sock.close()
            raise Unreachable(
                f"no engine answers on {self.path} ({error.strerror or error}). {self._advice()}"
            ) from error
        return sock

    def _advice(self) -> str:
        if self.path == SYSTEM_SOCKET:
            return "It is this machine's engine; an admin finds the cause with: systemctl status rcq-engine"
        return "Start one with: rcq engine, or ask your admin; `rcq doctor` finds out more."

    def _head(
        self, method: str, path: str, query: Mapping[str, Any] | None, length: int | None, content_type: str
    ) -> bytes:
        lines = [f"{method} {target(path, query)} HTTP/1.1", "Host: rcq", "Connection: close", "Accept: */*"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        if length is None:
            lines += ["Transfer-Encoding: chunked", f"Content-Type: {content_type}"]
        elif length or method not in {"GET", "DELETE"}:
            lines += [f"Content-Length: {length}", f"Content-Type: {content_type}"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _receive(self, sock: socket.socket) -> bytes:
        return self._guarded(lambda: sock.recv(65536))

    def _guarded(self, receive: Callable[[], bytes]) -> bytes:
        try:
            return receive()
        except OSError as error:
            raise self._gone(error) from error

    def _gone(self, error: OSError) -> Unreachable:
        if isinstance(error, TimeoutError):
            return Unreachable(
                f"the engine on {self.path} has been silent for {self.timeout_s:.0f} s. "
                "It may be busy or stalled: look at `rcq doctor` and its log."
            )
        return Unreachable(f"the connection to {self.path} broke ({error.strerror or error}). Try again.")

    def _answer(self, more: Callable[[], bytes]) -> Answer:
        answer: Answer = self._strictly(lambda: Answer(more))
        if answer.status >= 300:
            raise self._refused(answer)
        return answer

    def _strictly(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except BrokenAnswer as error:
            raise Unreachable(f"{self.path} gave {error}. Is an engine listening there? Try: rcq doctor") from error

    def _whole(self, answer: Answer) -> Any:
        body = self._strictly(lambda: answer.body(MAX_BODY_BYTES))
        return self._parsed(body) if body else None

    def _lines(self, answer: Answer) -> Iterator[bytes]:
        lines = answer.lines(MAX_LINE_BYTES)
        while (line := self._strictly(lambda: next(lines, None))) is not None:
            yield line

    def _parsed(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError as error:
            raise Unreachable(f"{self.path} gave an answer that is not JSON. Is an engine listening there?") from error

    def _refused(self, answer: Answer) -> Refused | Unreachable:
        body = self._strictly(lambda: answer.body(MAX_BODY_BYTES))
        try:
            error = json.loads(body)["error"]
            code, message, details = str(error["code"]), str(error["message"]), list(error.get("details") or [])
        except (ValueError, KeyError, TypeError, AttributeError):
            return Unreachable(
                f"{self.path} gave status {answer.status} without a reason. Is an engine listening there?"
            )
        after = answer.headers.get("retry-after", "")
        return Refused(
            code if code in STATUS else "INTERNAL", message, details, float(after) if after.isdigit() else None
        )


def target(path: str, query: Mapping[str, Any] | None) -> str:
    """The request target: `path` is taken as it is, the query's values are escaped and `None` values left out."""
    pairs = [f"{name}={escaped(str(value))}" for name, value in (query or {}).items() if value is not None]
    return path + ("?" + "&".join(pairs) if pairs else "")


def escaped(text: str) -> str:
    """Percent-escaped for one path segment or one query value."""
    try:
        given = text.encode("utf-8", "surrogateescape")  # as it was typed
    except UnicodeEncodeError:  # half a character out of somebody's JSON: it names nothing
        given = text.encode("utf-8", "replace")
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in given)
