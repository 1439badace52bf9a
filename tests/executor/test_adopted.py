"""A process that runs already becomes a job's: watched, bounded, ended with its tree, never mistaken for another."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from engine.core.lifecycle import Cause
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.snapshot import Lease
from engine.executor import tree
from engine.executor.process import ProcessExecutor
from engine.ports import Ending, Launch, Process, Running

PATIENCE_S = 30.0
TREE = "sleep 300 & sleep 300 & echo ready; wait"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (what is waited for happens in other processes)
            await asyncio.sleep(0.005)


@pytest.fixture
def stranger() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a shell that rcq knows nothing of, and returns once it says that it is ready."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str = TREE) -> subprocess.Popen[str]:
        one = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(one)
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
        return one

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.wait()


class Host:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.endings: list[Ending] = []

    async def executor(self) -> ProcessExecutor:
        made = ProcessExecutor(self.root)
        await made.open(self.endings.append)
        return made

    async def ending(self) -> Ending:
        await until(lambda: bool(self.endings))
        return self.endings[0]

    def launch(self, process: Process, **values: float) -> Launch:
        directory = self.root / "jobs" / "7"
        directory.mkdir(parents=True, exist_ok=True)
        owner = Owner(account=AccountName("ada"), group=GroupName("bio"))
        key = GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=Shape(gpus=1))
        given = {"time_limit_s": 60.0, "warn_before_s": 0.0, "grace_s": 2.0} | values
        return Launch(
            job=JobId("7"), attempt=1, argv=("touch", str(self.root / "never")), environment={"PATH": "/bin:/usr/bin"},
            workdir=directory, directory=directory, adopt=process,
            lease=Lease(job=JobId("7"), key=key, gpus=(), started_at=0.0, expected_end=60.0), **given,
        )  # fmt: skip


@pytest_asyncio.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    root = tmp_path / "state"
    root.mkdir()
    yield Host(root)

    def left() -> bool:
        return any(str(root).encode() in _command(pid) for pid in tree.all_processes())

    await until(lambda: not left())


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def ended_process() -> Process:
    gone = subprocess.Popen(["sleep", "300"])
    process = of(gone.pid)
    gone.kill()
    gone.wait()
    return process


def shepherds(root: Path) -> list[int]:
    return [
        pid
        for pid in tree.all_processes()
        if str(root).encode() in _command(pid) and Path(f"/proc/{pid}/comm").read_text() == "rcq-shepherd\n"
    ]


def of(pid: int) -> Process:
    found = tree.stat(pid)
    assert found is not None
    return Process(pid=pid, start=found.start)


def group(pid: int) -> set[int]:
    return {one.pid for one in tree.all_processes().values() if one.session == pid}


async def test_it_is_the_jobs_with_all_that_descends_from_it_and_its_end_is_seen(host, stranger):
    one, other = stranger(), stranger()
    executor = await host.executor()
    running = await executor.start(host.launch(of(one.pid)))
    assert running.pid == one.pid
    assert len(group(one.pid)) == 3
    assert {executor.job_of(pid) for pid in group(one.pid)} == {"7"}
    assert {executor.job_of(pid) for pid in group(other.pid)} == {None}
    assert executor.job_of(os.getpid()) is None
    os.kill(one.pid, signal.SIGKILL)
    one.wait()
    ending = await host.ending()
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.EXIT, None, None)
    assert "exit code is known to its own parent only" in (ending.message or "")
    assert len(group(one.pid)) == 2, "what it left behind was never ours to end"
    assert {executor.job_of(pid) for pid in group(one.pid)} == {None}
    assert not (host.root / "never").exists(), "the command of an adopted process is never run"
    await executor.close()


async def test_cancel_ends_its_tree_and_nobody_else(host, stranger):
    one, other = stranger(), stranger()
    executor = await host.executor()
    await executor.start(host.launch(of(one.pid)))
    await executor.stop(JobId("7"), Cause.CANCELLED, 2.0)
    ending = await host.ending()
    assert ending.cause is Cause.CANCELLED
    one.wait()
    assert group(one.pid) == set()
    assert len(group(other.pid)) == 3
    await executor.close()


async def test_what_ignores_sigterm_is_killed_after_the_grace(host, stranger):
    one = stranger("trap '' TERM; (trap '' TERM; sleep 300) & echo ready; wait")
    executor = await host.executor()
    await executor.start(host.launch(of(one.pid)))
    await executor.stop(JobId("7"), Cause.CANCELLED, 0.2)
    assert (await host.ending()).cause is Cause.CANCELLED
    one.wait()
    assert group(one.pid) == set()
    await executor.close()


async def test_its_time_limit_counts_from_the_adoption(host, stranger):
    one = stranger()
    executor = await host.executor()
    await executor.start(host.launch(of(one.pid), time_limit_s=0.3))
    ending = await host.ending()
    assert ending.cause is Cause.TIME_LIMIT
    assert ending.ended_at - (ending.started_at or 0.0) >= 0.3
    await executor.close()


async def test_a_later_engine_finds_it(host, stranger):
    one = stranger()
    executor = await host.executor()
    launch = host.launch(of(one.pid))
    await executor.start(launch)
    await executor.close()
    second = await host.executor()
    found = await second.adopt(launch.job, 1, launch.directory)
    assert isinstance(found, Running)
    assert (found.pid, second.job_of(one.pid)) == (one.pid, "7")
    await second.stop(launch.job, Cause.CANCELLED, 2.0)
    assert (await host.ending()).cause is Cause.CANCELLED
    await second.close()


async def test_another_process_with_its_pid_is_not_taken(host, stranger):
    one = stranger()
    executor = await host.executor()
    await executor.start(host.launch(replace(of(one.pid), start=1)))
    ending = await host.ending()
    assert (ending.cause, ending.exit_code) == (Cause.LAUNCH_ERROR, None)
    assert "another one now" in (ending.message or "")
    assert one.poll() is None
    await executor.close()


async def test_one_that_has_ended_is_no_job(host):
    process = ended_process()
    executor = await host.executor()
    await executor.start(host.launch(process))
    assert (await host.ending()).cause is Cause.LAUNCH_ERROR
    await executor.close()


async def test_without_its_shepherd_it_is_left_alone(host, stranger):
    one = stranger()
    executor = await host.executor()
    launch = host.launch(of(one.pid))
    await executor.start(launch)
    (shepherd,) = shepherds(host.root)
    os.kill(shepherd, signal.SIGKILL)
    ending = await host.ending()
    assert (ending.cause, ending.signal) == (Cause.SIGNAL, None)
    assert "left alone" in (ending.message or "")
    assert one.poll() is None
    await executor.close()


def still(pid: int) -> list[bool]:
    return [one.state in tree.STOPPED for one in tree.all_processes().values() if one.session == pid]


@pytest.mark.parametrize("dies", ["shepherd", "process"])
async def test_nothing_of_it_stands_still_for_ever_when_whoever_paused_it_or_its_first_process_dies(
    host, stranger, dies
):
    one = stranger()
    executor = await host.executor()
    launch = host.launch(of(one.pid))
    await executor.start(launch)
    await executor.pause(launch.job)
    await until(lambda: still(one.pid) == [True] * 3)
    (shepherd,) = shepherds(host.root)
    os.kill(shepherd if dies == "shepherd" else one.pid, signal.SIGKILL)
    await host.ending()
    await until(lambda: still(one.pid) == [False] * (3 if dies == "shepherd" else 2))
    await executor.close()
