"""A ZIP of what `jobreader` tells, made while it tells it, in pieces of bounded size.

The reader ran with the rights of a stranger, who may have had a hand in what it says: names, sizes and kinds are judged
here, and what breaks the rules ends the archive before its end. Must not know whose files they are.
"""

import json
import os
import select
import stat
import time
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from engine.executor.jobreader import BROKEN, PIECE_BYTES
from engine.executor.membernames import Names, harmless, shown
from engine.protocol.errors import RcqError

LEFT_OUT = "RCQ-LEFT-OUT.txt"
"""The member that says what is not in the archive, and why."""
OUT_BYTES = 256 * 1024
LONGEST_LINE = 256 * 1024
MOST_LEFT_OUT = 10_000
"""Lines of that member; more is counted."""
WORTH = 0.95
"""What its first piece shrinks to by less is stored as it is: compressing it again would only take time."""
LARGE = 1 << 31
"""From so many bytes on a member is written in the form of ZIP64."""


class Broken(RcqError):
    """The reader ended, fell silent or broke the rules before its end; the message says which."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Found:
    """What is in the directories, as the reader said. largest: names and bytes of a few files; over: it is too much."""

    files: int
    bytes: int
    largest: tuple[tuple[str, int], ...]
    over: bool


@dataclass(slots=True, frozen=True, kw_only=True)
class Bounds:
    """What an archive may hold. silence_s: so long may the reader say nothing."""

    most_files: int
    most_bytes: int
    silence_s: float = 60.0


@dataclass(slots=True, kw_only=True)
class Extra:
    """What goes in besides. members: name → text, before all others; notes: first lines of what is said in the end."""

    members: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Archive:
    """Reads from the descriptor `source`, which is its own from now on. Blocks: for a thread, one call at a time."""

    def __init__(self, source: int, bounds: Bounds, extra: Extra) -> None:
        self._reader = Frames(source, bounds.silence_s)
        self._bounds = bounds
        self._extra = extra
        self._left: list[str] = []
        self._unlisted = 0
        self._names = Names(LEFT_OUT.casefold())
        self.whole = False
        """Everything with contents went in, and all of it was given out."""
        self._lost = False

    def stop(self) -> None:
        """Whatever another thread waits for here ends with Broken, now and later. Any thread."""
        self._reader.stop()

    def close(self) -> None:
        """Hear nothing more; the reader ends when it speaks on. When nothing is under way here."""
        self._reader.close()

    def found(self) -> Found:
        """What is there: the first word of the reader. Raises Broken."""
        told = self._reader.line()
        try:
            largest = tuple((harmless(str(name)), int(size)) for name, size in told["largest"][:5])
            return Found(files=int(told["files"]), bytes=int(told["bytes"]), largest=largest, over=bool(told["over"]))
        except (KeyError, TypeError, ValueError):
            raise Broken("it does not say what is there") from None

    def pieces(self) -> Iterator[bytes]:
        """The archive, after `found`. Raises Broken where it cannot be ended as it should."""
        out = _Out()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:  # type: ignore[call-overload]
            for name, text in self._extra.members.items():
                archive.writestr(_info(self._names.of(name), time.time(), 0o644), text)
            with closing(self._members(archive)) as members:  # one that is given up ends before the archive does
                for _ in members:
                    if out.size >= OUT_BYTES:
                        yield out.taken()
            if self._left or self._extra.notes:
                archive.writestr(_info(LEFT_OUT, time.time(), 0o644), self._told_left())
        yield out.taken()
        self.whole = not self._lost

    def _members(self, archive: zipfile.ZipFile) -> Generator[None, None, None]:
        entries = 0
        size = self._bounds.most_bytes
        while not (told := self._reader.line()).get("end"):
            entries += 1
            if entries > self._bounds.most_files:
                raise Broken("there are more files than were said at first")
            if "file" in told:
                for part in self._file(archive, told, size):
                    size -= part
                    yield
            elif "folder" in told:
                archive.writestr(
                    _info(self._names.of(str(told["folder"])) + "/", time.time(), 0o755 | stat.S_IFDIR), b""
                )
                yield
            else:
                self._leave(str(told.get("left")), str(told.get("why")), lost=told.get("lost") is not False)

    def _file(self, archive: zipfile.ZipFile, told: Mapping[str, Any], room: int) -> Iterator[int]:
        """One member; the bytes of each of its pieces."""
        name, said, mtime, mode = (told.get(key) for key in ("file", "size", "mtime", "mode"))
        if not isinstance(said, int) or not isinstance(mtime, int | float) or not isinstance(mode, int):
            raise Broken("it tells of a file without its size")
        if not 0 <= said <= room:
            raise Broken("there is more than was said at first")
        info = _info(self._names.of(str(name)), mtime, (mode & 0o777) | stat.S_IFREG)
        first = self._reader.piece(said)
        if first and len(zlib.compress(first, 1)) > WORTH * len(first):
            info.compress_type = zipfile.ZIP_STORED
        size, piece = 0, first
        with archive.open(info, "w", force_zip64=said >= LARGE) as member:
            while piece:
                size += len(piece)
                member.write(piece)
                yield len(piece)
                piece = self._reader.piece(said - size)
        if piece is None or size < said:
            why = "it could not be read to its end" if piece is None else "it became shorter while it was read"
            self._leave(str(name), f"{why}: the archive has its first {size} bytes", lost=True)

    def _leave(self, path: str, why: str, *, lost: bool) -> None:
        self._lost = self._lost or lost
        if len(self._left) < MOST_LEFT_OUT:
            self._left.append(f"{shown(path)}: {shown(why)}")
        else:
            self._unlisted += 1

    def _told_left(self) -> bytes:
        lines = [*self._extra.notes, *(["Not in this archive:"] if self._left else []), *self._left]
        if self._unlisted:
            lines.append(f"… and {self._unlisted} more")
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


class Frames:
    """What the reader writes: lines and pieces. silence_s: the longest pause in it."""

    def __init__(self, source: int, silence_s: float) -> None:
        self._source = source
        self._silence_s = silence_s
        self._buffer = bytearray()
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)

    def stop(self) -> None:
        """Wait for nothing any more."""
        os.eventfd_write(self._stop, 1)

    def close(self) -> None:
        """Let go of the descriptors."""
        os.close(self._source)
        os.close(self._stop)

    def line(self) -> dict[str, Any]:
        """The next line, a map. Raises Broken."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > LONGEST_LINE:
                raise Broken("it says something endless")
            self._more()
        text = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            raise Broken("it says something that is no JSON") from None
        if not isinstance(told, dict):
            raise Broken("it says something that is no map")
        return told

    def piece(self, at_most: int) -> bytes | None:
        """The next piece of a file, empty at its end, `None` where it could not be read on. Raises Broken."""
        size = int.from_bytes(self._bytes(4), "big")
        if size == BROKEN:
            return None
        if size > min(PIECE_BYTES, at_most):
            raise Broken("a file is longer than was said")
        return self._bytes(size)

    def _bytes(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece

    def _more(self) -> None:
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        ready = dict(poll.poll(self._silence_s * 1000))
        if not ready:
            raise Broken(f"it has been silent for {self._silence_s:.0f} s")
        if self._stop in ready:
            raise Broken("it is not wanted any more")
        piece = os.read(self._source, OUT_BYTES)
        if not piece:
            raise Broken("it ended too early")
        self._buffer += piece


class _Out:
    """What `zipfile` writes to: it cannot seek, so that nothing that was given out is ever needed again."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return piece


def _info(name: str, mtime: float, mode: int) -> zipfile.ZipInfo:
    """A member. mode: its permissions, and its kind if it is not a plain file."""
    info = zipfile.ZipInfo(name, _date(mtime))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = mode << 16 | (0x10 if name.endswith("/") else 0)
    return info


def _date(mtime: float) -> tuple[int, int, int, int, int, int]:
    """As the format has it: local time, from 1980 to 2107."""
    try:
        date = time.localtime(mtime)[:6]
    except (OverflowError, ValueError, OSError):
        date = (1980, 1, 1, 0, 0, 0)
    return min(max(date, (1980, 1, 1, 0, 0, 0)), (2107, 12, 31, 23, 59, 58))
