"""Reads one HTTP/1.1 answer from a stream of bytes, strictly: a half answer is an error, never a short result.

Must not know sockets, commands or what the bodies mean. Imports next to nothing: everyday commands load it at every
start.
"""

from collections.abc import Callable, Iterator

MAX_HEAD_BYTES = 64 * 1024
"""A longer status line and headers are not an answer of the engine."""


class BrokenAnswer(Exception):
    """What came is not a complete HTTP answer; the message says what was wrong with it."""


class Answer:
    """One answer: `status` and `headers` (names in lower case) are read at once, the body as it is asked for.

    more: gives the next bytes, b"" at the end of the stream. Raises BrokenAnswer.
    """

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self._buffer = b""
        self.status = self._status()
        self.headers = self._headers()

    @property
    def content_type(self) -> str:
        """The media type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def pieces(self) -> Iterator[bytes]:
        """The body as it arrives."""
        if self.status in {204, 304}:
            return
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            yield from self._chunks()
        elif "content-length" in self.headers:
            yield from self._counted(_number(self.headers["content-length"], 10))
        else:
            yield from self._rest()

    def body(self, at_most: int) -> bytes:
        """All of the body; BrokenAnswer if it is longer than `at_most` bytes."""
        pieces: list[bytes] = []
        size = 0
        for piece in self.pieces():
            size += len(piece)
            if size > at_most:
                raise BrokenAnswer(f"an answer of more than {at_most} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    def lines(self, at_most: int) -> Iterator[bytes]:
        """The body's lines without their ends, as they arrive; BrokenAnswer for a line over `at_most` bytes."""
        parts: list[bytes] = []
        size = 0
        for piece in self.pieces():
            head, *rest = piece.split(b"\n")
            parts.append(head)
            size += len(head)
            for following in rest:
                yield b"".join(parts).removesuffix(b"\r")
                parts, size = [following], len(following)
            if size > at_most:
                raise BrokenAnswer(f"a line of more than {at_most} bytes")
        if size:
            yield b"".join(parts)

    def _status(self) -> int:
        version, _, rest = self._line().partition(b" ")
        code = rest[:3]
        if not version.startswith(b"HTTP/1.") or not code.isdigit() or len(code) != 3:
            raise BrokenAnswer("something that is not HTTP")
        return int(code)

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        size = 0
        while line := self._line():
            size += len(line)
            if size > MAX_HEAD_BYTES:
                raise BrokenAnswer("endless headers")
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise BrokenAnswer("a header without a colon")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BrokenAnswer("an endless line")
            self._buffer += self._some()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    def _some(self) -> bytes:
        piece = self._more()
        if not piece:
            raise BrokenAnswer("half an answer")
        return piece

    def _counted(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._buffer or self._some()
            self._buffer = piece[size:]
            piece = piece[:size]
            size -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := _number(self._line().partition(b";")[0].decode("latin-1"), 16):
            yield from self._counted(size)
            if self._line():
                raise BrokenAnswer("a chunk of the wrong length")
        while self._line():
            pass

    def _rest(self) -> Iterator[bytes]:
        piece = self._buffer or self._more()
        self._buffer = b""
        while piece:
            yield piece
            piece = self._more()


def _number(text: str, base: int) -> int:
    digits = text.strip().lower()
    if not digits or digits.strip("0123456789abcdef" if base == 16 else "0123456789") or len(digits) > 15:
        raise BrokenAnswer("a length that is no number")
    return int(digits, base)
