"""What every executor must do, asked of the fake and of the process executor alike."""

import asyncio
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from engine.core.lifecycle import Cause
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.snapshot import Lease
from engine.executor import tree
from engine.executor.process import ProcessExecutor
from engine.ports import Ending, Executor, Launch, Process, Running
from tests.contract.fake_executor import Behaviour, FakeExecutor, FakeHost

PATIENCE_S = 10.0

OK = ("sh", "-c", "exit 0")
SEVEN = ("sh", "-c", "exit 7")
KILLED = ("sh", "-c", "kill -9 $$")
MISSING = ("no-such-command-anywhere", "x")
WRITES = ("sh", "-c", "echo out; echo err >&2")
WAITS = ("sh", "-c", "until [ -e release ]; do sleep 0.02; done; exit 3")
TREE = ("sh", "-c", "sleep 300 & (setsid sleep 300 &) ; echo ready; sleep 300; exit 3")
BEHAVIOURS = {
    OK: Behaviour(exit_code=0),
    SEVEN: Behaviour(exit_code=7),
    KILLED: Behaviour(signal=9),
    MISSING: Behaviour(missing=True),
    WRITES: Behaviour(exit_code=0, stdout=b"out\n", stderr=b"err\n"),
    WAITS: Behaviour(exit_code=3, waits=True),
    TREE: Behaviour(waits=True, processes=4, stdout=b"ready\n"),
}
"""Each command, and what the fake is told that it does."""


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it; the test fails if it never comes true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (what is waited for happens in other processes)
            await asyncio.sleep(0.005)


class Side(Protocol):
    """The fake or the real one, with the levers that a test needs."""

    root: Path

    def executor(self) -> Executor:
        """Another engine's executor on the same host."""
        ...

    def living(self, job: str) -> int:
        """How many processes of a job are left."""
        ...

    def still(self, job: str) -> int:
        """How many of them stand still."""
        ...

    def release(self, job: str) -> None:
        """Let a job of `WAITS` go on to its end."""
        ...

    def stranger(self) -> Process:
        """A process that no executor started."""
        ...

    def leave(self, pid: int) -> None:
        """Let a stranger end by itself."""
        ...


class FakeSide:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.host = FakeHost()
        for argv, behaviour in BEHAVIOURS.items():
            self.host.expect(argv, behaviour)

    def executor(self) -> Executor:
        return FakeExecutor(self.host)

    def living(self, job: str) -> int:
        return self.host.living(JobId(job))

    def still(self, job: str) -> int:
        return self.living(job) if self.host.is_still(JobId(job)) else 0

    def release(self, job: str) -> None:
        self.host.release(JobId(job))

    def stranger(self) -> Process:
        return self.host.stranger()

    def leave(self, pid: int) -> None:
        self.host.leave(pid)


class RealSide:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.strangers: dict[int, subprocess.Popen[bytes]] = {}

    def executor(self) -> Executor:
        return ProcessExecutor(self.root)

    def living(self, job: str) -> int:
        mark = f"MARK={self.root}/{job}".encode()
        return sum(mark in environment(pid) for pid in tree.all_processes())

    def still(self, job: str) -> int:
        mark = f"MARK={self.root}/{job}".encode()
        found = tree.all_processes().values()
        return sum(mark in environment(one.pid) for one in found if one.state in tree.STOPPED)

    def release(self, job: str) -> None:
        (self.root / "jobs" / job / "release").touch()

    def stranger(self) -> Process:
        one = subprocess.Popen(["sleep", "300"], env={"MARK": f"{self.root}/stranger"})
        self.strangers[one.pid] = one
        found = tree.stat(one.pid)
        assert found is not None
        return Process(pid=one.pid, start=found.start)

    def leave(self, pid: int) -> None:
        self.strangers[pid].kill()
        self.strangers[pid].wait()


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def processes_of(root: Path) -> list[int]:
    """Jobs (by their environment) and supervisor (by its argument) of that state directory."""
    return [
        pid
        for pid in tree.all_processes()
        if str(root).encode() in b"".join(environment(pid)) or str(root).encode() in command_line(pid)
    ]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Engine:
    """An open executor and what it told."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.executor = side.executor()
        self.endings: list[Ending] = []

    async def open(self) -> "Engine":
        await self.executor.open(self.endings.append)
        return self

    async def end_of(self, job: str) -> Ending:
        await until(lambda: any(one.job == job for one in self.endings))
        return next(one for one in self.endings if one.job == job)


def launch(side: Side, job: str, argv: tuple[str, ...], *, time_limit_s: float = 60.0, attempt: int = 1) -> Launch:
    directory = side.root / "jobs" / job
    directory.mkdir(parents=True, exist_ok=True)
    key = GroupKey(
        owner=Owner(account=AccountName("ada"), group=GroupName("bio")),
        service=None,
        priority=5,
        preemptible=False,
        shape=Shape(),
    )
    return Launch(
        job=JobId(job),
        attempt=attempt,
        argv=argv,
        environment={"PATH": os.environ["PATH"], "MARK": f"{side.root}/{job}"},
        workdir=directory,
        directory=directory,
        time_limit_s=time_limit_s,
        warn_before_s=0.0,
        grace_s=2.0,
        lease=Lease(job=JobId(job), key=key, gpus=(), started_at=0.0, expected_end=60.0),
    )


@pytest_asyncio.fixture(params=[FakeSide, RealSide], ids=["fake", "process"])
async def side(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Side]:
    """A host without jobs; at the end nothing that a test started may be left."""
    root = tmp_path / "state"
    root.mkdir()
    yield request.param(root)
    try:
        await until(lambda: not processes_of(root))
    finally:
        for pid in processes_of(root):
            os.kill(pid, signal.SIGKILL)


@pytest_asyncio.fixture
async def engine(side: Side) -> AsyncIterator[Engine]:
    made = await Engine(side).open()
    yield made
    await made.executor.close()


@pytest.mark.parametrize(("argv", "code"), [(OK, 0), (SEVEN, 7)], ids=["ok", "seven"])
async def test_exit_code(side: Side, engine: Engine, argv: tuple[str, ...], code: int) -> None:
    running = await engine.executor.start(launch(side, "1", argv))
    ending = await engine.end_of("1")
    assert (running.job, running.attempt, running.pid is not None) == ("1", 1, True)
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.EXIT, code, None)
    assert ending.started_at == running.started_at
    assert ending.ended_at >= running.started_at


async def test_killed_by_signal(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", KILLED))
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.SIGNAL, None, 9)


async def test_command_not_found_is_an_ending(side: Side, engine: Engine) -> None:
    running = await engine.executor.start(launch(side, "1", MISSING))
    assert running.pid is None
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.LAUNCH_ERROR, None, None)
    assert MISSING[0] in (ending.message or "")


async def test_output_lands_in_the_files(side: Side, engine: Engine) -> None:
    one = launch(side, "1", WRITES)
    await engine.executor.start(one)
    await engine.end_of("1")
    assert (one.directory / "stdout.log").read_bytes() == b"out\n"
    assert (one.directory / "stderr.log").read_bytes() == b"err\n"


async def test_time_limit(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE, time_limit_s=0.2))
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.TIME_LIMIT, None, 15)
    assert side.living("1") == 0


async def test_stop_ends_the_whole_tree(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE))
    await until(lambda: side.living("1") == 4)
    await engine.executor.stop(JobId("1"), Cause.CANCELLED, 2.0)
    ending = await engine.end_of("1")
    assert (ending.cause, ending.signal) == (Cause.CANCELLED, 15)
    assert side.living("1") == 0


async def test_stop_of_what_does_not_run_does_nothing(side: Side, engine: Engine) -> None:
    await engine.executor.stop(JobId("1"), Cause.CANCELLED, 0.0)
    await engine.executor.start(launch(side, "2", SEVEN))
    await engine.end_of("2")
    await engine.executor.stop(JobId("2"), Cause.CANCELLED, 0.0)
    assert [one.cause for one in engine.endings] == [Cause.EXIT]


async def test_pause_stops_the_whole_tree_and_its_time_limit(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE, time_limit_s=0.6))
    await until(lambda: side.living("1") == 4)
    await engine.executor.pause(JobId("1"))
    await engine.executor.pause(JobId("1"))
    await until(lambda: side.still("1") == 4)
    await engine.executor.start(launch(side, "2", TREE, time_limit_s=1.0))
    await engine.end_of("2")
    assert ([one.job for one in engine.endings], side.still("1")) == (["2"], 4), "its limit is long over by the clock"
    await engine.executor.go_on(JobId("1"))
    assert (await engine.end_of("1")).cause is Cause.TIME_LIMIT
    assert side.living("1") == 0


async def test_a_job_goes_on_where_it_stood(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", WAITS))
    await engine.executor.pause(JobId("1"))
    await until(lambda: side.still("1") > 0)
    await engine.executor.go_on(JobId("1"))
    await until(lambda: side.still("1") == 0)
    side.release("1")
    assert (await engine.end_of("1")).exit_code == 3


async def test_stop_of_a_paused_job(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE))
    await until(lambda: side.living("1") == 4)
    await engine.executor.pause(JobId("1"))
    await until(lambda: side.still("1") == 4)
    await engine.executor.stop(JobId("1"), Cause.CANCELLED, 5.0)
    ending = await engine.end_of("1")
    assert (ending.cause, ending.signal) == (Cause.CANCELLED, 15)
    assert side.living("1") == 0


async def test_pause_of_what_does_not_run_does_nothing(side: Side, engine: Engine) -> None:
    await engine.executor.pause(JobId("1"))
    await engine.executor.go_on(JobId("1"))
    await engine.executor.start(launch(side, "2", SEVEN))
    await engine.end_of("2")
    await engine.executor.pause(JobId("2"))
    assert [one.cause for one in engine.endings] == [Cause.EXIT]


async def test_adopt_of_a_paused_attempt(side: Side, engine: Engine) -> None:
    one = launch(side, "1", TREE)
    running = await engine.executor.start(one)
    await until(lambda: side.living("1") == 4)
    await engine.executor.pause(one.job)
    await until(lambda: side.still("1") == 4)
    await engine.executor.close()
    second = await Engine(side).open()
    found = await second.executor.adopt(one.job, 1, one.directory)
    assert isinstance(found, Running)
    assert found.paused_since is not None
    assert found.paused_since >= running.started_at
    await second.executor.go_on(one.job)
    await until(lambda: side.still("1") == 0)
    await second.executor.close()
    third = await Engine(side).open()
    again = await third.executor.adopt(one.job, 1, one.directory)
    assert isinstance(again, Running)
    assert (again.paused_since, again.paused_s > 0) == (None, True)
    await third.executor.stop(one.job, Cause.CANCELLED, 2.0)
    await third.end_of("1")
    await third.executor.close()


async def test_adopt_while_it_runs(side: Side, engine: Engine) -> None:
    one = launch(side, "1", WAITS)
    running = await engine.executor.start(one)
    await engine.executor.close()
    second = await Engine(side).open()
    assert await second.executor.adopt(one.job, 1, one.directory) == running
    side.release("1")
    ending = await second.end_of("1")
    assert (ending.cause, ending.exit_code, ending.started_at) == (Cause.EXIT, 3, running.started_at)
    assert engine.endings == []
    await second.executor.close()


async def test_stop_of_an_adopted_attempt(side: Side, engine: Engine) -> None:
    one = launch(side, "1", TREE)
    await engine.executor.start(one)
    await until(lambda: side.living("1") == 4)
    await engine.executor.close()
    second = await Engine(side).open()
    assert isinstance(await second.executor.adopt(one.job, 1, one.directory), Running)
    await second.executor.stop(one.job, Cause.CANCELLED, 2.0)
    assert (await second.end_of("1")).cause is Cause.CANCELLED
    assert side.living("1") == 0
    await second.executor.close()


async def test_adopt_after_it_ended_meanwhile(side: Side, engine: Engine) -> None:
    one = launch(side, "1", WAITS)
    await engine.executor.start(one)
    await engine.executor.close()
    side.release("1")
    await until(lambda: side.living("1") == 0)
    second = await Engine(side).open()
    found = await adopted_ending(second, one)
    assert (found.cause, found.exit_code, found.attempt) == (Cause.EXIT, 3, 1)
    await second.executor.close()


async def adopted_ending(engine: Engine, one: Launch) -> Ending:
    """The job's processes are gone a moment before its end is written: then it still counts as running."""
    found = await engine.executor.adopt(one.job, one.attempt, one.directory)
    if isinstance(found, Running):
        return await engine.end_of(one.job)
    assert isinstance(found, Ending)
    assert engine.endings == [], "an ending that adopt returns is not told again"
    return found


async def test_adopt_what_never_began(side: Side, engine: Engine) -> None:
    one = launch(side, "1", SEVEN)
    assert await engine.executor.adopt(one.job, 1, one.directory) is None
    assert await engine.executor.adopt(JobId("2"), 1, side.root / "jobs" / "2") is None
    await engine.executor.start(one)
    await engine.end_of("1")
    assert await engine.executor.adopt(one.job, 2, one.directory) is None, "the end of attempt 1 is not that of 2"


async def test_second_start_of_an_attempt_runs_it_once(side: Side, engine: Engine) -> None:
    one = launch(side, "1", WRITES)
    await asyncio.gather(engine.executor.start(one), engine.executor.start(one))
    await engine.end_of("1")
    await engine.executor.start(one)
    second = await Engine(side).open()
    await second.executor.start(one)
    assert (await second.end_of("1")).exit_code == 0
    assert (one.directory / "stdout.log").read_bytes() == b"out\n"
    assert len(engine.endings) == 1
    await second.executor.close()


async def test_next_attempt_runs_again(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", SEVEN))
    await engine.end_of("1")
    await engine.executor.start(launch(side, "1", OK, attempt=2))
    await until(lambda: len(engine.endings) == 2)
    assert [(one.attempt, one.exit_code) for one in engine.endings] == [(1, 7), (2, 0)]


async def test_many_at_once(side: Side, engine: Engine) -> None:
    jobs = [launch(side, str(number), SEVEN if number % 2 else WRITES) for number in range(60)]
    started = await asyncio.gather(*(engine.executor.start(one) for one in jobs))
    assert [one.job for one in started] == [one.job for one in jobs]
    await until(lambda: len(engine.endings) == 60)
    assert Counter((one.job, one.exit_code) for one in engine.endings) == {
        (one.job, 7 if int(one.job) % 2 else 0): 1 for one in jobs
    }


async def test_a_running_process_is_adopted_and_its_end_is_seen(side: Side, engine: Engine) -> None:
    process, other = side.stranger(), side.stranger()
    one = replace(launch(side, "1", MISSING), adopt=process)
    running = await engine.executor.start(one)
    assert running.pid == process.pid
    assert [engine.executor.job_of(pid) for pid in (process.pid, other.pid)] == ["1", None]
    await engine.executor.close()
    second = await Engine(side).open()
    assert await second.executor.adopt(one.job, 1, one.directory) == running
    side.leave(process.pid)
    ending = await second.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.EXIT, None, None)
    assert second.executor.job_of(process.pid) is None
    side.leave(other.pid)
    await second.executor.close()


async def test_stop_of_an_adopted_process(side: Side, engine: Engine) -> None:
    process = side.stranger()
    await engine.executor.start(replace(launch(side, "1", MISSING), adopt=process))
    await engine.executor.stop(JobId("1"), Cause.CANCELLED, 2.0)
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.CANCELLED, None, None)
    side.leave(process.pid)


async def test_a_pid_that_is_another_process_now_is_not_adopted(side: Side, engine: Engine) -> None:
    process = side.stranger()
    running = await engine.executor.start(replace(launch(side, "1", MISSING), adopt=replace(process, start=1)))
    assert running.pid is None
    assert (await engine.end_of("1")).cause is Cause.LAUNCH_ERROR
    side.leave(process.pid)


async def test_whose_a_process_is(side: Side, engine: Engine) -> None:
    one, two = launch(side, "1", WAITS), launch(side, "2", WAITS)
    first, second = await engine.executor.start(one), await engine.executor.start(two)
    assert first.pid and second.pid
    assert [engine.executor.job_of(running.pid) for running in (first, second)] == ["1", "2"]
    for job in ("1", "2"):
        side.release(job)
        await engine.end_of(job)
    assert engine.executor.job_of(first.pid) is None
