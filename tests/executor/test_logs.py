"""Reading output and adding to it: offsets, limits, and a directory full of traps."""

import os
from pathlib import Path

import pytest

from engine.executor.logs import Slice, append, read, whole_characters


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "stdout.log").write_bytes(b"0123456789")
    return tmp_path


@pytest.mark.parametrize(
    ("offset", "limit", "data", "begin"),
    [
        (0, 100, b"0123456789", 0),
        (0, 4, b"0123", 0),
        (8, 4, b"89", 8),
        (10, 4, b"", 10),
        (99, 4, b"", 10),
        (-3, 100, b"789", 7),
        (-3, 2, b"78", 7),
        (-99, 3, b"012", 0),
        (0, 0, b"", 0),
    ],
)
def test_offsets(directory: Path, offset: int, limit: int, data: bytes, begin: int) -> None:
    found = read(directory, "stdout", offset, limit)
    assert found == Slice(data=data, offset=begin, size=10)
    assert found.next_offset == begin + len(data)


def test_following_reads_every_byte_once(directory: Path) -> None:
    first = read(directory, "stdout", 0, 100)
    with (directory / "stdout.log").open("ab") as file:
        file.write(b"abc")
    assert read(directory, "stdout", first.next_offset, 100).data == b"abc"


def test_a_missing_file_is_empty(directory: Path) -> None:
    nothing = Slice(data=b"", offset=0, size=0)
    assert read(directory, "stderr", 5, 100) == nothing
    assert read(directory / "missing", "stdout", 0, 100) == nothing


def test_nothing_but_regular_files_of_the_directory(directory: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    trap = directory / "stderr.log"
    trap.symlink_to(secret)
    assert read(directory, "stderr", 0, 100).data == b""
    trap.unlink()
    os.mkfifo(trap)
    assert read(directory, "stderr", 0, 100).data == b""
    trap.unlink()
    trap.mkdir()
    assert read(directory, "stderr", 0, 100).data == b""


def test_a_linked_directory_is_not_entered(directory: Path) -> None:
    link = directory / "link"
    link.symlink_to(directory)
    assert read(link, "stdout", 0, 100).data == b""


def test_a_line_goes_to_the_end(directory: Path) -> None:
    assert append(directory, "stdout", b"rcq: told\n")
    assert (directory / "stdout.log").read_bytes() == b"0123456789rcq: told\n"
    with pytest.raises(ValueError, match="stdout or stderr"):
        append(directory, "../stdout", b"x")


@pytest.mark.parametrize("trap", ["missing", "symlink", "hard link", "fifo", "directory"])
def test_a_line_goes_nowhere_else(directory: Path, tmp_path: Path, trap: str) -> None:
    secret, log = tmp_path / "secret", directory / "stderr.log"
    secret.write_text("secret")
    make = {
        "missing": lambda: None,
        "symlink": lambda: log.symlink_to(secret),
        "hard link": lambda: os.link(secret, log),
        "fifo": lambda: os.mkfifo(log),
        "directory": log.mkdir,
    }
    make[trap]()
    assert not append(directory, "stderr", b"x")
    assert secret.read_text() == "secret"
    assert log.exists() == (trap != "missing")


def test_bad_arguments(directory: Path) -> None:
    with pytest.raises(ValueError, match="stdout or stderr"):
        read(directory, "../stdout", 0, 1)
    with pytest.raises(ValueError, match="limit"):
        read(directory, "stdout", 0, -1)


@pytest.mark.parametrize("text", ["abc", "aé", "a€", "a🙂"])
def test_characters_are_not_torn(text: str) -> None:
    data = text.encode()
    assert whole_characters(data) == data
    for cut in range(2, len(data)):
        assert whole_characters(data[:cut]) == b"a" or text == "abc"


def test_bytes_that_are_no_text_pass() -> None:
    for data in (b"", b"\xff", b"\x80\x80\x80\x80\x80", b"a\x80"):
        assert whole_characters(data) == data
