"""A paused job: nothing of it runs, whatever it does about that; its clock stands still; records outlive the engine."""

import errno
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor import pausing, records, tree
from engine.ports import CannotPause, Running
from tests.executor.conftest import Engine, kill, until

FORKS = "echo ready; while :; do for i in 1 2 3 4 5 6 7 8; do sleep 0.001 & done; wait; done"
JOB = JobId("1")


def marked(engine: Engine) -> dict[int, str]:
    """Every process of the jobs, as their environment tells them, and its state."""
    mark = f"MARK={engine.root}".encode()
    found = tree.all_processes().values()
    return {one.pid: one.state for one in found if mark in environment(one.pid) and is_job(one.pid)}


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def is_job(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() not in {"rcq-supervisor", "rcq-shepherd"}
    except OSError:
        return False


def all_still(engine: Engine) -> bool:
    """A shell that was caught between vfork and exec waits (D) for the child that was stopped there."""
    found = marked(engine)
    waited_for = {one.parent for one in tree.all_processes().values() if one.state in tree.STOPPED}
    return bool(found) and all(
        state in tree.STOPPED or (state == "D" and pid in waited_for) for pid, state in found.items()
    )


async def test_a_tree_that_forks_without_end_is_caught_whole(engine: Engine) -> None:
    await engine.start("sh", "-c", FORKS)
    await engine.said("ready")
    await engine.executor.pause(JOB)
    await until(lambda: all_still(engine))
    pids = marked(engine)
    await engine.start("sleep", "0.3", job="2")  # some time later
    await engine.end_of("2")
    assert all_still(engine)
    assert pids.keys() == marked(engine).keys(), "no process came or went"
    await engine.stop()
    assert (await engine.end_of()).cause is Cause.CANCELLED


async def test_a_process_that_is_woken_is_stopped_again(engine: Engine) -> None:
    running = await engine.start("sh", "-c", "echo ready; while :; do sleep 0.01; done")
    await engine.said("ready")
    await engine.executor.pause(JOB)
    await until(lambda: all_still(engine))
    assert running.pid is not None
    kill(running.pid, signal.SIGCONT)  # from here on it runs, until somebody stops it
    await until(lambda: all_still(engine))
    await engine.stop()
    await engine.end_of()


async def test_what_the_job_had_stopped_itself_stays_stopped(engine: Engine) -> None:
    await engine.start("sh", "-c", "sleep 300 & kill -STOP $!; echo $!; while :; do sleep 0.01; done")
    inner = int((await engine.said("\n")).split()[0])
    await until(lambda: (found := tree.stat(inner)) is not None and found.state in tree.STOPPED)
    await engine.executor.pause(JOB)
    await until(lambda: all_still(engine))
    await engine.executor.go_on(JOB)
    await until(lambda: not all_still(engine))
    found = tree.stat(inner)
    assert found is not None
    assert found.state in tree.STOPPED
    await engine.stop()
    await engine.end_of()


async def test_the_warning_waits_too(engine: Engine) -> None:
    story = "trap 'echo warned' USR1; trap 'exit 4' TERM; echo ready; while :; do sleep 0.01; done"
    await engine.start("sh", "-c", story, time_limit_s=1.0, warn_before_s=0.6)
    await engine.said("ready")
    await engine.executor.pause(JOB)
    await until(lambda: all_still(engine))
    await engine.start("sleep", "1.2", job="2")
    await engine.end_of("2")
    assert "warned" not in (engine.root / "jobs" / "1" / "stdout.log").read_text()
    await engine.executor.go_on(JOB)
    ending = await engine.end_of()
    assert (ending.cause, ending.exit_code) == (Cause.TIME_LIMIT, 4)
    assert "warned" in (engine.root / "jobs" / "1" / "stdout.log").read_text()
    assert ending.started_at is not None
    assert ending.ended_at - ending.started_at > 2.1


async def test_a_paused_job_that_is_killed_has_ended(engine: Engine) -> None:
    running = await engine.start("sh", "-c", "sleep 300 & wait")
    await engine.executor.pause(JOB)
    await until(lambda: all_still(engine))
    assert running.pid is not None
    kill(running.pid)
    assert (await engine.end_of()).signal == signal.SIGKILL


async def test_a_wish_whose_signal_never_came_is_told_by_the_next_engine(engine: Engine) -> None:
    one = engine.launch("sh", "-c", "echo ready; while :; do sleep 0.01; done")
    await engine.executor.start(one)
    await engine.said("ready")
    handle = records.open_directory(str(one.directory))
    pausing.wish(handle, 1, paused=True)
    os.close(handle)
    second = await Engine(engine.root).open()
    found = await second.executor.adopt(JOB, 1, one.directory)
    assert isinstance(found, Running)
    assert found.paused_since is not None
    await until(lambda: all_still(engine))
    await second.executor.stop(JOB, Cause.CANCELLED, 2.0)
    await second.end_of()
    await second.executor.close()


async def test_a_job_of_an_earlier_version_is_not_called_paused(engine: Engine) -> None:
    one = engine.launch("sh", "-c", "sleep 300")
    await engine.executor.start(one)
    await engine.executor.close()
    path = one.directory / "run-1.json"
    record = json.loads(path.read_text())
    assert record.pop("pauses") is True
    path.write_text(json.dumps(record))
    second = await Engine(engine.root).open()
    await second.executor.adopt(JOB, 1, one.directory)
    with pytest.raises(CannotPause, match="earlier version"):
        await second.executor.pause(JOB)
    await second.executor.stop(JOB, Cause.CANCELLED, 2.0)
    await second.end_of()
    await second.executor.close()


async def test_a_directory_that_is_gone_is_said(engine: Engine, tmp_path: Path) -> None:
    one = engine.launch("sh", "-c", "sleep 300")
    await engine.executor.start(one)
    one.directory.rename(tmp_path / "elsewhere")
    with pytest.raises(CannotPause, match="directory"):
        await engine.executor.pause(JOB)
    (tmp_path / "elsewhere").rename(one.directory)
    await engine.stop()
    await engine.end_of()


async def test_a_full_disk_lets_a_paused_job_go_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    await engine.start("sleep", "300")
    await engine.executor.pause(JOB)
    await until(lambda: all_still(engine))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(records, "write", full)
        await engine.executor.go_on(JOB)
    await until(lambda: not all_still(engine))
    await engine.stop()
    await engine.end_of()


async def test_a_paused_job_whose_directory_was_removed_goes_on(engine: Engine) -> None:
    one = engine.launch("sleep", "300")
    await engine.executor.start(one)
    await engine.executor.pause(JOB)
    await until(lambda: all_still(engine))
    shutil.rmtree(one.directory)
    await engine.executor.go_on(JOB)
    await until(lambda: not all_still(engine))
    await engine.stop()
    await engine.end_of()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"since_boot": 5.0, "total_s": 3.0}', (5.0, 3.0)),
        ('{"since_boot": "now", "total_s": NaN}', (None, 0.0)),
        ('{"since_boot": -1, "total_s": true}', (None, 0.0)),
        ("[]", (None, 0.0)),
    ],
)
def test_a_state_that_no_shepherd_wrote_is_none(tmp_path: Path, text: str, found: tuple[float | None, float]) -> None:
    (tmp_path / pausing.state_name(1)).write_text(text)
    handle = records.open_directory(str(tmp_path))
    try:
        assert pausing.state(handle, 1) == found
        pausing.wish(handle, 1, paused=True)
        since, _, untold = pausing.take_up(handle, 1, 0.0)
        assert (since is not None, untold) == (True, found[0] is None)
    finally:
        os.close(handle)


@pytest.mark.parametrize("since", ["null", "5.0"])
def test_nobody_stood_still_for_longer_than_he_was_there(tmp_path: Path, since: str) -> None:
    (tmp_path / pausing.state_name(1)).write_text(f'{{"since_boot": {since}, "total_s": 1e300}}')
    started_at = time.time() - 10
    handle = records.open_directory(str(tmp_path))
    try:
        pausing.wish(handle, 1, paused=True)
        begun, total_s, _ = pausing.take_up(handle, 1, started_at)
    finally:
        os.close(handle)
    assert begun is not None
    assert started_at <= begun <= time.time()
    assert 0.0 <= total_s <= begun - started_at


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
def test_a_clock_that_is_set_makes_no_pause_longer_or_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_s: float
) -> None:
    since_boot, now = time.monotonic() - 20.0, time.time() + by_s
    (tmp_path / pausing.state_name(1)).write_text(f'{{"since_boot": {since_boot}, "total_s": 5.0}}')
    monkeypatch.setattr(time, "time", lambda: now)
    handle = records.open_directory(str(tmp_path))
    try:
        pausing.wish(handle, 1, paused=True)
        begun, total_s, untold = pausing.take_up(handle, 1, now - 100.0)
    finally:
        os.close(handle)
    assert begun == pytest.approx(now - 20.0, abs=1.0)
    assert (total_s, untold) == (5.0, False)
