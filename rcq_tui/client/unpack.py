"""A source that was packed with gzip or zstd, unpacked while it is read, in memory that never follows its size.

Must not know what is in it. The library of zstd is loaded when something packed with it has been seen.
"""

import sys
import zlib
from collections.abc import Sequence
from typing import Protocol

from rcq_tui.client.gunzip import Member
from rcq_tui.client.source import PIECE_BYTES, BrokenSource, Source

SUFFIXES = {".gz": "gzip", ".zst": "zstd"}
"""How a file's name tells what it is packed with."""

_HEAD_BYTES = 4
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
"""Behind 0x50 to 0x5f: a frame of zstd that holds no data, and may come first."""


def packing(head: bytes) -> str | None:
    """`gzip` or `zstd` by the first four bytes of a file, `None` for anything else."""
    if head.startswith(_GZIP):
        return "gzip"
    if head == _ZSTD or (len(head) == _HEAD_BYTES and head[0] >> 4 == 5 and head[1:] == _SKIPPABLE):
        return "zstd"
    return None


class Unpacked:
    """What `source` holds, unpacked where it is packed: all members of a gzip, all frames of a zstd file.

    expected: `gzip` or `zstd` where its name says so; it is an error then if it is something else. Without one its
    first bytes tell, and what is not packed comes as it is.
    """

    def __init__(self, source: Source, expected: str | None = None) -> None:
        self._source = source
        self._expected = expected
        self._head: bytes | None = b""
        self._parts: _Parts | None = None

    @property
    def taken(self) -> int:
        return self._source.taken

    def waits_on(self) -> Sequence[int]:
        return () if self._parts is not None and self._parts.more else self._source.waits_on()

    def read(self) -> bytes | None:
        if self._parts is not None and self._parts.more:
            return self._parts.unpack(b"") or None
        piece = self._source.read()
        if self._head is not None and piece is not None:
            piece = self._begin(piece)
        if piece is None or self._parts is None:
            return piece
        if piece:
            return self._parts.unpack(piece) or None
        self._parts.finish()
        return b""

    def _begin(self, piece: bytes) -> bytes | None:
        """What is known to be the file's beginning, once there is enough to tell what it is packed with."""
        assert self._head is not None  # noqa: S101  the caller looked
        self._head += piece
        if piece and len(self._head) < _HEAD_BYTES:
            return None
        head, self._head = self._head, None
        found = packing(head[:_HEAD_BYTES])
        if self._expected not in {None, found}:
            raise BrokenSource(f"is not packed with {self._expected}, though its name says so: give it its right name")
        if found is not None:
            self._parts = _Parts(found)
        return head


class _Unpacker(Protocol):
    """Of one member or frame, as `bz2.BZ2Decompressor` and zstd's are."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Parts:
    """Unpacks one member or frame after the other, a bounded piece at a time. more: it has further output already."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._make, self._error = _library(kind)
        self._unpacker: _Unpacker | None = None
        self._rest = b""
        self.more = False

    def unpack(self, data: bytes) -> bytes:
        data, self._rest = self._rest + data, b""
        if self._unpacker is None:
            data = data.lstrip(b"\0") if self._kind == "gzip" else data  # tapes and disks fill up with them
            if not data:
                self.more = False
                return b""
            self._unpacker = self._make()
        try:
            piece = self._unpacker.decompress(data, PIECE_BYTES)
        except self._error as error:
            # Both check a whole part at its end: what was unpacked before may not be what was packed.
            raise BrokenSource(f"is damaged ({error}), and lines before that may be, too") from error
        if self._unpacker.eof:
            self._rest, self._unpacker = self._unpacker.unused_data, None
            self.more = bool(self._rest)
        else:
            self.more = not self._unpacker.needs_input
        return piece

    def finish(self) -> None:
        """The file has ended. Raises BrokenSource if it should not have."""
        if self._unpacker is not None:
            raise BrokenSource(f"is cut off: its {self._kind} data have no end")


def _library(kind: str) -> tuple[type[_Unpacker], type[Exception]]:
    if kind == "gzip":
        return Member, zlib.error
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415  most files need none
    else:
        from backports import zstd  # noqa: PLC0415

    return zstd.ZstdDecompressor, zstd.ZstdError
