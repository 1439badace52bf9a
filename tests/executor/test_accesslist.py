"""A job's directory on a machine with many people: the engine and the job's Unix user get in, nobody else does."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from engine.core.model import JobId
from engine.executor import accesslist, directory, logs
from engine.ports import CannotLaunch
from tests.executor.otherusers import ENGINE, USER1, USER2, as_root, may

JOB = JobId("7")


@pytest.fixture
def state() -> Iterator[Path]:
    """A state directory of the engine's user, where others may pass through."""
    with TemporaryDirectory(prefix="rcq-acl-", dir="/var/tmp") as name:
        place = Path(name)
        (place / "jobs").mkdir()
        for one in (place, place / "jobs"):
            os.chown(one, ENGINE, ENGINE)
            one.chmod(0o711)
        yield place


@pytest.fixture
def job(state: Path) -> Path:
    """A directory that the engine's user made for a job of the first user."""

    def make() -> None:
        place = directory.make(state, JOB, USER1)
        directory.write_script(place, "echo secret")
        os.close(os.open(place / "stdout.log", os.O_CREAT | os.O_WRONLY, 0o644))

    assert may(ENGINE, make, umask=0o077)
    return state / "jobs" / JOB


@pytest.mark.root
@as_root
def test_its_user_works_in_it_and_another_can_do_nothing(job: Path) -> None:
    assert may(USER1, (job / "script").read_text)
    assert may(USER1, (job / "stdout.log").read_text)
    assert may(USER1, (job / "out").mkdir)
    assert may(USER1, lambda: (job / "out" / "x").write_text("mine"))
    for attempt in (
        lambda: list(job.iterdir()),
        (job / "script").read_text,
        (job / "stdout.log").read_text,
        (job / "stdout.log").stat,
        (job / "out" / "x").read_text,
        (job / "planted").touch,
        (job / "stdout.log").unlink,
        lambda: os.setxattr(job, accesslist.ACCESS, accesslist.packed([USER2])),
    ):
        assert not may(USER2, attempt)


@pytest.mark.root
@as_root
def test_nobody_takes_the_directory_from_the_engine(job: Path) -> None:
    for user in (USER1, USER2):
        assert not may(user, lambda: list(job.parent.iterdir()))
        assert not may(user, lambda: job.rename(f"{job}x"))
        assert not may(user, lambda: job.chmod(0o777))
        assert not may(user, lambda: os.setxattr(job, accesslist.DEFAULT, accesslist.packed([USER2])))
    assert not may(USER1, lambda: (job / "stdout.log").write_text("forged"))


@pytest.mark.root
@as_root
def test_the_engine_reads_and_removes_what_its_user_made(job: Path) -> None:
    assert may(USER1, lambda: (job / "a" / "b").mkdir(parents=True))
    assert may(USER1, lambda: (job / "a" / "b" / "c").write_text("result"))
    assert may(ENGINE, (job / "a" / "b" / "c").read_text)
    assert may(ENGINE, lambda: shutil.rmtree(job), umask=0o077)
    assert not job.exists()


@pytest.mark.root
@as_root
def test_another_attempt_as_another_user_shuts_the_first_one_out(state: Path, job: Path) -> None:
    assert may(ENGINE, lambda: directory.make(state, JOB, USER2), umask=0o077)
    assert not may(USER1, lambda: list(job.iterdir()))
    assert may(USER2, lambda: list(job.iterdir()))


@pytest.mark.root
@as_root
def test_what_its_user_puts_in_place_of_a_log_is_not_followed_or_waited_for(job: Path) -> None:
    secret = job.parent.parent / "rcq.db"
    secret.write_text("hashes")
    log = job / "stdout.log"
    for trick in (lambda: os.mkfifo(log), log.mkdir, lambda: log.symlink_to(secret)):
        assert may(USER1, log.unlink)
        assert may(USER1, trick)
        assert logs.read(job, "stdout", 0, 100).data == b""
        assert not logs.append(job, "stdout", b"line")
        if log.is_dir():
            log.rmdir()
            log.touch()
    log.unlink()
    log.hardlink_to(secret)  # anybody may, on a kernel without fs.protected_hardlinks
    assert logs.read(job, "stdout", 0, 100).data == b""
    assert secret.read_text() == "hashes"


def test_the_lists_are_what_the_kernel_tells_back(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        accesslist.share(handle, [USER2, USER1])
        assert os.getxattr(handle, accesslist.ACCESS) == accesslist.packed([USER1, USER2])
        assert os.getxattr(handle, accesslist.DEFAULT) == accesslist.packed([os.getuid(), USER1, USER2])
    finally:
        os.close(handle)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o770, "the group's bits show the mask"


def test_without_access_lists_the_launch_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(CannotLaunch, match=r"no POSIX access lists\. Mount it"):
        directory.make(tmp_path, JobId("7"), USER1)


def test_an_engine_of_the_same_user_makes_no_lists(tmp_path: Path) -> None:
    made = directory.make(tmp_path, JobId("7"))
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert accesslist.ACCESS not in os.listxattr(made)
