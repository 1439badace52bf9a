"""Placing files in a job's directory: what is there stays, what comes is whole, no link leads out."""

import asyncio
import errno
import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.executor import placer, placetask
from engine.executor.launcherlink import LauncherRefused, LauncherUnreachable
from engine.executor.placer import CannotPlace, Step


class Stopped(Exception):
    """What a tick of these tests raises."""


def nothing() -> None:
    """A tick of somebody who waits to the end."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "original"
    made.write_bytes(bytes(range(256)) * 9000)
    return made


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = tmp_path / "7"
    made.mkdir()
    return made


def steps(source: Path, *names: str, kind: str = "file") -> list[Step]:
    return [Step(kind, str(source), name) for name in names]


def test_files_come_whole_with_the_directories_above(source: Path, top: Path) -> None:
    placer.place(str(top), [*steps(source, "a", "b/c/d"), *steps(source, "run", kind="program")], nothing)
    for name in ("a", "b/c/d", "run"):
        assert (top / name).read_bytes() == source.read_bytes()
    assert [os.access(top / name, os.X_OK) for name in ("a", "run")] == [False, True]
    assert sorted(one.name for one in top.iterdir()) == ["a", "b", "run"]
    assert not placer.missing(str(top), steps(source, "a", "b/c/d"))
    assert placer.missing(str(top), steps(source, "a", "x"))


def test_what_has_the_name_stays_whatever_it_is(source: Path, top: Path, tmp_path: Path) -> None:
    (top / "a").write_text("mine")
    (top / "link").symlink_to(tmp_path / "elsewhere")
    (top / "folder").mkdir()
    placer.place(str(top), steps(source, "a", "link", "folder"), nothing)
    assert (top / "a").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()
    assert list((top / "folder").iterdir()) == []


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to(path.parent.parent)])
def test_what_is_no_directory_is_not_passed_through(source: Path, top: Path, make: Callable[[Path], None]) -> None:
    make(top / "sub")
    with pytest.raises(CannotPlace, match=r"sub/a: (Not a directory|Too many levels)"):
        placer.place(str(top), steps(source, "sub/a"), nothing)
    assert not (top.parent / "a").exists()


def test_a_draft_in_the_way_is_no_way_out(source: Path, top: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (top / ".rcq-coming").symlink_to(victim)
    placer.place(str(top), steps(source, "a"), nothing)
    assert (victim.read_text(), (top / "a").is_symlink()) == ("precious", False)
    assert not os.path.lexists(top / ".rcq-coming")


def test_what_is_broken_off_leaves_no_half(source: Path, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placer, "PIECE_BYTES", 100_000)
    monkeypatch.setattr(placer, "_CLONE", 0)  # else it is done at once where the file system can
    left = iter(range(5))

    def tick() -> None:
        if next(left, None) is None:
            raise Stopped

    with pytest.raises(Stopped):
        placer.place(str(top), steps(source, "a"), tick)
    assert list(top.iterdir()) == []


@pytest.mark.parametrize("error", [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_a_short_way_it_is_read_and_written(
    source: Path, top: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    calls = []

    def refuse(*args: int) -> int:
        calls.append(args)
        raise OSError(error, "not here")

    monkeypatch.setattr(placer.fcntl, "ioctl", refuse)
    monkeypatch.setattr(placer.os, "copy_file_range", refuse)
    placer.place(str(top), steps(source, "a"), nothing)
    assert ((top / "a").read_bytes(), len(calls)) == (source.read_bytes(), 2)


def test_an_original_that_is_a_link_or_gone_is_not_read(source: Path, top: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(source)
    for path, number in ((tmp_path / "link", errno.ELOOP), (tmp_path / "gone", errno.ENOENT)):
        with pytest.raises(CannotPlace) as told:
            placer.place(str(top), steps(path, "a"), nothing)
        assert told.value.number == number
    assert list(top.iterdir()) == []


async def begin(argv: Sequence[str], out: int) -> None:
    """As the launcher would: it runs on by itself."""
    subprocess.Popen(argv, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)  # noqa: ASYNC220


async def test_as_a_program_it_tells_how_it_went(source: Path, top: Path) -> None:
    assert await placetask.place(begin, top, steps(source, "a", "b/ü"), lambda: True)
    placed = top / "b" / "ü"
    assert await asyncio.to_thread(placed.read_bytes) == await asyncio.to_thread(source.read_bytes)
    await asyncio.to_thread((top / "file").touch)
    with pytest.raises(CannotPlace, match=r"^file/x: Not a directory$") as told:
        await placetask.place(begin, top, steps(source, "file/x"), lambda: True)
    assert told.value.number == errno.ENOTDIR


async def test_a_program_that_says_nothing_did_nothing(source: Path, top: Path) -> None:
    async def dies(argv: Sequence[str], out: int) -> None:
        await begin(["sh", "-c", "printf ..; exit 3"], out)

    with pytest.raises(CannotPlace, match="ended early"):
        await placetask.place(dies, top, steps(source, "a"), lambda: True)


async def test_who_is_not_wanted_any_more_is_not_waited_for(source: Path, top: Path) -> None:
    """Nobody reads what the program says then, which ends it."""
    ends: list[subprocess.Popen[bytes]] = []

    async def hangs(argv: Sequence[str], out: int) -> None:
        dots = ["sh", "-c", "while printf .; do sleep 0.01; done"]
        ends.append(subprocess.Popen(dots, stdout=out, stderr=subprocess.DEVNULL))  # noqa: ASYNC220

    assert not await placetask.place(hangs, top, steps(source, "a"), lambda: False)
    assert await asyncio.to_thread(ends[0].wait, 10) != 0


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ("Unit rcq-task-7.service was already loaded or has a fragment file.", LauncherUnreachable),
        ("user1 is no member of rcq-users", LauncherRefused),
    ],
)
async def test_an_earlier_one_in_the_way_is_waited_for(
    source: Path, top: Path, said: str, raised: type[Exception]
) -> None:
    async def refuses(argv: Sequence[str], out: int) -> None:
        raise LauncherRefused(said)

    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers
    with pytest.raises(raised):
        await placetask.place(refuses, top, steps(source, "a"), lambda: True)
    await asyncio.sleep(0)  # in which its end of the pipe is closed
    assert set(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


def packed(tmp_path: Path, **members: tarfile.TarInfo) -> list[Step]:
    """A tree of empty files under these names, as a step."""
    made = tmp_path / "tree.tar.gz"
    with tarfile.open(made, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member in members.values():
            archive.addfile(member, io.BytesIO(b""))
    return [Step("tree", str(made), "code")]


def member(name: str, kind: bytes = tarfile.REGTYPE, **facts: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for fact, value in facts.items():
        setattr(made, fact, value)
    return made


def test_a_tree_leaves_no_descriptor_open(top: Path, tmp_path: Path) -> None:
    names = {f"n{number}": member(f"a/b/c/{number}") for number in range(50)}
    before = len(list(Path("/proc/self/fd").iterdir()))
    placer.place(str(top), packed(tmp_path, **names), nothing)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert len(list((top / "code/a/b/c").iterdir())) == 50


@pytest.mark.parametrize("mtime", [2.0**80, float("nan"), float("inf"), -1.0])
def test_a_time_that_is_none_is_left_out(top: Path, tmp_path: Path, mtime: float) -> None:
    file = member("a", pax_headers={"mtime": str(mtime)})
    placer.place(str(top), packed(tmp_path, a=file), nothing)
    assert (top / "code/a").exists()


@pytest.mark.parametrize(
    "hostile",
    [
        {"a": member("../a")},
        {"a": member("/a")},
        {"a": member("x", tarfile.SYMTYPE, linkname=".."), "b": member("x/b")},
        {"a": member("x", tarfile.SYMTYPE, linkname="../a"), "b": member("x")},
        {"a": member("d/" * placer.DEEPEST + "a")},
        {"a": member("d/" * 5000 + "a")},
    ],
)
def test_a_tree_that_leads_elsewhere_is_refused(top: Path, tmp_path: Path, hostile: dict[str, tarfile.TarInfo]) -> None:
    step = packed(tmp_path, **hostile)
    for _ in range(2):
        with pytest.raises(CannotPlace):
            placer.place(str(top), step, nothing)
    assert not (top / "code").exists()
    assert [one.name for one in top.iterdir()] == [".rcq-tree"]
    assert not (top / "a").exists()


def test_devices_pipes_and_hard_links_of_a_tree_are_not_made(top: Path, tmp_path: Path) -> None:
    kinds = {"p": tarfile.FIFOTYPE, "c": tarfile.CHRTYPE, "b": tarfile.BLKTYPE, "h": tarfile.LNKTYPE}
    members = {name: member(name, kind, linkname="/etc/passwd") for name, kind in kinds.items()}
    placer.place(str(top), packed(tmp_path, **members, s=member("s", mode=0o6777)), nothing)
    assert [one.name for one in (top / "code").iterdir()] == ["s"]
    assert (top / "code/s").stat().st_mode & 0o7000 == 0


def test_what_a_job_left_too_deep_in_the_way_is_told(top: Path, tmp_path: Path) -> None:
    at = os.open(top, os.O_RDONLY)
    for name in (".rcq-tree", *["d"] * 1500):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    try:
        with pytest.raises(CannotPlace, match="in the way"):
            placer.place(str(top), packed(tmp_path, a=member("a")), nothing)
    finally:
        subprocess.run(["rm", "-rf", str(top)], check=True)
