"""Removing what a hostile job left: all of it, nothing outside of it, however deep, and no open file too many."""

import os
import resource
from pathlib import Path

import pytest

from engine.core.model import JobId
from engine.executor import directory, removal

JOB = JobId("7")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return directory.make(tmp_path / "state", JOB)


def test_everything_goes_and_is_counted(place: Path) -> None:
    (place / "script").write_text("x")
    (place / "out" / "deep").mkdir(parents=True)
    (place / "out" / "deep" / "model.bin").write_bytes(b"x" * 10)
    os.mkfifo(place / "pipe")
    done = removal.remove(place)
    assert (done.removed, done.left) == (6, 0)
    assert not place.exists()
    assert removal.remove(place).removed == 0


def test_links_go_and_what_they_lead_to_stays(place: Path, tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "gold").write_text("mine")
    (place / "away").symlink_to(treasure)
    (place / "in").mkdir()
    (place / "in" / "up").symlink_to("../../..")
    (place / "in" / "gold").symlink_to(treasure / "gold")
    os.link(treasure / "gold", place / "hard")
    assert removal.remove(place).left == 0
    assert not place.exists()
    assert (treasure / "gold").read_text() == "mine"
    assert treasure.stat().st_mode & 0o777 == 0o755 & ~_umask()


def test_a_directory_that_became_a_link_is_refused(place: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").touch()
    place.rmdir()
    place.symlink_to(victim)
    with pytest.raises(OSError, match=r"."):
        removal.remove(place)
    assert (victim / "file").exists()


def test_depth_beyond_every_path_costs_no_open_files(place: Path) -> None:
    """3,000 levels: longer than any path may be, deeper than Python recurses, more than the open files allowed."""
    handle = os.open(place, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 10, dir_fd=handle)
        inner = os.open("d" * 10, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = len(list(Path("/proc/self/fd").iterdir())) + 8
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    try:
        done = removal.remove(place)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (done.removed, done.left) == (3001, 0)
    assert not place.exists()


def test_what_a_job_forbade_itself_goes_too(place: Path) -> None:
    """As somebody who is not root: for root, nothing is forbidden."""
    (place / "closed" / "inner").mkdir(parents=True)
    (place / "closed" / "inner" / "file").touch()
    (place / "closed" / "inner").chmod(0o500)
    (place / "closed").chmod(0)
    assert _as_nobody(place, 0) == 0
    assert not place.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="files of two users")
def test_what_belongs_to_another_user_stays_and_is_counted(place: Path) -> None:
    foreign = place / "theirs"
    foreign.mkdir()
    (foreign / "file").touch()
    os.chown(foreign, 12345, 12345)
    foreign.chmod(0o755)
    (place / "ours").touch()
    os.chown(place, 65534, 65534)
    assert _as_nobody(place, 1) == 0
    assert sorted(file.name for file in place.iterdir()) == ["theirs"]
    assert (foreign / "file").exists()


def test_it_ends_when_nobody_wants_it_any_more(place: Path) -> None:
    for number in range(20):
        (place / f"f{number}").touch()
    asked = iter([True] * 6)
    removal.remove(place, lambda: next(asked, False))
    assert 0 < len(list(place.iterdir())) < 20


def test_setting_aside_makes_room_for_a_new_directory(place: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    (place / "old").touch()
    assert removal.set_aside(state, JOB)
    assert removal.set_aside(state, JOB) is None
    (directory.make(state, JOB) / "new").touch()
    assert removal.set_aside(state, JOB)
    aside = removal.set_aside_earlier(state)
    assert sorted(file.name for one in aside for file in one.iterdir()) == ["new", "old"]
    assert not place.exists()


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def _as_nobody(place: Path, left: int) -> int:
    """Remove it in a process without privileges; 0 if that left so many things behind."""
    if os.geteuid() != 0:
        return int(removal.remove(place).left != left)
    for path in (place, *place.parents):
        if path == Path("/tmp"):
            break
        path.chmod(0o755)
    os.chown(place.parent, 65534, 65534)
    os.chown(place, 65534, 65534)
    for found in place.rglob("*"):
        if found.lstat().st_uid == 0:
            os.chown(found, 65534, 65534, follow_symlinks=False)
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        try:
            os._exit(int(removal.remove(place).left != left))
        except OSError:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
