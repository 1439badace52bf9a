"""A job's directory as a ZIP: what goes in, what stays out and is named, what is believed of the one who reads it."""

import fcntl
import io
import json
import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.executor import jobreader
from engine.executor.archive import LEFT_OUT, Archive, Bounds, Broken, Extra

BOUNDS = Bounds(most_files=1000, most_bytes=50_000_000, silence_s=20.0)


def reader(*places: Path, prefix: str = "", skip: str = "(?!)", bounds: Bounds = BOUNDS) -> Iterator[int]:
    """The end of a pipe into which the program speaks."""
    options = {"most_files": bounds.most_files, "most_bytes": bounds.most_bytes, "skip": skip}
    words = [word for place in places for word in (prefix and f"{prefix}{place.name}/", str(place))]
    command = [sys.executable, "-I", "-S", jobreader.__file__, json.dumps(options), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        yield os.dup(running.stdout.fileno())
        running.stdout.close()


def archived(place: Path, extra: Extra | None = None, **how: Any) -> tuple[zipfile.ZipFile, Archive]:
    for source in reader(place, **how):
        archive = Archive(source, BOUNDS, extra or Extra())
        assert not archive.found().over
        data = b"".join(archive.pieces())
        archive.close()
    found = zipfile.ZipFile(io.BytesIO(data))
    assert found.testzip() is None
    return found, archive


def left_out(found: zipfile.ZipFile) -> str:
    return found.read(LEFT_OUT).decode()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "7"
    (place / "out" / "empty").mkdir(parents=True)
    (place / "stdout.log").write_text("hello\n" * 100)
    (place / "out" / "model.pt").write_bytes(os.urandom(700_000))
    (place / "run.sh").write_text("#!/bin/sh\n")
    (place / "run.sh").chmod(0o4755)
    return place


def test_everything_goes_in_with_names_contents_and_modes(place: Path) -> None:
    found, archive = archived(place)
    assert sorted(found.namelist()) == ["out/", "out/empty/", "out/model.pt", "run.sh", "stdout.log"]
    assert found.read("out/model.pt") == (place / "out" / "model.pt").read_bytes()
    assert found.read("stdout.log") == (place / "stdout.log").read_bytes()
    assert found.getinfo("run.sh").external_attr >> 16 == 0o100755
    assert found.getinfo("out/model.pt").compress_type == zipfile.ZIP_STORED
    assert found.getinfo("stdout.log").compress_type == zipfile.ZIP_DEFLATED
    assert archive.whole


def test_links_pipes_sockets_and_hard_links_stay_out_and_are_named(place: Path, tmp_path: Path) -> None:
    secret = tmp_path / "rcq.db"
    secret.write_text("the database")
    (place / "link").symlink_to(secret)
    (place / "away").symlink_to(tmp_path)
    os.link(secret, place / "hard")
    os.mkfifo(place / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place / "s"))
    found, archive = archived(place)
    listener.close()
    told = left_out(found)
    assert "away: a symbolic link to" in told
    assert "hard: a hard link" in told
    assert "pipe: a named pipe" in told
    assert "s: a socket" in told
    assert not {"link", "away", "hard", "pipe", "s"} & set(found.namelist())
    assert all(b"the database" not in found.read(name) for name in found.namelist())
    assert not archive.whole  # the hard link had contents


def test_a_link_alone_is_no_loss(place: Path) -> None:
    (place / "link").symlink_to("run.sh")
    assert archived(place)[1].whole


def test_hostile_names_lead_nowhere(place: Path) -> None:
    for name in (b"..\\..\\x", b"\x1b]0;x\x07", b"\xff\xfe", b"C:x", LEFT_OUT.encode()):
        Path(os.fsdecode(os.fsencode(place) + b"/" + name)).write_text("x")
    (place / "link").symlink_to("a\nb")
    found, _ = archived(place)
    assert {"..%5C..%5Cx", "%1B]0;x%07", "%FF%FE", "C%3Ax", f"{LEFT_OUT}~2", LEFT_OUT} <= set(found.namelist())
    assert left_out(found).splitlines()[1:] == ["link: a symbolic link to a%0Ab"]


def test_what_is_skipped_is_not_even_looked_at(place: Path) -> None:
    (place / "code").mkdir()
    (place / "code" / "x.py").write_text("x")
    (place / "claim-1").write_text("x")
    (place / "out" / "claim-1").write_text("x")
    found, _ = archived(place, skip="code|claim-[0-9]+")
    assert not {"code/", "code/x.py", "claim-1"} & set(found.namelist())
    assert "out/claim-1" in found.namelist()


def test_many_directories_each_under_its_name(tmp_path: Path) -> None:
    for number in ("7", "8"):
        (tmp_path / number).mkdir()
        (tmp_path / number / "stdout.log").write_text(number)
    for source in reader(tmp_path / "7", tmp_path / "8", tmp_path / "9", prefix="job-"):
        archive = Archive(source, BOUNDS, Extra(members={"job-7/exit": b"{}"}, notes=("job 10 has not started.",)))
        archive.found()
        found = zipfile.ZipFile(io.BytesIO(b"".join(archive.pieces())))
        archive.close()
    assert sorted(found.namelist()) == [LEFT_OUT, "job-7/exit", "job-7/stdout.log", "job-8/stdout.log"]
    assert left_out(found).startswith("job 10 has not started.\nNot in this archive:\njob-9: it cannot be opened")


@pytest.mark.parametrize("bounds", [Bounds(most_files=4, most_bytes=10**9), Bounds(most_files=99, most_bytes=70_000)])
def test_too_much_is_said_before_anything_is_sent(place: Path, bounds: Bounds) -> None:
    for source in reader(place, bounds=bounds):
        archive = Archive(source, bounds, Extra())
        found = archive.found()
        archive.close()
    assert found.over
    assert found.largest[0] == ("out/model.pt", 700_000) or bounds.most_files == 4


def test_a_sparse_file_counts_with_the_size_it_shows(place: Path) -> None:
    with (place / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    for source in reader(place):
        archive = Archive(source, BOUNDS, Extra())
        assert archive.found().over
        archive.close()


def test_directories_deeper_than_paths_are(place: Path) -> None:
    here = os.open(place, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d" * 100, dir_fd=here)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    try:
        found, archive = archived(place)
    finally:
        subprocess.run(["rm", "-rf", str(place)], check=True)  # Python's own would recurse too deep
    assert "it lies deeper than" in left_out(found)
    assert not archive.whole


def test_a_file_that_may_not_be_read_is_named(place: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may read everything")
    (place / "run.sh").chmod(0)
    found, archive = archived(place)
    assert "run.sh: it cannot be opened: Permission denied" in left_out(found)
    assert not archive.whole


# ---------------------------------------------------------------- a reader that lies


def said(*frames: bytes, bounds: Bounds = BOUNDS) -> bytes:
    """The archive of what somebody says."""
    out, into = os.pipe()
    os.write(into, b"".join(frames))
    os.close(into)
    archive = Archive(out, bounds, Extra())
    try:
        archive.found()
        return b"".join(archive.pieces())
    finally:
        archive.close()


def line(**told: Any) -> bytes:
    return json.dumps(told).encode() + b"\n"


def content(*pieces: bytes) -> bytes:
    return b"".join(len(piece).to_bytes(4, "big") + piece for piece in (*pieces, b""))


PLAN = line(files=1, bytes=3, largest=[], over=False)
END = line(end=True)
FILE = {"file": "x", "size": 3, "mtime": 1e9, "mode": 0o644}


def test_names_of_a_liar_lead_nowhere_either() -> None:
    data = said(PLAN, line(**{**FILE, "file": "../../x"}), content(b"abc"), line(folder="/etc/.."), END)
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["%2E%2E/%2E%2E/x", "etc/%2E%2E/"]


@pytest.mark.parametrize("mtime", [0, -1e30, 1e30, float("nan"), float("inf")])
def test_any_date_is_one_that_the_format_has(mtime: float) -> None:
    data = said(PLAN, line(**{**FILE, "mtime": mtime}), content(b"abc"), END)
    assert zipfile.ZipFile(io.BytesIO(data)).read("x") == b"abc"


def test_a_shorter_file_is_cut_and_named() -> None:
    found = zipfile.ZipFile(io.BytesIO(said(PLAN, line(**FILE), content(b"a"), END)))
    assert found.read("x") == b"a"
    assert "x: it became shorter while it was read: the archive has its first 1 bytes" in left_out(found)


@pytest.mark.parametrize(
    "frames",
    [
        (),
        (b"PK\x03\x04",),
        (b"[1]\n",),
        (b"[" * 50_000 + b"\n",),
        (line(files="many", bytes=0, largest=[], over=False),),
        (line(files=1, bytes=0, largest=7, over=False),),
        (PLAN,),
        (PLAN, line(**FILE)),
        (PLAN, line(**FILE), content(b"abcd"), END),
        (PLAN, line(**FILE), content(b"ab", b"cd"), END),
        (PLAN, line(**{**FILE, "size": -1}), content(), END),
        (PLAN, line(**{**FILE, "size": "3"}), content(b"abc"), END),
        (PLAN, line(**{**FILE, "size": 10**12}), content(), END),
        (PLAN, line(**FILE), b"\x7f\xff\xff\xff"),
        (PLAN, line(folder="a") * 1001, END),
    ],
)
def test_whoever_breaks_the_rules_gets_no_archive(frames: tuple[bytes, ...]) -> None:
    with pytest.raises(Broken):
        said(*frames)


def test_an_endless_line_is_not_read_to_its_end() -> None:
    """Into a pipe that holds all of it: the writer is not waited for."""
    out, into = os.pipe()
    fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 1 << 20)
    os.write(into, b"x" * (1 << 20))
    archive = Archive(out, BOUNDS, Extra())
    with pytest.raises(Broken, match="endless"):
        archive.found()
    archive.close()
    os.close(into)


def test_silence_is_not_waited_for_for_ever() -> None:
    out, into = os.pipe()
    archive = Archive(out, Bounds(most_files=1, most_bytes=1, silence_s=0.05), Extra())
    with pytest.raises(Broken, match="silent"):
        archive.found()
    archive.close()
    os.close(into)


def test_an_archive_that_is_given_up_leaves_nothing_open(place: Path) -> None:
    for source in reader(place):
        archive = Archive(source, BOUNDS, Extra())
        archive.found()
        pieces = archive.pieces()
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]  # a generator
        archive.close()
        assert not archive.whole
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(source)
