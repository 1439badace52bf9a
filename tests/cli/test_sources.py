"""What an upload reads: packed files to their end, damaged ones up to where they break, whole lines when stopped."""

import gzip
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcq_tui.client.source import PIECE_BYTES, BrokenSource, Descriptor, Source
from rcq_tui.client.unpack import Unpacked
from rcq_tui.client.wholelines import HELD_BYTES, Stop, WholeLines

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}
KINDS = sorted(PACK)
CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
"""As the program zstd does unless told otherwise."""


class Pieces:
    """A source that gives these pieces; `None` among them: nothing yet."""

    def __init__(self, *pieces: bytes | None) -> None:
        self._pieces = list(pieces)
        self.taken = 0

    def waits_on(self) -> tuple[int, ...]:
        return (99,)

    def read(self) -> bytes | None:
        piece = self._pieces.pop(0) if self._pieces else b""
        self.taken += len(piece or b"")
        return piece


def cut_up(data: bytes, size: int) -> Pieces:
    return Pieces(*(data[at : at + size] for at in range(0, len(data), size)))


def everything(source: Source) -> bytes:
    found = []
    while (piece := source.read()) != b"":
        assert piece is None or len(piece) <= PIECE_BYTES
        found.append(piece or b"")
    return b"".join(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 7, 65536])
@pytest.mark.parametrize("named", [True, False])
def test_a_packed_file_of_several_parts_is_read_to_its_end(kind: str, size: int, named: bool) -> None:
    parts = [b"first\n" * 1000, b"", b"second\n" * 1000]
    packed = b"".join(PACK[kind](part) for part in parts)
    source = Unpacked(cut_up(packed, size), kind if named else None)
    assert everything(source) == b"".join(parts)
    assert source.taken == len(packed)


def test_a_gzip_file_may_be_filled_up_with_zeros() -> None:
    assert everything(Unpacked(cut_up(gzip.compress(b"x\n") + bytes(5000), 100))) == b"x\n"


def test_zstd_may_begin_with_a_frame_without_data() -> None:
    skipped = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    assert everything(Unpacked(Pieces(skipped + zstd.compress(b"x\n")))) == b"x\n"


@pytest.mark.parametrize("kind", KINDS)
def test_little_that_unpacks_to_much_comes_in_pieces(kind: str) -> None:
    source = Unpacked(Pieces(PACK[kind](bytes(50_000_000))))
    assert len(everything(source)) == 50_000_000  # `everything` looks at the size of each piece


@pytest.mark.parametrize("data", [b"", b"{", b"{}\n", b'{"command": ["true"]}\n', b"(\xb5/", b"\x1f"])
@pytest.mark.parametrize("size", [1, 100])
def test_what_is_not_packed_comes_as_it_is(data: bytes, size: int) -> None:
    assert everything(Unpacked(cut_up(data, size))) == data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("left", [0.3, 0.9, 0.999])
def test_a_file_that_is_cut_off_says_so_and_gives_what_is_there(kind: str, left: float) -> None:
    whole = b"".join(b"%d\n" % (number * 7919 % 100_003) for number in range(50_000))
    packed = PACK[kind](whole)
    found = b""
    source = Unpacked(cut_up(packed[: int(len(packed) * left)], 1000))
    with pytest.raises(BrokenSource, match="is cut off"):
        while (piece := source.read()) != b"":
            found += piece or b""
    # zstd gives whole blocks of 128 KiB, so that of the last one nothing is there
    assert whole.startswith(found) and len(found) >= len(whole) * left - 200_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_says_so(kind: str) -> None:
    content = os.urandom(100_000)
    summed = {"gzip": gzip.compress, "zstd": lambda data: zstd.compress(data, options=CHECKED)}
    packed = bytearray(summed[kind](content))
    packed[50_000] ^= 1
    with pytest.raises(BrokenSource, match=r"is damaged .*, and lines before that may be, too"):
        everything(Unpacked(Pieces(bytes(packed))))


@pytest.mark.parametrize("data", [b"", b"{}\n", b"\x1f"])
def test_a_name_that_promises_zstd_is_held_to_it(data: bytes) -> None:
    with pytest.raises(BrokenSource, match="is not packed with zstd"):
        everything(Unpacked(Pieces(data), "zstd"))


def test_a_directory_cannot_be_read(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(BrokenSource, match="cannot be read on"):
        Descriptor(descriptor).read()
    os.close(descriptor)


@given(
    st.lists(st.sampled_from([b"a", b"b,", b'"', b"\n", b"\r\n", b'""']), max_size=60), st.integers(1, 9), st.booleans()
)
def test_lines_are_whole_wherever_it_is_stopped(tokens: list[bytes], size: int, quoted: bool) -> None:
    data = b"".join(tokens)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    for after in range(len(pieces) + 1):
        with Stop() as stop:
            lines = WholeLines(Pieces(*pieces), stop, quoted=quoted)
            found = b"".join(lines.read() or b"" for _ in range(after))
            stop.wish()
            assert lines.read() == b""
            assert lines.cut_short
        assert data.startswith(found)
        assert not found or found.endswith(b"\n")
        assert not quoted or found.count(b'"') % 2 == 0
    with Stop() as stop:
        lines = WholeLines(Pieces(*pieces), stop, quoted=quoted)
        assert everything(lines) == data
        assert not lines.cut_short


def test_a_stop_is_heard_while_nothing_comes() -> None:
    with Stop() as stop:
        lines = WholeLines(Pieces(b"half", None), stop, quoted=False)
        assert lines.read() is None
        assert lines.waits_on() == (99, stop.descriptor)
        stop.wish()
        assert (lines.waits_on(), lines.read(), lines.cut_short) == ((), b"", True)


def test_a_stop_behind_the_end_cuts_nothing_short() -> None:
    with Stop() as stop:
        lines = WholeLines(Pieces(b"last"), stop, quoted=False)
        assert [lines.read(), lines.read(), lines.read()] == [None, b"last", b""]
        stop.wish()
        assert (lines.read(), lines.cut_short) == (b"", False)


@pytest.mark.parametrize("quoted", [True, False])
def test_a_line_that_never_ends_is_not_held_for_ever(quoted: bool) -> None:
    begin = b'"' + b"x" * 1000
    with Stop() as stop:
        lines = WholeLines(Pieces(begin, b"\n" * HELD_BYTES if quoted else b"y" * HELD_BYTES), stop, quoted=quoted)
        assert lines.read() is None
        assert len(lines.read() or b"") == HELD_BYTES + len(begin)


def test_what_breaks_ends_behind_a_whole_line() -> None:
    packed = zlib.compressobj(wbits=31)
    data = packed.compress(b"one\ntwo\nthr") + packed.flush(zlib.Z_SYNC_FLUSH)
    with Stop() as stop:
        lines = WholeLines(Unpacked(Pieces(data)), stop, quoted=False)
        assert everything(lines) == b"one\ntwo\n"
        assert lines.broken == "is cut off: its gzip data have no end"


def test_the_tools_of_the_system_pack_what_is_read(tmp_path: Path) -> None:
    plain = tmp_path / "jobs.ndjson"
    plain.write_bytes(b'{"command": ["true"]}\n' * 50_000)
    subprocess.run(["gzip", "-k", str(plain)], check=True)
    with (tmp_path / "jobs.ndjson.gz").open("rb") as file:
        assert everything(Unpacked(Descriptor(file.fileno()), "gzip")) == plain.read_bytes()
